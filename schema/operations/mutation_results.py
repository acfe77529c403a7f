"""What a mutation answers where its payload could not be read, or nothing was done.

A payload may not be null, so an error of it would take the answers of all other mutations of the
operation with it, although they were done. So the error stands at the payload's objects, which may.
"""

from collections.abc import Mapping

from graphql import GraphQLError, GraphQLObjectType, is_non_null_type

from resolvers.naming import snake
from resolvers.query.shapes import TYPENAME
from schema.execution.context import CoreInfo
from schema.projection.selection import Selection, WrongDirective


def payload_with_error(
    info: CoreInfo,
    type_: GraphQLObjectType,
    error: Exception,
    made: Mapping[str, object] | None = None,
) -> tuple[dict[str, object], list[GraphQLError]] | None:
    """Return a payload of nulls and ids with the errors of its nulls.

    ``made`` are the ids of what was written. None where a field was asked for that cannot be null,
    or where no field can hold the error of a write that was not done.
    """
    made = made or {}
    answer: dict[str, object] = {}
    errors = []
    try:
        asked = _asked(info, type_)
    except WrongDirective:
        return None
    for key, name in asked.items():
        if name == TYPENAME:
            answer[key] = type_.name
        elif name == "errors":
            answer[key] = []
        elif name.endswith("Id") and snake(name) in made:
            answer[key] = str(made[snake(name)])
        elif name.endswith("Count") and snake(name) in made:
            answer[key] = made[snake(name)]
        elif is_non_null_type(type_.fields[name].type):
            return None
        else:
            answer[key] = None
            path = [*info.path.as_list(), key]
            errors.append(_at(path, error, info))
    return (answer, errors) if errors or made else None


def _at(path: list[str | int], error: Exception, info: CoreInfo) -> GraphQLError:
    cause, message = error, str(error)
    if isinstance(error, GraphQLError):
        message, cause = error.message, error.original_error or error
    return GraphQLError(message, info.field_nodes, path=path, original_error=cause)


def _asked(info: CoreInfo, type_: GraphQLObjectType) -> dict[str, str]:
    """Return the names of the payload's fields by their response keys."""
    selection = Selection(info.schema, info.fragments, info.variable_values)
    found = [node.selection_set for node in info.field_nodes]
    nodes = [one for each in found if each is not None for one in each.selections]
    return {key: found[0].name.value for key, found in selection.fields(nodes, type_).items()}
