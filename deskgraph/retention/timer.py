"""The timer of each process that removes what is old; they need not know of each other."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict

from deskgraph.retention.purge import Retention, purge
from deskgraph.settings import Settings
from resolvers.errors import Unavailable
from resolvers.services import Services

# After how long old rows are looked for: for the first time, and then again and again. Each time
# is up to half as long again, so that processes that start together do not meet each time.
FIRST_SECONDS, EVERY_SECONDS = 300.0, 3600.0
logger = logging.getLogger("deskgraph.retention")


class PurgeTimer:
    """Runs with ``run``; ``step`` is one look at what is old."""

    def __init__(
        self,
        services: Services,
        retention: Retention,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._services = services
        self._retention = retention
        self._jitter = jitter

    async def step(self) -> None:
        """Remove what is old, and log what was."""
        try:
            services = self._services
            now = services.clock()
            found = await purge(services.database, services.files, self._retention, now)
        except Unavailable:
            # The database has logged that it is away.
            return
        except Exception:
            logger.exception("cannot remove what is old, trying again later")
            return
        counts = {name: count for name, count in asdict(found).items() if name != "held_by"}
        if any(counts.values()):
            logger.info("removed what was old", extra=counts)
        if found.held_by is not None:
            logger.warning("old events are kept for the webhook %s", found.held_by)

    async def run(self) -> None:
        """Look again and again."""
        seconds = FIRST_SECONDS
        while True:
            await asyncio.sleep(seconds * (1 + self._jitter() / 2))
            await self.step()
            seconds = EVERY_SECONDS


@asynccontextmanager
async def purging(services: Services, settings: Settings) -> AsyncIterator[None]:
    """Remove what is old in the background; at the end the batch that is under way is undone."""
    running = asyncio.create_task(PurgeTimer(services, Retention.of(settings)).run())
    try:
        yield
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
