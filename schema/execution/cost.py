"""What an operation may cost, known before it is run: points for its objects and its filters.

What the document alone decides is found once and kept with it, so that a request for a known
document only multiplies the sizes in its variables. The cost is the most there can be: both sides
of a directive count, and every type of a fragment. Only a list without pages may turn out longer
than it was taken for.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil

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
    GraphQLUnionType,
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

from resolvers.query.filters.cost import OF_ALL, OF_ONE
from schema.execution.prices import (
    Batch,
    Conditions,
    Given,
    Listed,
    Page,
    Points,
    Price,
    Size,
    Variables,
)
from schema.projection.argument_values import variables_in
from schema.types.page_arguments import DEFAULT_PAGE, MAX_NODES

# What each root field of a mutation costs besides the objects of its answer.
WRITE = 10
FREE = "rateLimit"
# Arguments that are filters, and fields of connections that look for their rows once more.
FILTERS = frozenset({"filter", "search", "query"})
SCANS = frozenset({"totalCount", "hasNextPage", "hasPreviousPage"})
# How many objects the lists of a search result have; there are hardly ever more.
SHORT_LISTS = {"snippets": 2, "parts": 3}
# How often a mutation looks for the tickets of its filter, each time with their number: before it
# has locked them and then.
LOOKS = 4
# The same of one that starts a bulk job: it counts them, and stores their ids.
LOOKS_OF_JOB = 2
# How many errors one of several objects has; there are hardly ever more.
RESULT, ERRORS_OF_EACH = "BulkTicketResult", 2
# The types with selection sets.
Parent = GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType
# How many sets of sizes an operation keeps its cost for.
MAX_KEPT = 64


@dataclass(slots=True)
class Cost:
    """The price of one operation; remembers what it comes to.

    ``free`` are the response keys whose objects cost nothing.
    """

    price: Price
    free: frozenset[str]
    _sizes: tuple[Size, ...] = field(init=False)
    _known: dict[tuple[int, ...], Points] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._sizes = tuple(self.price.sizes())

    def of(self, variables: Variables) -> Points:
        """Return the points that an operation may cost with these variables, coerced before."""
        key = tuple(size.count(variables) for size in self._sizes)
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= MAX_KEPT:
                self._known.clear()
            found = self._known[key] = self.price.of(dict(zip(self._sizes, key, strict=True)))
        return found


@dataclass(slots=True)
class _Found:
    """What a selection set costs once, and for each row of the page it is on."""

    once: Price = field(default_factory=Price)
    each: Price = field(default_factory=Price)
    fields: int = 0
    # How often the rows of the page are looked for besides the page itself.
    scans: int = 0
    free: frozenset[str] = frozenset()

    def add(self, other: "_Found") -> None:
        self.once += other.once
        self.each += other.each
        self.fields += other.fields
        self.scans += other.scans
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
        price = found.once
        if operation.operation is OperationType.MUTATION:
            price += Price(Points(0, WRITE * found.fields))
        return Cost(price, found.free)


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

    def set(self, selections: SelectionSetNode, type_: Parent) -> _Found:
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
            type_ = self.type_of(fragment)
            assert type_ is not None
            found = self.known[name] = self.set(fragment.selection_set, type_)
        return found

    def type_of(self, node: InlineFragmentNode | FragmentDefinitionNode) -> Parent | None:
        if node.type_condition is None:
            return None
        found = self.schema.get_type(node.type_condition.name.value)
        assert isinstance(found, Parent)
        return found

    def field(self, node: FieldNode, parent: Parent) -> _Found:
        name = node.name.value
        found = _Found(fields=1)
        definition = self.schema.get_field(parent, name)
        assert definition is not None
        named = get_named_type(definition.type)
        if not isinstance(named, Parent):
            found.scans = int(name in SCANS)
            return found
        if parent is self.schema.query_type and name == FREE:
            found.free = frozenset([node.alias.value if node.alias else name])
            return found
        assert node.selection_set is not None
        inside = self.set(node.selection_set, named)
        # The price of one object, with the rows of its page where it is a connection.
        one = Price(Points(1)) + inside.once + self.filters(node, parent, 1 + inside.scans)
        if named.name == "PageInfo":
            found.scans = inside.scans
        if named.name.endswith("Connection"):
            one += inside.each.times(Page(_given(node, "first"), _given(node, "last")))
        if _has_results(named):
            one += self.batch(node, inside.each)
        elif _has_job(named):
            one += self.looks(node, LOOKS_OF_JOB)
        paged = parent.name.endswith("Connection") or _has_results(parent)
        if paged and is_list_type(get_nullable_type(definition.type)) and name != "errors":
            found.each = one
        else:
            found.once = one.times(self.size(node, parent, definition))
        return found

    def batch(self, node: FieldNode, each: Price) -> Price:
        """Return what a mutation of several tickets costs, given what the answer has of each."""
        given = tuple(one for one in node.arguments or () if one.name.value == "input")
        (argument,) = given
        names = frozenset(variables_in(argument.value))
        one = Price(Points(0, WRITE)) + each
        filters = self.looks(node, LOOKS)
        # The first ticket's write is that of the field.
        return one.times(Batch(argument, names)) + filters + Price(Points(0, -WRITE))

    def looks(self, node: FieldNode, times: int) -> Price:
        """Return what it costs to look for the tickets of a mutation's filter some times."""
        given = tuple(one for one in node.arguments or () if one.name.value == "input")
        names = frozenset[str]().union(*(variables_in(one.value) for one in given))
        return Price(Points(0, OF_ALL * times)).times(Conditions(given, names))

    def filters(self, node: FieldNode, parent: Parent, scans: int) -> Price:
        """Return what the filters of a field cost."""
        given = tuple(one for one in node.arguments or () if one.name.value in FILTERS)
        if not given:
            return Price()
        names = frozenset[str]().union(*(variables_in(one.value) for one in given))
        below = parent not in (self.schema.query_type, self.schema.subscription_type)
        points = Points(0, (OF_ONE if below else OF_ALL) * scans)
        return Price(points).times(Conditions(given, names))

    def size(self, node: FieldNode, parent: Parent, definition: GraphQLField) -> int | Listed:
        """Return how many objects a field answers with."""
        name = node.name.value
        if parent.name.startswith("__"):
            return self.pricing.meta_sizes.get(name, 1)
        if not is_list_type(get_nullable_type(definition.type)):
            return 1
        if name == "errors" and parent.name == RESULT:
            return ERRORS_OF_EACH
        if "ids" not in definition.args:
            return SHORT_LISTS.get(name, DEFAULT_PAGE)
        (ids,) = (one.value for one in node.arguments or () if one.name.value == "ids")
        if isinstance(ids, VariableNode):
            return Listed(ids.name.value)
        if isinstance(ids, ListValueNode):
            # As of a variable: an empty list is looked at, too.
            return max(1, min(len(ids.values), MAX_NODES))
        return 1


def _has_job(type_: Parent) -> bool:
    """Tell whether it is the payload of a mutation that starts a bulk job, or ends one."""
    return type_.name.endswith("Payload") and "job" in getattr(type_, "fields", ())


def _has_results(type_: Parent) -> bool:
    """Tell whether it is the payload of a mutation of several objects."""
    return type_.name.endswith("Payload") and "results" in getattr(type_, "fields", ())


def _given(node: FieldNode, name: str) -> Given:
    for argument in node.arguments or ():
        if argument.name.value == name:
            if isinstance(argument.value, VariableNode):
                return argument.value.name.value
            return int(argument.value.value) if isinstance(argument.value, IntValueNode) else None
    return None


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
