"""The values of tickets and comments as a job stores them: as JSON, and typed again."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from models.types import time_text
from resolvers.commands.batches.updates import BatchChange
from resolvers.commands.validation import COMMENT, TICKET, FieldRules, Reference
from resolvers.errors import Problem

# Of a value that its API could not read: no value of JSON is an object otherwise.
_PROBLEM = "problem"


def stored(values: Mapping[str, object]) -> dict[str, object]:
    """Return values as JSON."""
    return {name: _stored(value) for name, value in values.items()}


def _stored(value: object) -> object:
    if isinstance(value, Problem):
        return {_PROBLEM: value.code, "params": dict(value.params)}
    if isinstance(value, datetime):
        return time_text(value)
    return str(value) if isinstance(value, UUID | str) else value


def typed(rules: FieldRules, given: Mapping[str, object]) -> dict[str, object]:
    """Return stored values as the rules of their fields take them."""
    return {name: _typed(rules, name, value) for name, value in given.items()}


def _typed(rules: FieldRules, name: str, value: object) -> object:
    if isinstance(value, Mapping):
        return Problem(value[_PROBLEM], value["params"])
    kind = rules[name].kind if name in rules else str
    if value is None or not isinstance(value, str):
        return value
    if kind is datetime:
        return datetime.fromisoformat(value)
    return UUID(value) if kind is Reference else value


def stored_change(change: BatchChange) -> dict[str, object]:
    """Return what is done to each ticket, as JSON."""
    return {
        "values": stored(change.values),
        "add_tags": list(change.add_tags),
        "remove_tags": list(change.remove_tags),
        "comment": None if change.comment is None else stored(change.comment),
    }


def typed_change(given: Mapping[str, Any]) -> BatchChange:
    """Return what ``stored_change`` has stored."""
    comment = given["comment"]
    return BatchChange(
        typed(TICKET, given["values"]),
        given["add_tags"],
        given["remove_tags"],
        None if comment is None else typed(COMMENT, comment),
    )
