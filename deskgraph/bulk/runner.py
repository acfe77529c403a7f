"""The runner: does the batches of bulk jobs, for as long as its process runs.

Each process has one, and they need not know of each other. A job that is started in this process
wakes it. Jobs that another process has left are found by a look once in a while.
"""

import asyncio
import logging
import secrets
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from uuid import UUID

from deskgraph.backoff import Backoff
from models import OPEN_JOBS, BulkJobKind
from resolvers.bulk.batch import Worker, do_batch, fail
from resolvers.bulk.jobs import OpenJob, next_job, release
from resolvers.bulk.kinds import ItemResult, JobKind
from resolvers.bulk.tickets import CreateJobs, DeleteJobs, UpdateJobs
from resolvers.bulk.undoing import UndoJobs
from resolvers.errors import Unavailable
from resolvers.imports.job import ImportJobs
from resolvers.services import Services
from schema.errors.item_errors import item_errors, sentence_of

logger = logging.getLogger("deskgraph.bulk")

# How often a process looks for jobs that others have started, or left, in seconds.
IDLE_SECONDS = 15.0
# How long to rest after a batch: in the times that it took, and at least, in seconds. Others write
# meanwhile.
REST, MIN_REST_SECONDS = 1.5, 0.005
# How long to wait after a failure: at first, and at most.
FIRST_RETRY_SECONDS, MAX_RETRY_SECONDS = 1.0, 30.0
# After how many failures of the same batch, other than of the database, a job is given up.
MAX_FAILURES = 5


def kinds_of() -> Mapping[BulkJobKind, JobKind[Any]]:
    """Return what does each kind of jobs."""
    return {
        BulkJobKind.CREATE: CreateJobs(),
        BulkJobKind.UPDATE: UpdateJobs(),
        BulkJobKind.DELETE: DeleteJobs(),
        BulkJobKind.IMPORT: ImportJobs(),
        BulkJobKind.UNDO: UndoJobs(),
    }


def errors_of(item: ItemResult) -> list[dict[str, object]]:
    """Return the errors of an item in the words of GraphQL."""
    return [] if item.error is None else item_errors(item.error, item.path)


class BulkRunner:
    """Runs with ``start``; ``step`` is one batch."""

    def __init__(
        self, services: Services, kinds: Mapping[BulkJobKind, JobKind[object]] | None = None
    ) -> None:
        claim = secrets.token_hex(8)
        self._worker = Worker(services, claim, kinds or kinds_of(), errors_of, sentence_of)
        self._wake = services.bulk_jobs_changed
        self._failures: Counter[UUID] = Counter()
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Look for a job, and go on in the background."""
        worker = self._worker
        if await next_job(worker.services, worker.claim) is not None:
            self._wake.set()
        self._running = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Undo the batch that is under way, and give the jobs back."""
        if self._running is not None:
            self._running.cancel()
            with suppress(asyncio.CancelledError):
                await self._running
        with suppress(Exception):  # The lease ends by itself.
            await release(self._worker.services, self._worker.claim)

    async def step(self) -> bool:
        """Do the next batch of the job whose turn it is; returns whether there was one.

        Raises ``Unavailable``, and what is wrong with a batch.
        """
        job = await next_job(self._worker.services, self._worker.claim)
        if job is None:
            return False
        try:
            done = await do_batch(self._worker, job)
        except Unavailable:
            raise
        except Exception:
            self._failures[job.id] += 1
            if self._failures[job.id] < MAX_FAILURES:
                raise
            logger.exception("bulk job %s is given up", job.id)
            done = await fail(self._worker, job, "Something went wrong on our side.")
        self._failures.pop(job.id, None)
        if done is not None:
            _log(job, done)
        return True

    async def _run(self) -> None:
        backoff = Backoff(FIRST_RETRY_SECONDS, MAX_RETRY_SECONDS)
        now = asyncio.get_running_loop().time
        await self._woken()
        while True:
            self._wake.clear()
            began = now()
            try:
                worked = await self.step()
                backoff.reset()
            except Unavailable:
                # The database has logged that it is away.
                await backoff.wait()
                continue
            except Exception:
                logger.exception("cannot do a batch of a bulk job, trying again")
                await backoff.wait()
                continue
            if worked:
                await asyncio.sleep(max(MIN_REST_SECONDS, REST * (now() - began)))
            else:
                await self._woken()

    async def _woken(self) -> None:
        """Wait for a job of this process, or until others may have left one."""
        with suppress(TimeoutError):
            async with asyncio.timeout(IDLE_SECONDS):
                await self._wake.wait()


def _log(before: OpenJob, job: OpenJob) -> None:
    """Write a line where a job has begun, and one where it has ended."""
    about = {"job": str(job.id), "kind": job.kind.value, "user": str(job.created_by_id)}
    if before.started_at is None and job.started_at is not None:
        logger.info("bulk job started", extra={**about, "tickets": job.total_count})
    if job.state not in OPEN_JOBS:
        counts = {"done": job.done_count, "changed": job.changed_count, "failed": job.failed_count}
        logger.info("bulk job ended", extra={**about, "state": job.state.value, **counts})
