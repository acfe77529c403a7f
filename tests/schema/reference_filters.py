"""Filters, written again over rows in memory; choices are GraphQL's names here."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from itertools import chain
from typing import Any, Protocol
from unicodedata import normalize
from uuid import UUID

from graphql.pyutils import camel_to_snake

from models import Role, TicketEventType, TicketPriority, TicketStatus, User

Row = Any


class Reference(Protocol):
    """What filters ask of the reference (``tests.schema.reference``)."""

    @property
    def viewer(self) -> User: ...

    @property
    def now(self) -> datetime: ...

    @property
    def by_id(self) -> Mapping[UUID, Row]: ...

    def field(self, row: Row, name: str) -> Any: ...


FINISHED = (TicketStatus.RESOLVED, TicketStatus.CLOSED)
COLUMNS = {
    "company": "company_id",
    "contact": "contact_id",
    "assigned_to": "assigned_to_id",
    "created_by": "created_by_id",
    "ticket": "ticket_id",
    "author": "author_id",
    "uploaded_by": "uploaded_by_id",
    "actor": "actor_id",
    "comment": "comment_id",
    "attachment": "attachment_id",
}
SEARCHED = {
    "Ticket": ("ticket_number", "subject", "description"),
    "User": ("username", "email", "first_name", "last_name"),
    "Company": ("name", "website", "notes", "country"),
    "Contact": ("name", "email", "phone", "title"),
}

IDS = {"company", "contact", "assignedTo", "createdBy", "ticket", "author", "actor"}
TIMES = {"createdAt", "updatedAt", "dueDate", "resolvedAt", "at"}

# What customers may not be shown of a row is none for a filter, too. Not so the assignee, whose id
# every ticket of REST has.
SHOWN_OR_NONE = {"contact", "createdBy", "author", "actor"}

SWITCHES: Mapping[str, Callable[[Reference, Row], bool]] = {
    "open": lambda _, row: row.status not in FINISHED,
    "unassigned": lambda _, row: row.assigned_to_id is None,
    "mine": lambda reference, row: row.assigned_to_id == reference.viewer.id,
    "overdue": lambda reference, row: (
        row.due_date is not None and row.due_date < reference.now and row.status not in FINISHED
    ),
    "isInternal": lambda _, row: row.is_internal,
    "isActive": lambda _, row: row.is_active,
    "isPrimary": lambda _, row: row.is_primary,
}


def matches(reference: Reference, given: Mapping[str, Any], row: Row) -> bool:
    """Tell whether a row passes a filter; what has no content is as if it had not been given."""
    return all(
        _holds(reference, name, value, row)
        for name, value in given.items()
        if _has_content(name, value)
    )


def _has_content(name: str, value: Any) -> bool:
    if name == "search":
        return bool(terms(value or ""))
    if name in ("and", "or"):
        return any(_is_condition(part) for part in value or [])
    if name in ("not", "tickets"):
        return _is_condition(value or {})
    if isinstance(value, dict):
        return any(operand is not None for operand in value.values())
    return value is not None


def _is_condition(given: Mapping[str, Any]) -> bool:
    return any(_has_content(name, value) for name, value in given.items())


def _holds(reference: Reference, name: str, value: Any, row: Row) -> bool:
    if name == "and":
        return all(matches(reference, part, row) for part in value)
    if name == "or":
        return any(matches(reference, part, row) for part in value if _is_condition(part))
    if name == "not":
        return not matches(reference, value, row)
    if name == "tickets":
        ticket = reference.by_id.get(row.ticket_id)
        found = ticket is not None and matches(reference, value, ticket)
        return found or row.type is TicketEventType.DELETED
    if name == "search":
        texts = searched_texts(reference, row)
        return all(any(term in text for text in texts) for term in terms(value))
    if name in SWITCHES:
        return SWITCHES[name](reference, row) is value
    if name == "tags":
        tags = [tag.strip(" ") for tag in row.tags.split(",") if tag.strip(" ")]
        return all(_tagged(tags, *part) for part in value.items())
    hidden = name in SHOWN_OR_NONE and reference.field(row, name) is None
    given = [part for part in value.items() if part[1] is not None]
    return all(_compares(None if hidden else row, name, *part) for part in given)


def terms(text: str) -> list[str]:
    """Split a search that has neither single quotes nor backslashes in it."""
    found: list[str] = []
    for token in re.findall(r'[^\s"]*(?:"[^"]*"[^\s"]*)+|\S+', text):
        part = token.strip(",")
        is_phrase = part[:1] == '"' == part[-1:]
        found += [part[1:-1]] if is_phrase else part.split(",")
    return [folded(term) for term in found if term]


def _tagged(tags: list[str], operator: str, operand: Any) -> bool:
    if operand is None:
        return True
    if operator == "has":
        return operand in tags
    found = [tag in tags for tag in operand]
    return any(found) if operator == "hasAny" else all(found)


def _compares(row: Row, name: str, operator: str, operand: Any) -> bool:
    key = camel_to_snake(name)
    value = None if row is None else getattr(row, COLUMNS.get(key, key))
    if operator == "isNull":
        return (value is None) is operand
    if operator == "notIn":
        return value is None or not _compares(row, name, "in", operand)
    if value is None:
        return False
    if isinstance(value, TicketPriority) and operator in ("gte", "lte"):
        ranks = [priority.name for priority in TicketPriority]
        value, operand = ranks.index(value.name), ranks.index(operand)
    else:
        value = value.name if isinstance(value, StrEnum) else value
        operand = _read(name, operand)
    return OPERATORS[operator](value, operand)


def _read(name: str, operand: Any) -> Any:
    if isinstance(operand, list):
        return [_read(name, value) for value in operand]
    if name in IDS:
        return UUID(operand)
    return datetime.fromisoformat(operand) if name in TIMES else operand


OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": lambda value, operand: value == operand,
    "in": lambda value, operand: value in operand,
    "gt": lambda value, operand: value > operand,
    "gte": lambda value, operand: value >= operand,
    "lt": lambda value, operand: value < operand,
    "lte": lambda value, operand: value <= operand,
}


def searched_texts(reference: Reference, row: Row) -> list[str]:
    """Return the texts that a search looks into: those that the viewer is shown."""
    kind, viewer = type(row).__name__, reference.viewer
    columns = set(SEARCHED[kind])
    if kind == "Company" and viewer.role is Role.CUSTOMER:
        columns.remove("notes")
    if kind == "User" and viewer.role is not Role.ADMIN and row is not viewer:
        columns.remove("email")
    texts: Iterable[str] = (getattr(row, column) for column in columns)
    if kind in ("Ticket", "Contact"):
        texts = chain(texts, [reference.by_id[row.company_id].name])
    return [folded(text) for text in texts]


def folded(text: str) -> str:
    """Return a text without case, in one form."""
    return normalize("NFC", normalize("NFC", text).casefold().replace("i\u0307", "i"))
