"""The texts of a row as the values that ``create_ticket`` takes."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID

from models import Team, TicketCategory, TicketPriority, TicketStatus
from resolvers.errors import Problem
from resolvers.imports.layout import ImportField
from resolvers.imports.rows import Given

_CHOICES: Mapping[ImportField, type[StrEnum]] = {
    ImportField.STATUS: TicketStatus,
    ImportField.PRIORITY: TicketPriority,
    ImportField.CATEGORY: TicketCategory,
    ImportField.ASSIGNED_TEAM: Team,
}
_IDS = {
    ImportField.COMPANY_ID: "company",
    ImportField.CONTACT_ID: "contact",
    ImportField.ASSIGNED_TO_ID: "assigned_to",
}
# What is looked up by ``names``.
NAMES = frozenset(
    {
        ImportField.COMPANY_NAME,
        ImportField.CONTACT_NAME,
        ImportField.CONTACT_EMAIL,
        ImportField.ASSIGNED_TO_USERNAME,
    }
)
_SHOWN = 100


def typed(given: Given) -> dict[str, object]:
    """Return the values of a row but those that are names; a ``Problem`` where one is wrong."""
    return {
        _IDS.get(field, field.value): _typed(field, value)
        for field, value in given.items()
        if field not in NAMES
    }


def _typed(field: ImportField, value: str | Sequence[str]) -> object:
    if field is ImportField.TAGS:
        return _tags(value)
    assert isinstance(value, str)
    if field in _IDS:
        return _id(value.strip())
    if field in _CHOICES:
        return _choice(_CHOICES[field], value)
    return _time(value.strip()) if field is ImportField.DUE_DATE else value


def _tags(value: str | Sequence[str]) -> str | Problem:
    if isinstance(value, str):
        parts = (one.strip() for one in value.split(","))
        return ",".join(one for one in parts if one)
    return Problem("comma") if any("," in one for one in value) else ",".join(value)


def _id(value: str) -> UUID | Problem:
    try:
        return UUID(value)
    except ValueError:
        return Problem("invalid_uuid", {"value": value[:_SHOWN]})


def _choice(choices: type[StrEnum], value: str) -> object:
    """Return a choice by its name or its value, in any case, with blanks for underscores."""
    wanted = value.strip().casefold().replace(" ", "_").replace("-", "_")
    for choice in choices:
        if wanted in (choice.name.casefold(), choice.value.casefold()):
            return choice
    return Problem("invalid_choice", {"value": value[:_SHOWN]})


def _time(value: str) -> datetime | Problem:
    """Read a time of ISO 8601, or a day; UTC where it says no zone."""
    try:
        found = datetime.fromisoformat(value)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return Problem("invalid_time")
