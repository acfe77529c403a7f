"""The errors of one item of several, and errors as JSON."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from resolvers.errors import Conflict, NotFound, ServiceError
from resolvers.query.undo.reasons import UndoRefused
from schema.errors.formatting import UserError, failure_of


def error_values(error: UserError) -> dict[str, Any]:
    """Return an error as JSON, in the words of its type in snake case."""
    conflict = None if error.conflict is None else asdict(error.conflict)
    return {
        "message": error.message,
        "code": error.code.name,
        "field": error.field,
        "conflict": conflict,
    }


def item_errors(error: ServiceError, path: Sequence[str] | None) -> list[dict[str, Any]]:
    """Return the errors of an item as JSON.

    ``path``: see ``resolvers.bulk.kinds.ItemResult``. Re-raises what is no expected failure.
    """
    found = map(error_values, failure_of(error).errors)
    return [{**one, "field": _placed(error, one["field"], path)} for one in found]


def _placed(
    error: ServiceError, field: Sequence[str] | None, path: Sequence[str] | None
) -> Sequence[str] | None:
    """Return the path into the input: from its list, where the error is about one of that."""
    if path and path[0] == "file":
        # The line, and the column where the error is about one.
        return [*path, *(one for one in field or () if one != "row")]
    if field is None or path is None:
        return None
    if isinstance(error, NotFound | UndoRefused | Conflict):
        return list(path) or None
    if path and [*field] == [path[0]]:
        return path
    return [*path, *field] if path and path[0] == "inputs" else field


def sentence_of(error: ServiceError) -> str:
    """Return an error as a sentence."""
    try:
        return failure_of(error).errors[0].message
    except ServiceError:
        return str(error)
