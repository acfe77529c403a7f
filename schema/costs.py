"""What an operation may cost, known before it is run: a point for each object of its answer.

What the document alone decides is found once and kept with it, so that a request for a known
document only multiplies the sizes in its variables. The cost is the most there can be: both sides
of a directive count, and every type of a fragment. Only a list without pages may turn out longer
than it was taken for.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_list_type,
)

from schema.words import DEFAULT_PAGE, MOST_NODES, MOST_PAGE

# What each root field of a mutation costs besides the objects of its answer.
WRITE = 10
FREE = "rateLimit"
# How many sets of sizes an operation keeps its cost for.
MOST_KEPT = 64

# A number, the name of a variable that holds it, or None where it is not given.
Given = int | str | None


@dataclass(frozen=True, slots=True)
class Page:
    """The rows of a page, by the arguments that say how many."""

    first: Given
    last: Given

    def count(self, variables: Mapping[str, Any]) -> int:
        """Return how many there may be; what is out of bounds is refused later, with its reason."""
        size = _value(self.last, variables)
        if size is None:
            size = _value(self.first, variables)
        return DEFAULT_PAGE if size is None else max(0, min(size, MOST_PAGE))

    @property
    def names(self) -> frozenset[str]:
        """The variables that decide."""
        return frozenset(one for one in (self.first, self.last) if isinstance(one, str))


@dataclass(frozen=True, slots=True)
class Listed:
    """The objects whose ids a variable lists."""

    ids: str

    def count(self, variables: Mapping[str, Any]) -> int:
        """Return how many there are."""
        return min(len(variables.get(self.ids) or ()), MOST_NODES)

    @property
    def names(self) -> frozenset[str]:
        """The variable."""
        return frozenset([self.ids])


@dataclass(frozen=True, slots=True)
class Price:
    """A number of points, and what is still to be multiplied with sizes from the variables."""

    points: int = 0
    parts: tuple[tuple["Page | Listed", "Price"], ...] = ()

    def __add__(self, other: "Price") -> "Price":
        return Price(self.points + other.points, self.parts + other.parts)

    def times(self, size: "int | Page | Listed") -> "Price":
        """Return the price of several."""
        if not isinstance(size, int) and not size.names:
            size = size.count({})
        if not isinstance(size, int):
            return Price(0, ((size, self),))
        # A constant size goes into each part's own price.
        return Price(self.points * size, tuple((one, part.times(size)) for one, part in self.parts))

    def of(self, variables: Mapping[str, Any]) -> int:
        """Return the points that it is with these variables."""
        found = self.points
        for size, part in self.parts:
            found += size.count(variables) * part.of(variables)
        return found

    @property
    def names(self) -> frozenset[str]:
        """The variables that decide."""
        found = (size.names | part.names for size, part in self.parts)
        return frozenset[str]().union(*found)


@dataclass(slots=True)
class Cost:
    """The price of one operation; remembers what it comes to.

    ``writes`` is the part of it that no object stands for, ``free`` the response keys whose objects
    cost nothing.
    """

    price: Price
    writes: int
    free: frozenset[str]
    _names: tuple[str, ...] = field(init=False)
    _known: dict[tuple[object, ...], int] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._names = tuple(sorted(self.price.names))

    def of(self, variables: Mapping[str, Any]) -> int:
        """Return the points that an operation may cost with these variables, coerced before."""
        values = [variables.get(name) for name in self._names]
        key = tuple(len(value) if isinstance(value, list) else value for value in values)
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= MOST_KEPT:
                self._known.clear()
            found = self._known[key] = self.price.of(variables) + self.writes
        return found


@dataclass(slots=True)
class _Found:
    """What a selection set costs once, and for each row of the page it is on."""

    once: Price = Price()
    each: Price = Price()
    fields: int = 0
    free: frozenset[str] = frozenset()

    def add(self, other: "_Found") -> None:
        self.once += other.once
        self.each += other.each
        self.fields += other.fields
        self.free |= other.free


class Pricing:
    """Prices valid operations of one schema."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self.schema = schema
        self.meta_sizes = _meta_sizes(schema)

    def cost(self, document: DocumentNode, operation: OperationDefinitionNode) -> Cost:
        """Return the cost of an operation."""
        root = self.schema.get_root_type(operation.operation)
        assert root is not None
        found = _Document(self, document).set(operation.selection_set, root)
        writes = WRITE * found.fields if operation.operation is OperationType.MUTATION else 0
        return Cost(found.once, writes, found.free)


