"""A connection of SQLite that is used from the event loop, in a thread of its own."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TypeVar

T = TypeVar("T")


class SqliteThread:
    """Runs calls on one connection, one after the other."""

    def __init__(self, executor: ThreadPoolExecutor, opened: "Future[sqlite3.Connection]") -> None:
        self._executor = executor
        self._opened = opened

    async def run(self, call: Callable[[sqlite3.Connection], T]) -> T:
        """Return what a call returns. One that has begun runs to its end even where we do not."""
        return await asyncio.get_running_loop().run_in_executor(
            self._executor, lambda: call(self._opened.result())
        )


@asynccontextmanager
async def sqlite_thread(connect: Callable[[], sqlite3.Connection]) -> AsyncIterator[SqliteThread]:
    """Open a connection for the time of a block; raises what ``connect`` raises.

    The thread closes it after the last call: closing it during a call, which goes on where the
    task that waits for it is cancelled, crashes the process.
    """
    executor = ThreadPoolExecutor(1, "sqlite")
    opened = executor.submit(connect)
    try:
        await asyncio.wrap_future(opened)
        yield SqliteThread(executor, opened)
    finally:
        executor.submit(_close, opened)
        executor.shutdown(wait=False)


def _close(opened: "Future[sqlite3.Connection]") -> None:
    if not opened.cancelled() and opened.exception() is None:
        opened.result().close()
