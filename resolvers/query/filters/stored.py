"""Filters that were kept: JSON in the words of the input type ``TicketFilter``."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from models import Team, TicketCategory, TicketPriority, TicketStatus
from models.types import UtcDateTime, Uuid36
from resolvers.errors import Problem
from resolvers.naming import snake
from resolvers.query.filters.compile import COLUMNS

_CHOICES: Mapping[str, type[StrEnum]] = {
    "status": TicketStatus,
    "priority": TicketPriority,
    "category": TicketCategory,
    "assigned_team": Team,
}

# JSON in the form of ``TicketFilter``.
StoredFilter = Mapping[str, Any]


class UnusableFilter(Exception):
    """A stored filter has a value that its field cannot have."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem


def understood(stored: StoredFilter) -> dict[str, object]:
    """Return a stored filter in the words of ``resolvers.query.filters.parse``.

    Raises ``UnusableFilter``.
    """
    plain: dict[str, object] = {}
    for name, value in stored.items():
        key = snake(name)
        if key in ("and", "or"):
            plain[key] = [understood(part) for part in value]
        elif key == "not":
            plain[key] = understood(value)
        elif isinstance(value, Mapping):
            plain[key] = {snake(name): _operand(key, operand) for name, operand in value.items()}
        else:
            plain[key] = value
    return plain


def _operand(key: str, operand: Any) -> object:
    """Read an operand, which is JSON of the type that ``key`` has in ``TicketFilter``."""
    if isinstance(operand, list):
        return [_operand(key, value) for value in operand]
    if isinstance(operand, bool):
        return operand
    if key in _CHOICES:
        return _CHOICES[key][operand].value
    type_ = COLUMNS[key][1] if key in COLUMNS else None
    if type_ is Uuid36:
        try:
            return UUID(operand)
        except ValueError:
            raise UnusableFilter(Problem("invalid_uuid", {"value": operand})) from None
    return datetime.fromisoformat(operand) if type_ is UtcDateTime else operand
