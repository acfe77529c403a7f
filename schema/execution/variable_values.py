"""The variables of one operation, whose types are looked up once."""

from collections.abc import Mapping

from graphql import (
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    Undefined,
    is_non_null_type,
)
from graphql.execution.values import VariableValues, get_variable_values
from graphql.utilities import coerce_input_value

from schema.execution.strawberry_internals import (
    VariableValueSource,
    get_variable_signature,
    input_is_nested_too_deeply,
)

# How many errors in its variables an operation is told of, as graphql-core has it.
MAX_ERRORS = 50


class VariableReader:
    """Coerces the variables of one valid operation as graphql-core does.

    graphql-core looks the types up each time. It is left to it to say what is wrong, and to use
    defaults.
    """

    def __init__(self, schema: GraphQLSchema, node: OperationDefinitionNode) -> None:
        self._schema = schema
        self._definitions = node.variable_definitions or ()
        self._signatures = [get_variable_signature(schema, one) for one in self._definitions]

    def read(
        self, given: Mapping[str, object], *, hides_names: bool
    ) -> VariableValues | list[GraphQLError]:
        """Return the values, or what is wrong with them.

        ``hides_names``: errors suggest no names of the schema.
        """
        found = self._coerced(given)
        if found is not None:
            return found
        return get_variable_values(
            self._schema, self._definitions, dict(given), MAX_ERRORS, hides_names
        )

    def _coerced(self, given: Mapping[str, object]) -> VariableValues | None:
        """Return the values; None where any is wrong, and where a default is needed."""
        found = VariableValues({}, {})
        for signature in self._signatures:
            if isinstance(signature, GraphQLError):
                return None
            name, type_, default, _ = signature
            value = given.get(name, Undefined)
            if value is Undefined:
                if default is not None or is_non_null_type(type_):
                    return None
                found.sources[name] = VariableValueSource(signature)
                continue
            if input_is_nested_too_deeply(value, type_):
                return None
            coerced = coerce_input_value(value, type_)
            if coerced is Undefined:
                return None
            found.sources[name] = VariableValueSource(signature, value)
            found.coerced[name] = coerced
        return found
