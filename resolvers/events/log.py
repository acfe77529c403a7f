"""Appends to the event log, in the transaction of the write that the events report."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import bindparam, func, insert, literal, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from models import TicketEvent, TicketEventType, Via, table_of
from models.base import new_id
from models.types import time_text
from resolvers.context import Context
from resolvers.events.excerpts import excerpts, is_long

# Any number will do as long as nothing else in the database uses it: "desk" in ASCII.
EVENT_LOCK = 0x6465736B
# What PostgreSQL notifies at the commit, so that readers in all processes wake (``EventSignal``).
CHANNEL = "ticket_events"
_LOCK_AND_NOTIFY = select(
    func.pg_advisory_xact_lock(EVENT_LOCK), func.pg_notify(CHANNEL, literal(""))
)

_events = table_of(TicketEvent)
_NAMES = [column.name for column in _events.columns if column.name != "seq"]
_VALUES = {name: bindparam(name, type_=_events.c[name].type) for name in _NAMES}
_INSERT = insert(_events).values(_VALUES)
# One round trip for both. The row takes its ``seq`` when it comes from the CTE, which is when the
# transaction has the lock.
_LOCK_AND_INSERT = insert(_events).from_select(
    _NAMES,
    select(*_VALUES.values()).select_from(_LOCK_AND_NOTIFY.cte("locked")),
    include_defaults=False,
)
# Runs a statement; sessions and connections take other types of them.
Execute = Callable[[Any], Awaitable[object]]


@dataclass(frozen=True)
class EventDraft:
    """What a write did to a ticket."""

    type: TicketEventType
    changes: Sequence[Mapping[str, object]] = ()
    is_internal: bool = False
    comment_id: UUID | None = None
    attachment_id: UUID | None = field(default=None)


class TicketKeys(Protocol):
    """What events tell of their ticket: a row, or what is stored of one."""

    @property
    def id(self) -> UUID: ...  # noqa: D102
    @property
    def company_id(self) -> UUID: ...  # noqa: D102
    @property
    def ticket_number(self) -> str: ...  # noqa: D102


def shown(value: object) -> object:
    """Return a value as REST would show it, for ``changes``."""
    if isinstance(value, datetime):
        return time_text(value).replace(".000000", "")
    if isinstance(value, StrEnum):
        return value.value
    return str(value) if isinstance(value, UUID) else value


def change(name: str, before: object, after: object) -> dict[str, object]:
    """Return one entry of ``changes``; of long texts it has excerpts, and their lengths."""
    entry = {"field": name, "from": shown(before), "to": shown(after)}
    if not is_long(before) and not is_long(after):
        return entry
    texts = [value if isinstance(value, str) else "" for value in (before, after)]
    from_, to, start = excerpts(*texts)
    told = {"excerpt_start": start, "from_length": len(texts[0]), "to_length": len(texts[1])}
    return {
        **entry,
        "from": None if before is None else from_,
        "to": None if after is None else to,
        **told,
    }


async def lock_log(dialect: str, execute: Execute) -> None:
    """Take the log for the rest of a transaction, which is to end with what it appends.

    On PostgreSQL a transaction that appends holds a lock until its commit, which wakes all readers.
    SQLite has one writer anyway, and its readers notice a commit by themselves.
    """
    if dialect == "postgresql":
        await execute(_LOCK_AND_NOTIFY)


async def move_events(execute: Execute, ticket_id: UUID, company_id: UUID) -> None:
    """Move the events of a ticket to another company, whose customers now see them."""
    await execute(
        update(_events).where(_events.c.ticket_id == ticket_id).values(company_id=company_id)
    )


async def hide_events(execute: Execute, ticket_id: UUID, comment_id: UUID) -> None:
    """Hide all events of a comment from customers, now that it is internal."""
    about = (_events.c.ticket_id == ticket_id, _events.c.comment_id == comment_id)
    await execute(update(_events).where(*about).values(is_internal=True))


async def append_events(
    context: Context, session: AsyncSession, ticket: TicketKeys, drafts: Sequence[EventDraft]
) -> None:
    """Append events as the last thing a transaction does.

    The lock makes the order of ``seq`` the order of the commits: no lower number ever appears
    after a higher one. It must come after every row lock, or two writers could wait for each other.
    """
    if not drafts:
        return
    await session.flush()
    connection = await session.connection()
    now = context.services.clock()
    statement = _LOCK_AND_INSERT if connection.dialect.name == "postgresql" else _INSERT
    # One at a time: a bulk insert would not promise that seq follows the order here.
    for draft in drafts:
        await connection.execute(statement, _row(context, ticket, draft, now))
        statement = _INSERT


def _row(
    context: Context, ticket: TicketKeys, draft: EventDraft, now: datetime
) -> dict[str, object]:
    return {
        "id": new_id(),
        "type": draft.type,
        "ticket_id": ticket.id,
        "company_id": ticket.company_id,
        "ticket_number": ticket.ticket_number,
        "comment_id": draft.comment_id,
        "attachment_id": draft.attachment_id,
        "actor_id": context.viewer.id if context.viewer else None,
        "via": Via(context.via),
        "is_internal": draft.is_internal,
        "changes": [dict(entry) for entry in draft.changes],
        "at": now,
    }
