"""How much an operation may ask for, found out before anything else looks at the document.

The rules of GraphQL compare fields with each other and look into fragments again and again, so a
document over these limits never reaches them. Here each fragment is looked at once, however often
it is spread, and counts at every use. Cycles and unknown names are left to the rules.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

# How many fields and fragments an operation may ask for: a document of a few lines can ask for
# millions, as its fragments may spread others twice each.
MAX_FIELDS = 5000
# How many selections may be inside each other, fragments included; Python's stack is bounded.
MAX_NESTED = 200
# Introspection has a depth of its own: the queries of tools ask for the type of a type ten times.
INTROSPECTION_DEPTH = 20
INTROSPECTION = frozenset({"__schema", "__type"})
# What the variables of an operation may hold, and how deep.
MAX_VALUES = 2000
MAX_NESTED_VALUES = 100


@dataclass(frozen=True)
class Limits:
    """The limits of an operation: the settings ``max_depth`` and so on, with the same defaults.

    ``cost`` is in points, see ``schema.execution.cost``.
    """

    depth: int = 12
    aliases: int = 30
    root_fields: int = 20
    directives: int = 50
    tokens: int = 2000
    document_kb: int = 20
    cost: int = 40_000


DEFAULT_LIMITS = Limits()


@dataclass(slots=True)
class Size:
    """What a selection set asks for, with all that its fragments bring in.

    ``root_fields`` are those on its own level, ``depth`` counts the fields inside each other.
    """

    depth: int = 0
    introspection_depth: int = 0
    aliases: int = 0
    directives: int = 0
    root_fields: int = 0
    fields: int = 0

    def add(self, other: "Size") -> None:
        """Take in what is beside this on the same level."""
        self.depth = max(self.depth, other.depth)
        self.introspection_depth = max(self.introspection_depth, other.introspection_depth)
        self.aliases += other.aliases
        self.directives += other.directives
        self.root_fields += other.root_fields
        self.fields += other.fields


class LimitExceeded(GraphQLError):
    """A limit is exceeded; the text is a sentence that names it."""


class Metrics:
    """Measures the operations of one document."""

    def __init__(self, document: DocumentNode) -> None:
        self._fragments = {
            one.name.value: one
            for one in document.definitions
            if isinstance(one, FragmentDefinitionNode)
        }
        self._known: dict[str, Size] = {}

    def operation(self, node: OperationDefinitionNode) -> Size:
        """Return the size of an operation; raises ``LimitExceeded`` where it nests without end."""
        size = self._set(node.selection_set, 1)
        size.directives += len(node.directives or ())
        size.directives += sum(len(one.directives or ()) for one in node.variable_definitions or ())
        return size

    def _set(self, selections: SelectionSetNode, nested: int) -> Size:
        if nested > MAX_NESTED:
            raise LimitExceeded(f"A document nests at most {MAX_NESTED} selections.", selections)
        size = Size()
        for node in selections.selections:
            if isinstance(node, FieldNode):
                found = self._field(node, nested)
            elif isinstance(node, FragmentSpreadNode):
                found = self._spread(node.name.value, nested)
            else:
                assert isinstance(node, InlineFragmentNode)
                found = self._set(node.selection_set, nested + 1)
            size.add(found)
            size.fields += 1
            size.directives += len(node.directives or ())
        return size

    def _field(self, node: FieldNode, nested: int) -> Size:
        inner = self._set(node.selection_set, nested + 1) if node.selection_set else Size()
        inner.root_fields = 1
        inner.aliases += node.alias is not None
        if node.name.value in INTROSPECTION:
            inner.introspection_depth = max(inner.depth + 1, inner.introspection_depth)
            inner.depth = 1
        else:
            inner.depth += 1
        return inner

    def _spread(self, name: str, nested: int) -> Size:
        known = self._known.get(name)
        if known is None:
            fragment = self._fragments.get(name)
            # A fragment that is being looked at adds nothing to itself.
            known = self._known[name] = Size()
            if fragment is not None:
                known.add(self._set(fragment.selection_set, nested + 1))
                known.directives += len(fragment.directives or ())
        return known


def violations(document: DocumentNode, limits: Limits) -> list[GraphQLError]:
    """Return what is too much about the operations of a document, a sentence each."""
    measure = Metrics(document)
    found: list[GraphQLError] = []
    for node in document.definitions:
        if isinstance(node, OperationDefinitionNode):
            try:
                size = measure.operation(node)
            except LimitExceeded as error:
                return [error.with_traceback(None)]
            found += (LimitExceeded(sentence, node) for sentence in _sentences(size, limits))
    return found


def _sentences(size: Size, limits: Limits) -> Iterable[str]:
    if size.depth > limits.depth:
        yield f"An operation may be {limits.depth} fields deep; this one is {size.depth}."
    if size.introspection_depth > INTROSPECTION_DEPTH:
        yield (
            f"Introspection may be {INTROSPECTION_DEPTH} fields deep; "
            f"this one is {size.introspection_depth}."
        )
    for name, count, most in (
        ("aliases", size.aliases, limits.aliases),
        ("root fields", size.root_fields, limits.root_fields),
        ("directives", size.directives, limits.directives),
        ("fields and fragments", size.fields, MAX_FIELDS),
    ):
        if count > most:
            yield f"An operation may have {most} {name}; this one has {shown_count(count)}."


def shown_count(count: int) -> str:
    """Return a number in words' reach: fragments in fragments make some of a hundred digits."""
    return str(count) if count < 10**9 else "more than a billion"


def excess_of_values(variables: Mapping[str, object] | None) -> GraphQLError | None:
    """Return what is too much about the variables: coercing them takes its time, too."""
    level: Sequence[object] = [*variables.values()] if variables else ()
    count = depth = 0
    while level:
        count += len(level)
        depth += 1
        if count > MAX_VALUES:
            return LimitExceeded(
                f"The variables hold at most {MAX_VALUES} values; these hold more."
            )
        if depth > MAX_NESTED_VALUES:
            return LimitExceeded(
                f"The variables nest at most {MAX_NESTED_VALUES} values; these nest more."
            )
        below: list[object] = []
        for value in level:
            if isinstance(value, dict):
                below.extend(value.values())
            elif isinstance(value, list):
                below.extend(value)
        level = below
    return None
