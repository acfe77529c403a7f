"""One batch of a job: a transaction with what the job's row, errors and events tell of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy.dialects import postgresql, sqlite

from models import BulkJobError, BulkJobState, table_of
from models.base import new_id
from resolvers.auth.viewers import current_account
from resolvers.bulk.files import forget_file
from resolvers.bulk.jobs import BATCHES, OpenJob, ending, progress, take
from resolvers.bulk.kinds import BatchResult, ItemResult, JobKind, Kinds
from resolvers.commands.undo.keeping import keeps
from resolvers.context import Context
from resolvers.errors import Contended, Deactivated, ServiceError, Unavailable
from resolvers.services import Services
from resolvers.units.dry_run import dry_run
from resolvers.units.unit import unit_of_work
from resolvers.write_statements import (
    Built,
    Statement,
    Step,
    Transaction,
    binds_of,
    insert_into,
    stored_names,
)

# For how long the process that has done a batch may take for the next one.
LEASE = timedelta(seconds=30)
# How long a batch waits for the database, in seconds.
WAIT_SECONDS = 30.0
MAX_REASON = 300
_ERROR = insert_into(table_of(BulkJobError))
# Returns the errors of an item as the API words them, as JSON; and an error as a sentence.
ToldErrors = Callable[[ItemResult], list[dict[str, object]]]
Told = Callable[[ServiceError], str]


def _keep_statement(dialect: str) -> Built:
    """Return what keeps the events of a batch; what it was to do is no longer needed."""
    insert = (postgresql if dialect == "postgresql" else sqlite).insert(BATCHES)
    new = insert.values(binds_of(BATCHES, stored_names(BATCHES)))
    kept: Built = new.on_conflict_do_update(
        index_elements=["job_id", "number"],
        set_={name: new.excluded[name] for name in ("items", "event_ids")},
    )
    return kept


_KEEP = Statement(_keep_statement)


@dataclass(frozen=True)
class Worker:
    """What one process does batches with: its claim, the kinds, and the words of errors."""

    services: Services
    claim: str
    kinds: Kinds
    errors_of: ToldErrors
    sentence_of: Told


class _Lost(Exception):
    """The job has ended, or another process works on it."""


class _Claim:
    """Takes a job at the beginning of a batch's transaction."""

    wait_seconds = WAIT_SECONDS

    def __init__(self, worker: Worker, job: OpenJob) -> None:
        self._worker = worker
        self._job = job

    async def look(self, transaction: Transaction) -> None:
        """Nothing is looked at before."""

    async def take(self, transaction: Transaction) -> None:
        """Raise ``_Lost`` where another process is faster."""
        now = self._worker.services.clock()
        if await take(transaction, self._job, self._worker.claim, now) is None:
            raise _Lost

    def late(self) -> Exception:
        """Return the error where the database is busy for too long."""
        return Contended("database")


async def do_batch(worker: Worker, job: OpenJob) -> OpenJob | None:
    """Do the next batch of a job, and return it as it is then.

    None where there was nothing to do for this process: the job has ended, or is another's. Raises
    ``Unavailable``; then nothing was done, or the next look at the job shows what was.
    """
    kind = worker.kinds[job.kind]
    try:
        context = await _context(worker.services, job)
        prepared = await kind.prepare(context, job)
        async with unit_of_work(context, _Claim(worker, job)) as unit:
            inner = replace(unit.context, event_ids=[])
            result = await _written(inner, kind, job, prepared)
            done, steps = _recorded(worker, inner, job, result)
            for key in result.unneeded:
                await unit.context.services.files.delete(key)
            await unit.commit(*steps)
    except _Lost:
        return None
    except Unavailable:
        raise
    except Deactivated:
        return await fail(worker, job, "The user who started it is deactivated.")
    except ServiceError as error:
        return await fail(worker, job, worker.sentence_of(error))
    return done


async def fail(worker: Worker, job: OpenJob, reason: str) -> OpenJob | None:
    """End a job that cannot go on; None where it is not this process's any more."""
    now = worker.services.clock()
    async with worker.services.database.write() as transaction:
        if await take(transaction, job, worker.claim, now) is None:
            return None
        reason = reason[:MAX_REASON]
        await transaction.execute(*ending(job, BulkJobState.FAILED, now, reason))
        keys = await forget_file(transaction, job)
    for key in keys:
        await worker.services.files.delete(key)
    return job._replace(state=BulkJobState.FAILED, finished_at=now)


async def _context(services: Services, job: OpenJob) -> Context:
    """Return the context of a batch, whose viewer is the job's creator; raises ``Deactivated``."""
    if job.created_by_id is None:
        raise Deactivated
    account = await current_account(services, job.created_by_id)
    return Context(services, account.viewer, "graphql")


async def _written(
    context: Context, kind: JobKind[object], job: OpenJob, prepared: object
) -> BatchResult:
    if not job.dry_run:
        return await kind.write(context, job, prepared)
    async with dry_run(context) as tried:
        return await kind.write(tried, job, prepared)


def _recorded(
    worker: Worker, context: Context, job: OpenJob, result: BatchResult
) -> tuple[OpenJob, list[Step]]:
    """Return a job as it is after a batch, and what stores that."""
    now = worker.services.clock()
    failed = [one for one in result.items if one.error is not None]
    done = job._replace(
        state=BulkJobState.DONE if result.ended else BulkJobState.RUNNING,
        done_count=job.done_count + len(result.items),
        changed_count=job.changed_count + sum(one.changed for one in result.items),
        failed_count=job.failed_count + len(failed),
        batch=job.batch + 1,
        bookmark=result.bookmark,
        started_at=job.started_at or now,
        finished_at=now if result.ended else None,
    )
    if result.ended:
        done = done._replace(total_count=done.done_count)
    steps: list[Step] = [(_ERROR, _error(worker, job, one)) for one in failed]
    steps.append((_KEEP, _kept(context, job)))
    return done, [*steps, *result.steps, *progress(done, worker.claim, now + LEASE, now)]


def _error(worker: Worker, job: OpenJob, item: ItemResult) -> Mapping[str, object]:
    values = {"position": item.position, "ticket_id": item.ticket_id}
    return {"id": new_id(), "job_id": job.id, **values, "errors": worker.errors_of(item)}


def _kept(context: Context, job: OpenJob) -> Mapping[str, object]:
    events: Sequence[str] = []
    if keeps(context) and not job.dry_run:
        events = [str(key) for key in context.event_ids or ()]
    return {"job_id": job.id, "number": job.batch, "items": None, "event_ids": events}
