"""Prices: points, and what they are multiplied with by the variables of an operation."""

from collections.abc import Mapping
from dataclasses import dataclass

from graphql import ArgumentNode, VariableNode, value_from_ast_untyped

from resolvers.commands.batches.outcomes import MAX_BATCH
from resolvers.query.filters.cost import weight_of
from schema.types.page_arguments import DEFAULT_PAGE, MAX_NODES, MAX_PAGE_SIZE

# The variables of an operation, coerced to the types that it declares.
Variables = dict[str, object]
# A number, the name of a variable that holds it, or None where it is not given.
Given = int | str | None


@dataclass(frozen=True, slots=True)
class Page:
    """The rows of a page, by the arguments that say how many."""

    first: Given
    last: Given

    def count(self, variables: Variables) -> int:
        """Return how many there may be; what is out of bounds is refused later, with its reason."""
        size = _value(self.last, variables)
        if size is None:
            size = _value(self.first, variables)
        # An empty page is prepared like others.
        return DEFAULT_PAGE if size is None else max(1, min(size, MAX_PAGE_SIZE))

    @property
    def names(self) -> frozenset[str]:
        """The variables that decide."""
        return frozenset(one for one in (self.first, self.last) if isinstance(one, str))


@dataclass(frozen=True, slots=True)
class Listed:
    """The objects whose ids a variable lists."""

    ids: str

    def count(self, variables: Variables) -> int:
        """Return how many there are."""
        ids = variables.get(self.ids)
        return max(1, min(len(ids) if isinstance(ids, list) else 0, MAX_NODES))

    @property
    def names(self) -> frozenset[str]:
        """The variable."""
        return frozenset([self.ids])


@dataclass(frozen=True, eq=False, slots=True)
class Conditions:
    """The conditions of the filters that a field takes, in the worth of plain ones."""

    arguments: tuple[ArgumentNode, ...]
    names: frozenset[str]

    def count(self, variables: Variables) -> int:
        """Return how much they are worth."""
        return sum(self._weight(one, variables) for one in self.arguments)

    def _weight(self, argument: ArgumentNode, variables: Variables) -> int:
        value = _given_to(argument, variables)
        if argument.name.value == "input" and isinstance(value, Mapping):
            value = value.get("filter")
        if argument.name.value in ("filter", "input"):
            return weight_of(value) if isinstance(value, Mapping) else 0
        return weight_of({"search": value})


@dataclass(frozen=True, eq=False, slots=True)
class Batch:
    """The tickets that a mutation writes, by its input: those it lists, or expects of a filter."""

    argument: ArgumentNode
    names: frozenset[str]

    def count(self, variables: Variables) -> int:
        """Return how many there may be; too many are refused later, with the reason."""
        given = _given_to(self.argument, variables)
        if not isinstance(given, Mapping):
            return 1
        listed = given.get("inputs") or given.get("ids") or given.get("eventIds")
        size = len(listed) if isinstance(listed, list) else given.get("expectedCount")
        return max(1, min(size, MAX_BATCH)) if isinstance(size, int) else 1


def _given_to(argument: ArgumentNode, variables: Variables) -> object:
    """Return the value of an argument, by the names of the schema."""
    node = argument.value
    if isinstance(node, VariableNode):
        return variables.get(node.name.value)
    return value_from_ast_untyped(node, variables)


Size = Page | Listed | Conditions | Batch


@dataclass(frozen=True, slots=True)
class Points:
    """What something costs: a point for each object, and what no object stands for."""

    objects: int = 0
    others: int = 0

    def __add__(self, other: "Points") -> "Points":
        return Points(self.objects + other.objects, self.others + other.others)

    def __mul__(self, size: int) -> "Points":
        return Points(self.objects * size, self.others * size)

    @property
    def total(self) -> int:
        """All of it."""
        return self.objects + self.others


NOTHING = Points()


@dataclass(frozen=True, slots=True)
class Price:
    """A number of points, and what is still to be multiplied with sizes from the variables."""

    points: Points = NOTHING
    parts: tuple[tuple[Size, "Price"], ...] = ()

    def __add__(self, other: "Price") -> "Price":
        return Price(self.points + other.points, self.parts + other.parts)

    def times(self, size: int | Size) -> "Price":
        """Return the price of several."""
        if not isinstance(size, int) and not size.names:
            size = size.count({})
        if not isinstance(size, int):
            return Price(NOTHING, ((size, self),))
        # A constant size goes into each part's own price.
        return Price(self.points * size, tuple((one, part.times(size)) for one, part in self.parts))

    def of(self, counts: Mapping[Size, int]) -> Points:
        """Return the points that it is where the sizes are these."""
        found = self.points
        for size, part in self.parts:
            found += part.of(counts) * counts[size]
        return found

    def sizes(self) -> set[Size]:
        """Return the sizes that decide."""
        return {size for size, _ in self.parts}.union(*(part.sizes() for _, part in self.parts))


def _value(given: Given, variables: Variables) -> int | None:
    found = variables.get(given) if isinstance(given, str) else given
    return found if isinstance(found, int) else None
