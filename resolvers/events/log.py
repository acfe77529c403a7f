"""Appends to the event log, in the transaction of the write that the events report."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import bindparam, func, insert, literal, select, update

from models import TicketEvent, TicketEventType, Via, table_of
from models.base import new_id
from models.types import Uuid36, time_text
from resolvers.context import Context
from resolvers.events.excerpts import excerpts, is_long
from resolvers.write_statements import (
    Statement,
    Step,
    Transaction,
    always,
    binds_of,
    insert_into,
    stored_names,
)

# Any number will do as long as nothing else in the database uses it: "desk" in ASCII.
EVENT_LOCK = 0x6465736B
# What PostgreSQL notifies at the commit, so that readers in all processes wake (``EventSignal``).
CHANNEL = "ticket_events"
_LOCK_AND_NOTIFY = select(
    func.pg_advisory_xact_lock(EVENT_LOCK), func.pg_notify(CHANNEL, literal(""))
)

_events = table_of(TicketEvent)
_VALUES = binds_of(_events, stored_names(_events))
_INSERT = insert_into(_events)
# One round trip for both. The row takes its ``seq`` when it comes from the CTE, which is when the
# transaction has the lock.
_LOCK_AND_INSERT = (
    insert(_events)
    .from_select(
        list(_VALUES),
        select(*_VALUES.values()).select_from(_LOCK_AND_NOTIFY.cte("locked")),
        include_defaults=False,
    )
    .inline()
)
_FIRST = Statement(
    lambda dialect: _LOCK_AND_INSERT if dialect == "postgresql" else _INSERT.build(dialect)
)
_TICKET, _COMMENT, _COMPANY = (bindparam(name, type_=Uuid36) for name in ("of", "about", "to"))
_MOVE = always(update(_events).where(_events.c.ticket_id == _TICKET).values(company_id=_COMPANY))
_HIDE = always(
    update(_events)
    .where(_events.c.ticket_id == _TICKET, _events.c.comment_id == _COMMENT)
    .values(is_internal=True)
)
# Runs a statement; sessions and connections take other types of them.
Execute = Callable[[Any], Awaitable[object]]


@dataclass(frozen=True)
class EventDraft:
    """What a write did to a ticket; ``version``: see ``models.TicketEvent``.

    ``id`` is that of the event.
    """

    type: TicketEventType
    changes: Sequence[Mapping[str, object]] = ()
    is_internal: bool = False
    comment_id: UUID | None = None
    attachment_id: UUID | None = None
    version: int | None = None
    id: UUID = field(default_factory=new_id)


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


def move_events(ticket_id: UUID, company_id: UUID) -> Step:
    """Return what moves the events of a ticket to another company, whose customers now see them."""
    return _MOVE, {"of": ticket_id, "to": company_id}


def hide_events(ticket_id: UUID, comment_id: UUID) -> Step:
    """Return what hides all events of a comment from customers, now that it is internal."""
    return _HIDE, {"of": ticket_id, "about": comment_id}


async def append_events(
    context: Context,
    transaction: Transaction,
    ticket: TicketKeys,
    drafts: Sequence[EventDraft],
    *changes: Step,
    at: datetime | None = None,
) -> None:
    """Make changes and append the events of a ticket, as the last thing a transaction does."""
    await append_all(context, transaction, [(ticket, drafts)], *changes, at=at)


async def append_all(
    context: Context,
    transaction: Transaction,
    written: Iterable[tuple[TicketKeys, Sequence[EventDraft]]],
    *changes: Step,
    at: datetime | None = None,
) -> None:
    """Make changes and append the events of tickets, as the last thing a transaction does.

    ``at``: the time that the changes have stamped rows with; an undo knows them by it.

    The lock makes the order of ``seq`` the order of the commits: no lower number ever appears
    after a higher one. It must come after every row lock, or two writers could wait for each other.
    """
    now = at or context.services.clock()
    rows = [_row(context, ticket, draft, now) for ticket, drafts in written for draft in drafts]
    if context.event_ids is not None:
        context.event_ids.extend(row["id"] for row in rows)
    events = [(_INSERT if number else _FIRST, row) for number, row in enumerate(rows)]
    await transaction.execute(*changes, *events)


def _row(context: Context, ticket: TicketKeys, draft: EventDraft, now: datetime) -> dict[str, Any]:
    return {
        "id": draft.id,
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
        "version": draft.version,
        "at": now,
    }
