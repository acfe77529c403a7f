"""Variables and arguments are read as graphql-core reads them, also where they are wrong."""

from collections.abc import Callable
from typing import Any

import pytest
from graphql import FieldNode, GraphQLError, OperationDefinitionNode, build_schema, parse
from graphql.execution.values import VariableValues, get_argument_values, get_variable_values

from schema.execution.variable_values import MAX_ERRORS, VariableReader
from schema.projection.argument_values import ArgumentReader

SCHEMA = build_schema(
    """
    enum Color { RED GREEN }
    input Part { color: Color, sizes: [Int!], inner: Part, count: Int! = 3 }
    type Query { things(first: Int = 20, must: Int!, color: Color, parts: [Part], part: Part): Int }
    """
)
DEEP: dict[str, object] = {"count": 1}
for _ in range(2000):
    DEEP = {"inner": DEEP}


def operation_of(text: str) -> tuple[OperationDefinitionNode, FieldNode]:
    """Return an operation and its field."""
    operation = parse(text).definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    field = operation.selection_set.selections[0]
    assert isinstance(field, FieldNode)
    return operation, field


def shown(found: VariableValues | list[GraphQLError]) -> object:
    """Return what can be compared."""
    if isinstance(found, list):
        return [(error.message, error.locations) for error in found]
    sources = {name: (str(s.signature.type), s.value) for name, s in found.sources.items()}
    return found.coerced, sources


@pytest.mark.parametrize("hides_names", [False, True])
@pytest.mark.parametrize(
    "given",
    [
        {},
        {"must": 1},
        {"must": 1, "first": 5, "color": "RED"},
        {"must": None},
        {"must": "1", "color": "BLUE", "first": 2**40},
        {"must": 1, "first": None, "color": None, "part": None},
        {"must": 1, "part": {"color": "GREEN", "sizes": 3, "inner": {"count": 1}}},
        {"must": 1, "part": {"colour": "GREEN"}, "unknown": 1},
        {"must": 1, "part": {"count": None}},
        {"must": 1, "part": DEEP},
    ],
)
def test_variables(given: dict[str, Any], *, hides_names: bool) -> None:
    text = "($must: Int!, $first: Int = 7, $color: Color, $part: Part) { things(must: $must) }"
    operation, _ = operation_of(f"query {text}")
    definitions = operation.variable_definitions
    assert definitions is not None
    expected = get_variable_values(SCHEMA, definitions, given, MAX_ERRORS, hides_names)
    reader = VariableReader(SCHEMA, operation)
    for _ in range(2):
        assert shown(reader.read(given, hides_names=hides_names)) == shown(expected)


@pytest.mark.parametrize(
    "arguments",
    [
        "must: 1",
        "must: $a",
        "must: 1, first: $a, color: RED",
        "must: 1, color: $c, part: {inner: {color: $c}, sizes: [1, 2]}",
        "must: 1, parts: [{color: GREEN}, $p], part: {sizes: [$a]}",
        "must: 1, part: {count: $a}, first: null",
        # Wrong ones.
        "first: 1",
        "must: null",
        'must: "1", color: $c',
        "must: $a, color: BLUE",
    ],
)
@pytest.mark.parametrize(
    "given", [{}, {"a": 1}, {"a": None}, {"a": 1, "c": "RED", "p": {"count": 2}}]
)
def test_arguments(arguments: str, given: dict[str, Any]) -> None:
    operation, field = operation_of(
        f"query ($a: Int, $c: Color, $p: Part) {{ things({arguments}) }}"
    )
    definitions = operation.variable_definitions
    assert definitions is not None
    variables = get_variable_values(SCHEMA, definitions, given)
    assert isinstance(variables, VariableValues)
    assert SCHEMA.query_type is not None
    definition = SCHEMA.query_type.fields["things"]
    reader = ArgumentReader(definition, field)
    expected = read(lambda: get_argument_values(definition, field, variables))
    for _ in range(2):
        assert read(lambda: reader.read(variables)) == expected


def read(get: Callable[[], dict[str, Any]]) -> object:
    """Return the values, or what is wrong with them."""
    try:
        return get()
    except GraphQLError as error:
        return error.message, error.locations
