"""Starting and cancelling bulk jobs."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from models import OPEN_JOBS, BulkJobKind, BulkJobState
from resolvers.access import can_see_bulk_job
from resolvers.bulk.files import forget_file
from resolvers.bulk.jobs import (
    MAX_TICKETS,
    JobEnded,
    NewJob,
    OpenJob,
    add_batches,
    add_job,
    ending,
    lock,
    wake_runner,
)
from resolvers.bulk.selection import Selection
from resolvers.bulk.values import stored, stored_change
from resolvers.commands.batches.updates import BatchChange, check_change
from resolvers.context import Context
from resolvers.errors import Invalid, NotFound, Problem
from resolvers.write_statements import Transaction

# An id is None where it is none: no ticket has it.
Chosen = Sequence[UUID | None] | Selection


async def start_update(context: Context, chosen: Chosen, change: BatchChange) -> UUID:
    """Start a job that changes tickets; returns its id.

    Raises ``Invalid`` where the values are wrong for any ticket, ``CountMismatch`` and
    ``JobRefused``.
    """
    return await _start(context, BulkJobKind.UPDATE, chosen, stored_change(change), change)


async def start_delete(context: Context, chosen: Chosen) -> UUID:
    """Start a job that deletes tickets; otherwise as ``start_update``."""
    return await _start(context, BulkJobKind.DELETE, chosen, {})


async def start_create(context: Context, given: Sequence[Mapping[str, object]]) -> UUID:
    """Start a job that creates tickets, each by the values of ``create_ticket``."""
    context.require_viewer()
    _check_size("inputs", len(given))
    job = NewJob(BulkJobKind.CREATE, {"listed": True}, len(given))
    async with context.services.database.write() as transaction:
        await add_job(context, transaction, job)
        await add_batches(transaction, job.id, [stored(values) for values in given])
    wake_runner(context)
    return job.id


async def _start(
    context: Context,
    kind: BulkJobKind,
    chosen: Chosen,
    arguments: Mapping[str, object],
    change: BatchChange | None = None,
) -> UUID:
    context.require_viewer()
    listed = not isinstance(chosen, Selection)
    total = chosen.count if isinstance(chosen, Selection) else _checked_size(chosen)
    job = NewJob(kind, {**arguments, "listed": listed}, total)
    async with context.services.database.write() as transaction:
        if change is not None:
            await check_change(context, transaction, change)
        await add_job(context, transaction, job)
        if isinstance(chosen, Selection):
            await chosen.store(transaction, job.id)
        else:
            items = [None if key is None else str(key) for key in chosen]
            await add_batches(transaction, job.id, items)
    wake_runner(context)
    return job.id


def _checked_size(keys: Sequence[UUID | None]) -> int:
    """Return how many ids there are; raises ``Invalid`` for none, too many, and one given twice."""
    _check_size("ids", len(keys))
    known = [key for key in keys if key is not None]
    if len(set(known)) < len(known):
        raise Invalid({"ids": [Problem("given_twice")]})
    return len(keys)


def _check_size(field: str, count: int) -> None:
    if not 1 <= count <= MAX_TICKETS:
        raise Invalid({field: [Problem("batch_size", {"count": count, "max": MAX_TICKETS})]})


async def cancel(context: Context, job_id: UUID) -> None:
    """End a job: a batch that is under way is waited for, and no other one begins.

    One that was cancelled before stays as it is. Raises ``NotFound`` of a Job, and ``JobEnded``.
    """
    context.require_viewer()
    async with context.services.database.write() as transaction:
        job = await locked_job(context, transaction, job_id)
        if job.state is BulkJobState.CANCELLED:
            return
        if job.state not in OPEN_JOBS:
            raise JobEnded
        now = context.services.clock()
        await transaction.execute(*ending(job, BulkJobState.CANCELLED, now))
        keys = await forget_file(transaction, job)
    for key in keys:
        await context.services.files.delete(key)


async def locked_job(context: Context, transaction: Transaction, job_id: UUID) -> OpenJob:
    """Return a job that the viewer sees, locked; raises ``NotFound`` of a Job."""
    job = await lock(transaction, job_id)
    if job is None or not can_see_bulk_job(context.require_viewer(), job.created_by_id):
        raise NotFound("Job")
    return job
