"""Moves what was committed from the write-ahead log into the file, beside the writers.

SQLite would do that in a commit, each time that the log has a thousand pages more: every fiftieth
writer or so would wait for a copy of all of them, and for the disk twice more. On a connection of
its own it stops nobody (https://www.sqlite.org/c3ref/wal_checkpoint_v2.html, PASSIVE).
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable

from deskgraph.database.sqlite.call_thread import CallThread

logger = logging.getLogger("deskgraph.database")

# After how many changed rows, which are about a thousand pages: 50 small writes, or two batches of
# bulk jobs. More at once would keep a commit waiting for the disk.
CHANGES = 400
# Where the log has so many pages nevertheless, 64 MB, a commit does it, with no writer beside it:
# the log begins from its start again only where all of it was moved.
AUTOCHECKPOINT = "PRAGMA wal_autocheckpoint=16000"
_CHECKPOINT = "PRAGMA wal_checkpoint(PASSIVE)"


class Checkpoints:
    """Moves what several commits have changed together; at most one move is under way."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        """Take what connects; the first move does."""
        self._connect = connect
        self._thread: CallThread | None = None
        # How many rows the writers had changed at the last move.
        self._moved = 0
        self._running: asyncio.Task[None] | None = None

    def committed(self, changes: int) -> None:
        """Note a commit, and how many rows the writers have changed since they connected."""
        if changes - self._moved < CHANGES or self._running is not None:
            return
        self._moved = changes
        self._running = asyncio.create_task(self._move())

    async def close(self) -> None:
        """Close the connection, after a move that is under way."""
        if self._running is not None:
            await asyncio.wait([self._running])
        if self._thread is not None:
            await self._thread.close()
            self._thread = None

    async def _move(self) -> None:
        if self._thread is None:
            self._thread = CallThread(self._connect)
        try:
            await self._thread.run(lambda connection: connection.execute(_CHECKPOINT).close())
        except Exception as error:
            # Nothing is lost: the next one, or a commit, moves it.
            name = type(error).__name__
            logger.warning("cannot move the write-ahead log into the database: %s: %s", name, error)
        finally:
            self._running = None
