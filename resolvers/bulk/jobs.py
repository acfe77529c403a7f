"""Bulk jobs as they are stored, and the statements about their rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from sqlalchemy import (
    JSON,
    ColumnElement,
    String,
    and_,
    bindparam,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
    tuple_,
)

from models import OPEN_JOBS, BulkJob, BulkJobBatch, BulkJobKind, BulkJobState, User, table_of
from models.base import new_id
from models.types import UtcDateTime, Uuid36
from resolvers.context import Context
from resolvers.errors import ServiceError
from resolvers.events.log import CHANNEL
from resolvers.services import Services
from resolvers.write_statements import (
    KEY,
    Statement,
    Step,
    StoredRow,
    Transaction,
    Values,
    always,
    change_in,
    insert_into,
    stored_names,
    with_key,
)

# How many tickets a batch has. Others wait for a batch at most: on SQLite for all of it.
BATCH = 10
# How many tickets a job may have, and how many jobs of one user may be open.
MAX_TICKETS = 100_000
MAX_OPEN_JOBS = 10

JOBS, BATCHES = table_of(BulkJob), table_of(BulkJobBatch)
_users = table_of(User)


class JobRefused(ServiceError):
    """A job cannot be started, or be undone; the text is a sentence."""


class JobEnded(ServiceError):
    """A job cannot be cancelled any more."""

    def __str__(self) -> str:
        return "The job has already ended."


class OpenJob(NamedTuple):
    """A stored job, by its columns; most often one that is still to be done."""

    id: UUID
    kind: BulkJobKind
    state: BulkJobState
    arguments: Mapping[str, Any]
    dry_run: bool
    total_count: int | None
    done_count: int
    changed_count: int
    failed_count: int
    batch: int
    bookmark: Mapping[str, Any] | None
    undo_of_id: UUID | None
    created_by_id: UUID | None
    started_at: datetime | None
    finished_at: datetime | None

    @property
    def has_file(self) -> bool:
        """Whether it may have a file (``resolvers.bulk.files``)."""
        return self.kind is BulkJobKind.IMPORT


_COLUMNS = [JOBS.c[name] for name in OpenJob._fields]


def is_open(table: Any) -> ColumnElement[bool]:
    """Return the condition for jobs that have not ended."""
    states = ", ".join(f"'{state.value}'" for state in OPEN_JOBS)
    condition: ColumnElement[bool] = table.c.state.op("IN", is_comparison=True)(
        literal_column(f"({states})")
    )
    return condition


def _free() -> ColumnElement[bool]:
    """Return the condition for jobs that no other process works on."""
    mine = JOBS.c.claim == bindparam("claim", type_=String)
    over = JOBS.c.lease_until <= bindparam("now", type_=UtcDateTime)
    return or_(JOBS.c.claim.is_(None), mine, over)


def _next() -> Any:
    """Return the select of the job whose turn it is: users in turn, each one's jobs in order."""
    earlier = JOBS.alias("earlier")
    order, earlier_order = ((one.c.created_at, one.c.id) for one in (JOBS, earlier))
    is_before = and_(
        is_open(earlier),
        earlier.c.created_by_id == JOBS.c.created_by_id,
        tuple_(*earlier_order) < tuple_(*order),
    )
    waits = exists(select(earlier.c.id).where(is_before).correlate_except(earlier))
    found = select(*_COLUMNS).where(is_open(JOBS), _free(), ~waits)
    last = func.coalesce(JOBS.c.turn_at, JOBS.c.created_at)
    return found.order_by(last, JOBS.c.id).limit(literal_column("1"))


_NEXT = always(_next())
_IS_CURRENT = and_(is_open(JOBS), _free(), JOBS.c.batch == bindparam("batch"))
_TAKE = always(
    select(*_COLUMNS).where(with_key(JOBS), _IS_CURRENT).with_for_update(skip_locked=True)
)
_LOCK = always(select(*_COLUMNS).where(with_key(JOBS)).with_for_update())
_RELEASE = always(
    JOBS.update()
    .where(JOBS.c.claim == bindparam("mine", type_=String), is_open(JOBS))
    .values(claim=None, lease_until=None)
)
# So that a user who starts several jobs at once does not exceed the limit.
_LOCK_USER = always(select(_users.c.id).where(with_key(_users)).with_for_update(key_share=True))
_OPEN_OF_USER = always(
    select(func.count())
    .select_from(JOBS)
    .where(is_open(JOBS), JOBS.c.created_by_id == bindparam(KEY, type_=Uuid36))
)
_INSERT = insert_into(JOBS)
_INSERT_BATCH = insert_into(BATCHES)
_END = change_in(JOBS, ["state", "reason", "finished_at", "claim", "lease_until"])
_CHANGE = change_in(
    JOBS,
    [
        *("state", "done_count", "changed_count", "failed_count", "batch", "bookmark"),
        *("started_at", "turn_at", "finished_at", "claim", "lease_until"),
    ],
)
# Wakes who follows a job, also where no event was written.
_RING = Statement(
    lambda dialect: select(
        func.pg_notify(CHANNEL, literal("")) if dialect == "postgresql" else literal(1)
    )
)


