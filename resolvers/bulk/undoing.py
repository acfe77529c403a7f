"""Undoing a whole job: a job of its own, over the events that the first one has written."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import bindparam, func, literal_column, or_, select
from sqlalchemy.types import String

from models import OPEN_JOBS, BulkJobKind, BulkJobState, TicketEvent, table_of
from models.types import Uuid36
from resolvers.bulk.jobs import (
    BATCH,
    BATCHES,
    JOBS,
    JobRefused,
    NewJob,
    OpenJob,
    add_job,
    is_open,
    read_one,
    wake_runner,
)
from resolvers.bulk.kinds import BatchResult, ItemResult
from resolvers.bulk.starting import locked_job
from resolvers.bulk.tickets import OF_BATCH, in_parts
from resolvers.commands.batches.outcomes import Outcome
from resolvers.commands.batches.undos import undo_tickets
from resolvers.commands.undo.keeping import keeps
from resolvers.context import Context
from resolvers.query.sql.elements import InIds
from resolvers.write_statements import KEY, KEYS, Transaction, always, key_list

_events = table_of(TicketEvent)
_WRITTEN = always(select(BATCHES.c.event_ids).where(*OF_BATCH))
_EVENTS = always(
    select(_events.c.id, _events.c.ticket_id)
    .where(InIds(_events.c.id, bindparam(KEYS, type_=String)))
    .order_by(_events.c.seq.desc())
)
_UNDOES = always(
    select(func.count())
    .select_from(JOBS)
    .where(
        JOBS.c.undo_of_id == bindparam(KEY, type_=Uuid36),
        or_(is_open(JOBS), JOBS.c.state == literal_column(f"'{BulkJobState.DONE.value}'")),
    )
)


async def start_undo(context: Context, job_id: UUID) -> UUID:
    """Start a job that undoes another one; returns its id.

    Raises ``NotFound`` of a Job, and ``JobRefused``.
    """
    context.require_viewer()
    async with context.services.database.write() as transaction:
        job = await locked_job(context, transaction, job_id)
        await _require_undoable(context, transaction, job)
        undo = NewJob(
            BulkJobKind.UNDO, {"batches": job.batch}, job.changed_count, undo_of_id=job.id
        )
        await add_job(context, transaction, undo)
    wake_runner(context)
    return undo.id


async def _require_undoable(context: Context, transaction: Transaction, job: OpenJob) -> None:
    if job.state in OPEN_JOBS:
        raise JobRefused("The job has not ended yet: wait for its end, or cancel it.")
    if job.dry_run or not job.changed_count:
        raise JobRefused("The job has changed nothing.")
    since = context.services.clock() - timedelta(hours=context.services.undo_hours)
    if not keeps(context) or job.finished_at is None or job.finished_at <= since:
        raise JobRefused("It is too long ago to be undone.")
    row = await transaction.fetch_row(_UNDOES, {KEY: job.id})
    assert row is not None
    if row[0]:
        raise JobRefused("Another job undoes it, or has.")


class UndoJobs:
    """Jobs that undo another one: its last batch first, and in it the last ticket.

    ``bookmark`` has how many tickets of the batch are done, and how many batches.
    """

    async def prepare(self, context: Context, job: OpenJob) -> Sequence[str]:
        """Return the ids of the events of the batch to undo."""
        number = self._number(job)
        if number < 0:
            return []
        values = {"job_id": job.undo_of_id, "number": number}
        row = await read_one(context.services, _WRITTEN, values)
        return [] if row is None or row[0] is None else row[0]

    def _number(self, job: OpenJob) -> int:
        batches: int = job.arguments["batches"]
        done: int = (job.bookmark or {}).get("batches", 0)
        return batches - 1 - done

    async def write(self, context: Context, job: OpenJob, prepared: Sequence[str]) -> BatchResult:
        """Undo the batch, or as many of its tickets as go at once."""
        before = (job.bookmark or {}).get("tickets", 0)
        tickets = await _by_ticket(context, prepared) if prepared else []
        some = tickets[before : before + BATCH]
        outcomes = await in_parts(some, partial(_undone, context)) if some else []
        items = [
            ItemResult(position, ticket.id, outcome.changed, outcome.error)
            for position, (ticket, outcome) in enumerate(
                zip(some, outcomes, strict=True), job.done_count
            )
        ]
        done = before + len(some)
        more = done < len(tickets)
        number = self._number(job)
        batches = job.arguments["batches"] - 1 - number + (0 if more else 1)
        bookmark = {"batches": batches, "tickets": done if more else 0}
        return BatchResult(items, ended=not more and number <= 0, bookmark=bookmark)


class _Ticket(NamedTuple):
    """What a job did to a ticket: its events, the last one first."""

    id: UUID
    events: list[UUID]


async def _by_ticket(context: Context, event_ids: Sequence[str]) -> list[_Ticket]:
    """Return events by ticket, the last ones first."""
    async with context.services.database.write() as transaction:
        rows = await transaction.fetch(_EVENTS, key_list(map(UUID, event_ids)))
    found: dict[UUID, _Ticket] = {}
    for key, ticket_id in rows:
        found.setdefault(ticket_id, _Ticket(ticket_id, [])).events.append(key)
    return list(found.values())


async def _undone(context: Context, tickets: Sequence[_Ticket]) -> list[Outcome]:
    """Undo what a job did to some tickets: to each all of it, or nothing."""
    return [*await undo_tickets(context, [key for one in tickets for key in one.events])]
