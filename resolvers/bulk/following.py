"""Following a job: what it is now, and again whenever it has gone on, until it has ended."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from uuid import UUID

from sqlalchemy import select

from models import OPEN_JOBS
from resolvers.bulk.jobs import JOBS, read_one
from resolvers.context import Context
from resolvers.errors import NotFound, Unavailable
from resolvers.services import Services
from resolvers.write_statements import KEY, always, with_key

# The least time between two messages, in seconds: batches may take less.
PACE_SECONDS = 1.0
# How soon a job is read again where the database was away, in seconds.
RETRY_SECONDS = 1.0
_MARK = always(select(JOBS.c.state, JOBS.c.batch, JOBS.c.done_count).where(with_key(JOBS)))

# Returns the viewer of the next message; raises ``Unauthenticated`` once there is none.
Check = Callable[[], Awaitable[Context]]
# Returns the job as its follower asked for it; None where there is none for the viewer.
Read = Callable[[Context], Awaitable[str | None]]


async def follow_job(
    services: Services, check: Check, job_id: UUID, read: Read
) -> AsyncGenerator[str, None]:
    """Yield a job as it is, and again when it has gone on, at most once in ``PACE_SECONDS``.

    Ends after the job has, where the viewer no longer sees it, by what ``check`` raises, and with
    the process. Raises ``NotFound`` of a Job at first.
    """
    known, sent = None, None
    while not services.broker.ended:
        seen = services.event_signal.count
        try:
            context = await check()
            mark = await read_one(services, _MARK, {KEY: job_id})
            if mark != known or mark is None:
                text = None if mark is None else await read(context)
                if text is None and known is None:
                    raise NotFound("Job")
                if mark is None or text is None:
                    return
                # A batch that ends after the mark was read may be in the text already.
                if text != sent:
                    yield text
                known, sent = mark, text
                if mark[0] not in OPEN_JOBS:
                    return
        except Unavailable:
            await asyncio.sleep(RETRY_SECONDS)
            continue
        await _next(services, seen)


async def _next(services: Services, seen: int) -> None:
    """Wait until the job may have gone on, and a message may be sent again."""
    with suppress(TimeoutError):
        async with asyncio.timeout(PACE_SECONDS):
            await services.broker.until_ended()
            return
    waits = [services.event_signal.wait(seen), services.broker.until_ended()]
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
