"""Builders of rows: each has defaults, and takes other values by the names of the columns."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid5

from sqlmodel import SQLModel

from deskgraph.database.database import Database
from models import (
    Attachment,
    Comment,
    Company,
    Contact,
    Role,
    Ticket,
    TicketEvent,
    TicketEventType,
    User,
    Via,
    table_of,
)
from tests.support.clock import NOON

_SPACE = UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")


def key(name: str) -> UUID:
    """Return the id of the row of a name."""
    return uuid5(_SPACE, name)


def company(name: str, /, **more: Any) -> Company:
    values: dict[str, Any] = {"id": key(name), "name": name, "created_at": NOON, "updated_at": NOON}
    return Company(**values | more)


def user(name: str, role: Role = Role.TECH, /, **more: Any) -> User:
    values: dict[str, Any] = {"id": key(name), "username": name, "password": "none", "role": role}
    return User(**values | {"date_joined": NOON} | more)


def contact(name: str, /, **more: Any) -> Contact:
    values: dict[str, Any] = {"id": key(name), "name": name, "company_id": key("hilton")}
    return Contact(**values | {"created_at": NOON, "updated_at": NOON} | more)


def ticket(name: str, number: int | None = None, /, **more: Any) -> Ticket:
    """Return a ticket of Hilton's; of two with numbers, the higher one is the younger one."""
    at = NOON if number is None else NOON - timedelta(days=10) + timedelta(hours=number)
    values: dict[str, Any] = {
        "id": key(name),
        "ticket_number": name if number is None else f"T-20251109-{number:04}",
        "subject": name,
        "description": "It broke.",
        "company_id": key("hilton"),
        "created_at": at,
        "updated_at": at,
    }
    return Ticket(**values | more)


def comment(name: str, of: str, /, **more: Any) -> Comment:
    values: dict[str, Any] = {"id": key(name), "ticket_id": key(of), "text": name}
    return Comment(**values | {"created_at": NOON, "updated_at": NOON} | more)


def file_key(name: str) -> str:
    """Return the key of an attachment's file."""
    return f"tickets/attachments/2025/11/unguessable-{name}/{name}.txt"


def attachment(name: str, of: str, /, **more: Any) -> Attachment:
    values: dict[str, Any] = {
        "id": key(name),
        "ticket_id": key(of),
        "key": file_key(name),
        "name": name,
    }
    file = {"size": 12, "content_type": "text/plain", "sha256": "0" * 64}
    return Attachment(**values | file | {"created_at": NOON, "updated_at": NOON} | more)


def event(name: str, of: str, /, **more: Any) -> TicketEvent:
    """Return an event of a ticket of Hilton's."""
    values: dict[str, Any] = {
        "id": key(name),
        "type": TicketEventType.UPDATED,
        "ticket_id": key(of),
        "ticket_number": of,
        "company_id": key("hilton"),
        "via": Via.REST,
        "at": NOON,
        "changes": [],
    }
    return TicketEvent(**values | more)


async def insert(database: Database, *rows: SQLModel) -> None:
    """Write rows, those that others refer to first."""
    order = {table: number for number, table in enumerate(SQLModel.metadata.sorted_tables)}
    async with database.transaction() as session:
        for table in order:
            session.add_all(row for row in rows if table_of(type(row)) is table)
            await session.flush()
