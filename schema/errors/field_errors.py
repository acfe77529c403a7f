"""Errors of fields below a root field: where they stand in the answer, and what is null for them.

The root field answers for everything below it with finished JSON, so what the executor does for
errors (GraphQL, section 6.4.4) is repeated here. Only answers with errors take this way.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLList,
    GraphQLOutputType,
    get_nullable_type,
    is_list_type,
    is_non_null_type,
)

from resolvers.query.shapes import FAILED, Field, Shape
from schema.projection.selection import Way

_SPREADS = object()


@dataclass(frozen=True)
class FieldError:
    """What is wrong with the arguments of one field, wherever the field occurs."""

    slot: int
    way: Way
    node: FieldNode | None
    error: Exception

    def at(self, path: Sequence[str | int]) -> GraphQLError:
        """Return the error of one place in the answer."""
        nodes = self.error.nodes if isinstance(self.error, GraphQLError) else None
        original = None if isinstance(self.error, GraphQLError) else self.error
        nodes = nodes or ([self.node] if self.node is not None else None)
        return GraphQLError(str(_message(self.error)), nodes, path=path, original_error=original)

    def before_reading(self, root: Sequence[str | int]) -> GraphQLError:
        """Return the error where nothing is read: its path has the field's keys, no indices."""
        return self.at([*root, *(key for key, _ in self.way)])


def _message(error: Exception) -> str:
    return error.message if isinstance(error, GraphQLError) else str(error)


def without_failed(shape: Shape, slots: frozenset[int]) -> Shape:
    """Return a shape whose fields with these slots are read as ``FAILED``."""
    return Shape(
        tuple(
            Field(field.key, FAILED)
            if field.slot in slots
            else replace(field, shape=field.shape and without_failed(field.shape, slots))
            for field in shape.fields
        ),
        tuple((name, without_failed(one, slots)) for name, one in shape.of_types),
    )


def put_nulls(
    value: object, type_: GraphQLOutputType, errors: Sequence[FieldError], root: Sequence[str | int]
) -> tuple[object, list[GraphQLError]]:
    """Put null where failed fields were read, and return the errors with their places.

    Raises the first ``GraphQLError`` where null spreads up to the root field.
    """
    found: list[GraphQLError] = []
    for one in errors:
        value = _put(value, type_, one.way, list(root), one, found)
        if value is _SPREADS:
            raise found[-1]
        if value is None:
            break
    return value, found


def _put(
    value: object,
    type_: GraphQLOutputType,
    way: Way,
    path: list[str | int],
    error: FieldError,
    found: list[GraphQLError],
) -> object:
    inner = get_nullable_type(type_)
    spreads = False
    if not way and value == FAILED:
        found.append(error.at(path))
        spreads = True
    elif isinstance(value, list) and is_list_type(inner):
        assert isinstance(inner, GraphQLList)
        for index, item in enumerate(value):
            value[index] = _put(item, inner.of_type, way, [*path, index], error, found)
            # One error is enough for what is null as a whole.
            if spreads := value[index] is _SPREADS:
                break
    elif way and isinstance(value, dict) and way[0][0] in value:
        key, member = way[0]
        value[key] = _put(value[key], member, way[1:], [*path, key], error, found)
        spreads = value[key] is _SPREADS
    if not spreads:
        return value
    return _SPREADS if is_non_null_type(type_) else None
