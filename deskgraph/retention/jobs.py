"""Removing old bulk jobs with their batches and errors, of which one may have many."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Table, delete, select, tuple_
from sqlmodel.ext.asyncio.session import AsyncSession

from models import BulkJob, BulkJobBatch, BulkJobError, table_of

# For how long a job is kept after its end.
KEEP_JOBS = timedelta(days=30)
# How many rows a transaction removes.
BATCH = 500
_jobs = table_of(BulkJob)
_PARTS = (table_of(BulkJobError), table_of(BulkJobBatch))


async def remove_jobs(session: AsyncSession, before: datetime) -> int:
    """Remove some rows of jobs that ended before a time; returns how many.

    The parts of jobs go first, so that no transaction removes all of a large one.
    """
    old = select(_jobs.c.id).where(_jobs.c.finished_at < before)
    for table in _PARTS:
        if found := await _remove(session, table, table.c.job_id.in_(old)):
            return found
    return await _remove(session, _jobs, _jobs.c.finished_at < before)


async def _remove(session: AsyncSession, table: Table, condition: Any) -> int:
    connection = await session.connection()
    keys = list(table.primary_key)
    wanted = select(*keys).where(condition).limit(BATCH).with_for_update(skip_locked=True)
    found = [tuple(row) for row in await connection.execute(wanted)]
    if found:
        await connection.execute(delete(table).where(tuple_(*keys).in_(found)))
    return len(found)