class _Document:
    def __init__(self, pricing: Pricing, document: DocumentNode) -> None:
        self.pricing = pricing
        self.schema = pricing.schema
        self.fragments = {
            one.name.value: one
            for one in document.definitions
            if isinstance(one, FragmentDefinitionNode)
        }
        self.known: dict[str, _Found] = {}

    def set(self, selections: SelectionSetNode, type_: Any) -> _Found:
        found = _Found()
        for node in selections.selections:
            if isinstance(node, FieldNode):
                found.add(self.field(node, type_))
            elif isinstance(node, InlineFragmentNode):
                found.add(self.set(node.selection_set, self.type_of(node) or type_))
            else:
                assert isinstance(node, FragmentSpreadNode)
                found.add(self.spread(node.name.value))
        return found

    def spread(self, name: str) -> _Found:
        found = self.known.get(name)
        if found is None:
            fragment = self.fragments[name]
            found = self.known[name] = self.set(fragment.selection_set, self.type_of(fragment))
        return found

    def type_of(self, node: InlineFragmentNode | FragmentDefinitionNode) -> Any:
        condition = node.type_condition
        return None if condition is None else self.schema.get_type(condition.name.value)

    def field(self, node: FieldNode, parent: Any) -> _Found:
        name = node.name.value
        found = _Found(fields=1)
        definition = self.schema.get_field(parent, name)
        assert definition is not None
        named = get_named_type(definition.type)
        if not isinstance(named, GraphQLObjectType | GraphQLInterfaceType):
            return found
        if parent is self.schema.query_type and name == FREE:
            found.free = frozenset([node.alias.value if node.alias else name])
            return found
        assert node.selection_set is not None
        inside = self.set(node.selection_set, named)
        # The price of one object, with the rows of its page where it is a connection.
        one = Price(1) + inside.once
        if named.name.endswith("Connection"):
            one += inside.each.times(Page(_given(node, "first"), _given(node, "last")))
        if parent.name.endswith("Connection") and is_list_type(get_nullable_type(definition.type)):
            found.each = one
        else:
            found.once = one.times(self.size(node, parent, definition))
        return found

    def size(self, node: FieldNode, parent: Any, definition: GraphQLField) -> int | Listed:
        """Return how many objects a field answers with."""
        name = node.name.value
        if parent.name.startswith("__"):
            return self.pricing.meta_sizes.get(name, 1)
        if not is_list_type(get_nullable_type(definition.type)):
            return 1
        if "ids" not in definition.args:
            return DEFAULT_PAGE
        (ids,) = (one.value for one in node.arguments or () if one.name.value == "ids")
        if isinstance(ids, VariableNode):
            return Listed(ids.name.value)
        return min(len(ids.values), MOST_NODES) if isinstance(ids, ListValueNode) else 1


def _given(node: FieldNode, name: str) -> Given:
    for argument in node.arguments or ():
        if argument.name.value == name:
            if isinstance(argument.value, VariableNode):
                return argument.value.name.value
            return int(argument.value.value) if isinstance(argument.value, IntValueNode) else None
    return None


def _value(given: Given, variables: Mapping[str, Any]) -> int | None:
    return variables.get(given) if isinstance(given, str) else given


def _meta_sizes(schema: GraphQLSchema) -> Mapping[str, int]:
    """Return how long the lists of introspection are: their mean, rounded up.

    The type of a type comes with the type: chains of ten are asked for, and hardly any is longer
    than two.
    """
    types = list(schema.type_map.values())
    with_fields = [
        one for one in types if isinstance(one, GraphQLObjectType | GraphQLInterfaceType)
    ]
    fields = [one for type_ in with_fields for one in type_.fields.values()]
    inputs = [len(one.fields) for one in types if isinstance(one, GraphQLInputObjectType)]
    values = sum(len(getattr(one, "values", ())) for one in types)
    return {
        "types": len(types),
        "directives": len(schema.directives),
        "fields": ceil(len(fields) / len(types)),
        "inputFields": ceil(sum(inputs) / len(types)),
        "enumValues": ceil(values / len(types)),
        "args": ceil(sum(len(one.args) for one in fields) / len(fields)),
        "ofType": 0,
    }
