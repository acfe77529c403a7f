"""The arguments of one field of a document, most of which are the same in all requests."""

from graphql import ArgumentNode, FieldNode, GraphQLArgument, GraphQLError, GraphQLField
from graphql.execution.values import VariableValues
from graphql.language import VariableNode

from schema.execution.strawberry_internals import coerce_argument


def variables_in(value: object) -> set[str]:
    """Return the names of the variables inside a value."""
    if isinstance(value, VariableNode):
        return {value.name.value}
    inner = [*(getattr(value, "values", None) or ())]
    inner += [field.value for field in getattr(value, "fields", None) or ()]
    return set().union(*map(variables_in, inner))


class ArgumentReader:
    """Coerces the arguments of one field as graphql-core does.

    Those without variables, and those that are not given, are read once.
    """

    def __init__(self, definition: GraphQLField, node: FieldNode) -> None:
        self._node = node
        self._same: dict[str, object] = {}
        given = {one.name.value: one for one in node.arguments or ()}
        self._varying = [
            (name, argument, given.get(name))
            for name, argument in definition.args.items()
            if not self._is_same(name, argument, given.get(name))
        ]

    def _is_same(self, name: str, argument: GraphQLArgument, given: ArgumentNode | None) -> bool:
        """Keep the value of an argument without variables; one that is wrong is so each time."""
        if given is not None and variables_in(given.value):
            return False
        try:
            coerce_argument(self._same, self._node, name, argument, given, None, None)
        except GraphQLError:
            return False
        return True

    def read(self, variables: VariableValues) -> dict[str, object]:
        """Return the values by the arguments' names; raises ``GraphQLError``."""
        found = dict(self._same)
        for name, argument, given in self._varying:
            coerce_argument(found, self._node, name, argument, given, variables, None)
        return found
