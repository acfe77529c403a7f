"""What may be written by REST, and how the values that clients send are read.

Only the form of a value is decided here: what a field may hold is decided for both APIs by
``resolvers.commands.validation``. A value that cannot be read becomes a ``Problem``, which is
reported for its field.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from resolvers.errors import Problem
from rest_compat.http.bodies import Body

TRUE: frozenset[object] = frozenset({"t", "y", "yes", "true", "on", "1", 1})
FALSE: frozenset[object] = frozenset({"f", "n", "no", "false", "off", "0", 0})
# What the old system takes besides ISO 8601: single digits, a comma, a blank before the zone.
_LOOSE_TIME = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})[T ](\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:[.,](\d{1,6})\d{0,6})?)?"
    r"\s*(Z|[+-]\d{2}(?::?\d{2})?)?"
)


@dataclass(frozen=True)
class Input:
    """A field of a form; ``nullable`` and ``blank`` decide what an empty form field means."""

    read: Callable[[object], object]
    required: bool = False
    nullable: bool = False
    blank: bool = False


Form = Mapping[str, Input]


def text(value: object) -> object:
    """Take numbers as text, too."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return Problem("not_a_string")
    return str(value).strip()


def choice(value: object) -> object:
    """Leave a choice to the resolvers: every spelling but the right one is wrong."""
    return value


def boolean(value: object) -> object:
    """Read a boolean in any of the spellings that the old system took."""
    if not isinstance(value, str | int | float):
        return Problem("invalid_boolean")
    spelling = value.lower() if isinstance(value, str) else value
    if spelling in TRUE:
        return True
    return False if spelling in FALSE else Problem("invalid_boolean")


def reference(value: object) -> UUID | Problem | None:
    """Read an id; empty is null."""
    if value == "":
        return None
    if isinstance(value, bool):
        return Problem("incorrect_type", {"type": "bool"})
    found = uuid_of(value)
    return Problem("invalid_uuid", {"value": value}) if found is None else found


def uuid_of(value: object) -> UUID | None:
    """Read a UUID in any spelling: capitals, braces, no hyphens, ``urn:uuid:``, or a number."""
    try:
        if isinstance(value, int):
            return UUID(int=value)
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None


def moment(value: object) -> object:
    """Read a time; one without a zone is UTC."""
    if not isinstance(value, str):
        return Problem("invalid_time")
    try:
        time = datetime.fromisoformat(_tightened(value))
    except ValueError:
        return Problem("invalid_time")
    try:
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:
        return Problem("time_out_of_range")


def _tightened(value: str) -> str:
    loose = _LOOSE_TIME.fullmatch(value)
    if loose is None:
        return value
    year, month, day, hour, minute, second, fraction, zone = loose.groups(default="")
    date = f"{year}-{month:0>2}-{day:0>2}"
    return f"{date}T{hour:0>2}:{minute:0>2}:{second:0>2}.{fraction:0<6}{zone}"


TICKET: Form = {
    "subject": Input(text, required=True),
    "description": Input(text, required=True),
    "status": Input(choice),
    "priority": Input(choice),
    "category": Input(choice),
    "company": Input(reference, required=True),
    "contact": Input(reference, nullable=True),
    "assigned_to": Input(reference, nullable=True),
    "assigned_team": Input(text, blank=True),
    "due_date": Input(moment, nullable=True),
    "tags": Input(text, blank=True),
}
NEW_COMMENT: Form = {
    "text": Input(text, required=True),
    "is_internal": Input(boolean),
}
COMMENT: Form = {"ticket": Input(reference, required=True), **NEW_COMMENT}
ATTACHMENT: Form = {"name": Input(text, required=True)}
LOGIN: Form = {"username": Input(text, required=True), "password": Input(text, required=True)}


def values_of(form: Form, body: Body, *, partial: bool) -> dict[str, object]:
    """Return a body's values for the resolvers; read-only and unknown fields are ignored.

    ``partial``: what is missing stays as it is (PATCH), instead of being required.
    """
    values: dict[str, object] = {}
    for name, field in form.items():
        if name in body.data:
            value = body.data[name]
            if body.is_form and value == "" and not field.blank:
                if not field.nullable and not field.required:
                    continue
                value = None if field.nullable else value
            values[name] = _read(field, value)
        elif partial:
            continue
        elif field.required:
            values[name] = Problem("required")
    return values


def _read(field: Input, value: object) -> object:
    if value is None:
        return None if field.nullable else Problem("null")
    return field.read(value)