async def read_one(services: Services, statement: Statement, values: Values) -> StoredRow | None:
    """Return the row of a small read outside of any transaction, with its columns' types."""
    dialect = services.database.dialect
    compiled = statement.compiled(dialect)
    row = await services.database.fetch_row(compiled.sql, compiled.values(values))
    if row is None:
        return None
    columns = statement.build(dialect.name).exported_columns
    return tuple(map(_read, columns, compiled.row(row)))


def _read(column: ColumnElement[object], value: Any) -> object:
    # Connections for reads leave JSON as it is.
    is_text = isinstance(column.type, JSON) and isinstance(value, str)
    return orjson.loads(value) if is_text else value


async def next_job(services: Services, claim: str) -> OpenJob | None:
    """Return the job whose turn it is for the process with this claim, if there is one."""
    row = await read_one(services, _NEXT, {"claim": claim, "now": services.clock()})
    return None if row is None else OpenJob(*row)


async def take(transaction: Transaction, job: OpenJob, claim: str, now: datetime) -> OpenJob | None:
    """Return a job, locked; None where it has ended, or another process works on it."""
    values = {KEY: job.id, "claim": claim, "now": now, "batch": job.batch}
    row = await transaction.fetch_row(_TAKE, values)
    return None if row is None else OpenJob(*row)


async def release(services: Services, claim: str) -> None:
    """Give back all jobs of a process that stops."""
    async with services.database.write() as transaction:
        await transaction.execute((_RELEASE, {"mine": claim}))


async def lock(transaction: Transaction, job_id: UUID) -> OpenJob | None:
    """Return a job, locked until the end of the transaction: no batch of it runs meanwhile."""
    row = await transaction.fetch_row(_LOCK, {KEY: job_id})
    return None if row is None else OpenJob(*row)


@dataclass(frozen=True)
class NewJob:
    """A job that is to be started."""

    kind: BulkJobKind
    arguments: Mapping[str, object]
    total_count: int | None
    dry_run: bool = False
    undo_of_id: UUID | None = None
    bookmark: Mapping[str, object] | None = None
    id: UUID = field(default_factory=new_id)


async def add_job(context: Context, transaction: Transaction, job: NewJob) -> None:
    """Store a new job of the viewer; raises ``JobRefused`` where they have too many open.

    After the transaction, ``wake_runner`` has it begun.
    """
    key = {KEY: context.require_viewer().id}
    await transaction.fetch_row(_LOCK_USER, key)
    row = await transaction.fetch_row(_OPEN_OF_USER, key)
    assert row is not None
    if row[0] >= MAX_OPEN_JOBS:
        raise JobRefused(
            f"You have {row[0]} jobs that have not ended, and may have {MAX_OPEN_JOBS}: wait for "
            "one of them, or cancel it."
        )
    await transaction.execute((_INSERT, _row(context, job)))


def wake_runner(context: Context) -> None:
    """Have the runner of this process look for jobs, once what was written is committed."""
    context.services.after_commit(context.services.bulk_jobs_changed.set)


def _row(context: Context, job: NewJob) -> dict[str, object]:
    given: dict[str, object] = dict.fromkeys(stored_names(JOBS))
    given.update(done_count=0, changed_count=0, failed_count=0, batch=0)
    given.update({name: getattr(job, name) for name in job.__dataclass_fields__})
    given.update(state=BulkJobState.PENDING, created_by_id=context.require_viewer().id)
    return {**given, "created_at": context.services.clock()}


async def add_batches(transaction: Transaction, job_id: UUID, items: Sequence[object]) -> None:
    """Store the batches of a job, of items that are JSON."""
    rows = [
        {"job_id": job_id, "number": at // BATCH, "items": items[at : at + BATCH]}
        for at in range(0, len(items), BATCH)
    ]
    await transaction.execute(*((_INSERT_BATCH, {**row, "event_ids": None}) for row in rows))


def ending(
    job: OpenJob, state: BulkJobState, now: datetime, reason: str | None = None
) -> list[Step]:
    """Return what ends a job before all of it is done."""
    values = {"state": state, "reason": reason, "finished_at": now}
    return [(_END, {KEY: job.id, **values, "claim": None, "lease_until": None}), (_RING, {})]


def progress(job: OpenJob, claim: str, lease_until: datetime, now: datetime) -> list[Step]:
    """Return what stores a job as it is after a batch, with the claim while more is to come."""
    ended = job.state not in OPEN_JOBS
    values = {name: getattr(job, name) for name in OpenJob._fields}
    claimed = {"claim": None if ended else claim, "lease_until": None if ended else lease_until}
    return [(_CHANGE, {**values, KEY: job.id, "turn_at": now, **claimed}), (_RING, {})]
