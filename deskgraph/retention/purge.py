"""Removing old rows in small batches, each a transaction of its own.

A batch waits for no row that somebody else has locked, so it never holds up a writer for longer
than it takes itself. On PostgreSQL processes take turns by an advisory lock, on SQLite by the lock
of its only writer.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Table, delete, func, insert, select
from sqlmodel.ext.asyncio.session import AsyncSession

from deskgraph.database.search_texts import Report, silent
from deskgraph.retention.jobs import KEEP_JOBS, remove_jobs
from deskgraph.settings import Settings
from models import (
    DELETED_ATTACHMENTS,
    DELETED_COMMENTS,
    DELETED_TICKETS,
    IdempotencyKey,
    PurgedEvents,
    RefreshToken,
    TicketEvent,
    UndoRecord,
    Webhook,
    WebhookDelivery,
    table_of,
)
from resolvers.services import Database, FileStorage

# How many rows a transaction removes.
BATCH = 500
# For how long others may write between two batches, in seconds.
PAUSE_SECONDS = 0.05
# Any number that nothing else in the database takes as an advisory lock.
LOCK = 7_205_759_403_792_795

_events, _purged = table_of(TicketEvent), table_of(PurgedEvents)
_webhooks, _deliveries = table_of(Webhook), table_of(WebhookDelivery)
_tokens, _keys = table_of(RefreshToken), table_of(IdempotencyKey)
_records = table_of(UndoRecord)


@dataclass(frozen=True)
class Retention:
    """How long rows are kept: events from then on, the others from their end; None is for ever."""

    events: timedelta | None = None
    deliveries: timedelta | None = None
    sessions: timedelta | None = None
    keys: timedelta | None = None
    undo: timedelta | None = None
    jobs: timedelta | None = None

    @classmethod
    def of(cls, settings: Settings) -> "Retention":
        """Return what the settings say."""
        return cls(
            _days(settings.keep_events_days),
            _days(settings.keep_deliveries_days),
            _days(settings.keep_sessions_days),
            timedelta(hours=settings.idempotency_hours),
            timedelta(hours=settings.undo_hours),
            # As long as they can be undone, in any case.
            max(KEEP_JOBS, timedelta(hours=settings.undo_hours)),
        )


def _days(kept: int | str) -> timedelta | None:
    return timedelta(days=kept) if isinstance(kept, int) else None


@dataclass(frozen=True)
class Purged:
    """How many rows were removed, and the webhook that still needs old events, if one does."""

    events: int = 0
    deliveries: int = 0
    sessions: int = 0
    keys: int = 0
    undo: int = 0
    jobs: int = 0
    held_by: UUID | None = None


# Removes a batch of what is older than a time; returns how many rows that were.
Remove = Callable[[AsyncSession, datetime], Awaitable[int]]


async def purge(
    database: Database,
    files: FileStorage,
    retention: Retention,
    now: datetime,
    report: Report = silent,
) -> Purged:
    """Remove what is older than it may be. ``report`` is told how much of each is removed."""
    undo = _UndoRecords()
    deliveries = _Ended(_deliveries, _deliveries.c.id, _deliveries.c.finished_at)
    # A token that has not expired is known by its row, also if it was revoked.
    sessions = _Ended(_tokens, _tokens.c.jti, _tokens.c.expires_at)
    keys = _Ended(_keys, _keys.c.key, _keys.c.created_at)
    removed = {"events": 0, "deliveries": 0, "sessions": 0, "keys": 0, "undo": 0, "jobs": 0}
    for name, age, remove in (
        ("events", retention.events, _remove_events),
        ("deliveries", retention.deliveries, deliveries.remove),
        ("sessions", retention.sessions, sessions.remove),
        ("keys", retention.keys, keys.remove),
        ("undo", retention.undo, undo.remove),
        ("jobs", retention.jobs, remove_jobs),
    ):
        while age is not None and (found := await _batch(database, remove, now - age)):
            await undo.remove_files(files)
            removed[name] += found
            report(name, removed[name], 0)
            await asyncio.sleep(PAUSE_SECONDS)
    kept_from = None if retention.events is None else now - retention.events
    holder = None if kept_from is None else await _holder(database, kept_from)
    return Purged(**removed, held_by=holder)


async def _batch(database: Database, remove: Remove, before: datetime) -> int:
    async with database.transaction() as session:
        connection = await session.connection()
        if connection.dialect.name == "postgresql":
            await connection.execute(select(func.pg_advisory_xact_lock(LOCK)))
        return await remove(session, before)


async def _remove_events(session: AsyncSession, before: datetime) -> int:
    """Remove the oldest events, and keep in the same transaction how far.

    The log stays without gaps: none is removed after one that stays. The newest one stays, so that
    the log has an end to follow it from, and so do those that a webhook has not taken yet.
    """
    connection = await session.connection()
    newest = await connection.scalar(select(func.max(_events.c.seq)))
    taken = await connection.scalar(select(func.min(_webhooks.c.cursor)))
    oldest = select(_events.c.seq, _events.c.at).order_by(_events.c.seq).limit(BATCH)
    rows: Any = await connection.execute(oldest)
    may_go = [
        row.seq
        for row in takewhile(lambda row: row.at < before, rows)
        if row.seq < newest and (taken is None or row.seq <= taken)
    ]
    if not may_go:
        return 0
    # A ticket that moves to another company locks its events in any order.
    free = select(_events.c.seq).where(_events.c.seq <= may_go[-1])
    locked = set(await connection.scalars(free.with_for_update(skip_locked=True)))
    gone = list(takewhile(locked.__contains__, may_go))
    if gone:
        await connection.execute(delete(_events).where(_events.c.seq <= gone[-1]))
        await connection.execute(delete(_purged))
        await connection.execute(insert(_purged).values(seq=gone[-1]))
    return len(gone)


async def _holder(database: Database, before: datetime) -> UUID | None:
    """Return the webhook that old events are kept for, if there are any."""
    async with database.transaction() as session:
        connection = await session.connection()
        furthest = select(_webhooks.c.id, _webhooks.c.cursor).order_by(_webhooks.c.cursor).limit(1)
        webhook: Any = (await connection.execute(furthest)).first()
        oldest = select(_events.c.seq, _events.c.at).order_by(_events.c.seq).limit(1)
        event: Any = (await connection.execute(oldest)).first()
    if webhook is None or event is None or event.at >= before or event.seq <= webhook.cursor:
        return None
    found: UUID = webhook.id
    return found


@dataclass(frozen=True)
class _Ended:
    """A table whose rows have an end, by which they are removed in any order."""

    table: Table
    key: ColumnElement[Any]
    ended: ColumnElement[Any]

    async def remove(self, session: AsyncSession, before: datetime) -> int:
        connection = await session.connection()
        wanted = select(self.key).where(self.ended < before).order_by(self.ended).limit(BATCH)
        keys = list(await connection.scalars(wanted.with_for_update(skip_locked=True)))
        if keys:
            # Others may have the same idempotency key, and a newer row.
            gone = delete(self.table).where(self.key.in_(keys), self.ended < before)
            await connection.execute(gone)
        return len(keys)


@dataclass(frozen=True)
class _UndoRecords:
    """What undos need, with the files that are in the store for them only."""

    files: list[str] = field(default_factory=list)

    async def remove(self, session: AsyncSession, before: datetime) -> int:
        """Remove records with all that they stand for: an undo locks its record, too."""
        connection = await session.connection()
        wanted = select(_records.c.event_id).where(_records.c.at < before)
        wanted = wanted.order_by(_records.c.at).limit(BATCH).with_for_update(skip_locked=True)
        events = list(await connection.scalars(wanted))
        if events:
            row = DELETED_ATTACHMENTS.c
            keys = await connection.scalars(select(row.key).where(row.event_id.in_(events)))
            self.files.extend(keys)
            for table in (DELETED_ATTACHMENTS, DELETED_COMMENTS, DELETED_TICKETS, _records):
                await connection.execute(delete(table).where(table.c.event_id.in_(events)))
        return len(events)

    async def remove_files(self, files: FileStorage) -> None:
        """Remove the files of a batch, which is committed; what fails, the orphan cleanup finds."""
        while self.files:
            await files.delete(self.files.pop())
