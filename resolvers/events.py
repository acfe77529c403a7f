"""Appending to the event log, in the transaction of the write that it tells of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from models import Ticket, TicketEvent, TicketEventType
from models.types import time_text
from resolvers.desk import Context

# Any number will do as long as nothing else in the database uses it: "desk" in ASCII.
EVENT_LOCK = 0x6465736B
# PostgreSQL only: whoever appends holds it until the commit. SQLite has one writer anyway.
LOCK_LOG = text("SELECT pg_advisory_xact_lock(:key)").bindparams(key=EVENT_LOCK)


@dataclass(frozen=True)
class Happening:
    """What a write did to a ticket."""

    type: TicketEventType
    changes: Sequence[Mapping[str, Any]] = ()
    is_internal: bool = False
    comment_id: UUID | None = None
    attachment_id: UUID | None = field(default=None)


def shown(value: object) -> object:
    """Return a value as REST would show it, for ``changes``."""
    if isinstance(value, datetime):
        return time_text(value).replace(".000000", "")
    if isinstance(value, StrEnum):
        return value.value
    return str(value) if isinstance(value, UUID) else value


def change(name: str, before: object, after: object) -> dict[str, Any]:
    """Return one entry of ``changes``."""
    return {"field": name, "from": shown(before), "to": shown(after)}


async def append_events(
    context: Context, session: AsyncSession, ticket: Ticket, happenings: Sequence[Happening]
) -> None:
    """Append events as the last thing a transaction does.

    The lock makes the order of ``seq`` the order of the commits: no lower number ever appears
    after a higher one. It must come after every row lock, or two writers could wait for each other.
    """
    if not happenings:
        return
    await session.flush()
    if context.desk.database.dialect.name == "postgresql":
        await session.exec(LOCK_LOG)  # type: ignore[call-overload]
    now = context.desk.clock()
    for happening in happenings:
        event = TicketEvent(
            type=happening.type,
            ticket_id=ticket.id,
            company_id=ticket.company_id,
            ticket_number=ticket.ticket_number,
            comment_id=happening.comment_id,
            attachment_id=happening.attachment_id,
            actor_id=context.viewer.id if context.viewer else None,
            via=context.via,
            is_internal=happening.is_internal,
            changes=[dict(entry) for entry in happening.changes],
            at=now,
        )
        session.add(event)
        # One at a time: a bulk insert would not promise that seq follows the order here.
        await session.flush()
