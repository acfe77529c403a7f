"""Adds the changes of PostgreSQL's counts to the counts, beside the writers that append them.

A trigger does it as well, at the commit of a writer, where thousands of changes are left. The
writer waits for that, and so do all others that append to the event log.
"""

import asyncio
import logging
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util.concurrency import greenlet_spawn

logger = logging.getLogger("deskgraph.database")

# How long changes are gathered after a commit, in seconds.
WAIT_SECONDS = 0.1
# Fewer than a hundred changes stay where they are: readers of counts soon add them up. A crash of
# PostgreSQL may undo the statement, and then the changes are there again. It is one message, which
# PgBouncer gives to one server.
FOLD = "SELECT fold_ticket_count_changes(100) FROM set_config('synchronous_commit', 'off', true)"


class Folding:
    """Adds up what several commits have changed; at most one statement is under way."""

    def __init__(self, engine: AsyncEngine) -> None:
        """Take the engine of the writers."""
        self._engine = engine
        self._closing = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    def committed(self) -> None:
        """Note a commit, which may have changed counts."""
        if self._running is None and not self._closing.is_set():
            self._running = asyncio.create_task(self._gather_and_fold())

    async def close(self) -> None:
        """Wait for a statement that is under way; another process does what is left."""
        self._closing.set()
        if self._running is not None:
            await asyncio.wait([self._running])
        self._closing = asyncio.Event()

    async def _gather_and_fold(self) -> None:
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._closing.wait()
        except TimeoutError:
            await self._fold()
        finally:
            self._running = None

    async def _fold(self) -> None:
        try:
            pooled = await self._engine.raw_connection()
            driver: Any = pooled.driver_connection
            try:
                await driver.execute(FOLD)
            except BaseException:
                await greenlet_spawn(pooled.invalidate)
                raise
            pooled.close()
        except Exception as error:
            # Nothing is lost: the next one, or a writer, adds it up. What is wrong with the
            # database is told by those who read and write.
            name = type(error).__name__
            logger.debug("cannot add up the changes of counts: %s: %s", name, error)
