"""One SQLite connection for reads, with its thread and the statements that wait for it.

A statement whose reader went away is skipped when its turn comes, or interrupted while it runs.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any

# A statement that runs for longer than this, in seconds, is a slow one: others go past it.
SLOW = 0.02
# How soon a statement that goes on in spite of an interruption is interrupted again, in seconds.
AGAIN = 0.02


class _Statement:
    """A statement and the future of its rows; ``unwanted`` once nobody waits for them."""

    __slots__ = ("rows", "sql", "unwanted", "values")

    def __init__(
        self, sql: str, values: Sequence[object], rows: "asyncio.Future[list[Any]]"
    ) -> None:
        self.sql = sql
        self.values = values
        self.rows = rows
        self.unwanted = False


class Lane:
    """A connection that runs one statement after the other; everything else is the loop's."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        """Take what connects; it is called in the lane's thread."""
        self.waiting = 0
        self._since = 0.0
        self._connect = connect
        self._queue: SimpleQueue[_Statement | None] = SimpleQueue()
        # Held by the thread to begin and to end a statement, and by the loop to interrupt one: so
        # an interruption never meets the next statement.
        self._guard = Lock()
        self._running: _Statement | None = None

    async def open(self) -> None:
        """Connect; raises what connecting raises."""
        self._loop = asyncio.get_running_loop()
        opened: asyncio.Future[sqlite3.Connection] = self._loop.create_future()
        self._closed: asyncio.Future[None] = self._loop.create_future()
        # Whoever forgets to close a database does not keep the process from ending.
        Thread(target=self._work, args=(opened,), daemon=True).start()
        self._connection = await opened

    def is_slow(self, now: float) -> bool:
        """Tell whether the statement that runs has done so for long."""
        return self.waiting > 0 and now - self._since > SLOW

    async def fetch_row(self, sql: str, values: Sequence[object]) -> Any:
        """Run a statement after those that wait already, in one hop to the thread."""
        if self.waiting == 0:
            self._since = self._loop.time()
        self.waiting += 1
        statement = _Statement(sql, values, self._loop.create_future())
        self._queue.put(statement)
        try:
            rows = await statement.rows
        except asyncio.CancelledError:
            self._stop(statement)
            raise
        return rows[0] if rows else None

    def _stop(self, statement: _Statement) -> None:
        with self._guard:
            statement.unwanted = True
            runs = self._running is statement
            if runs:
                self._connection.interrupt()
        if runs:
            # SQLite forgets an interruption that comes before the first step.
            self._loop.call_later(AGAIN, self._stop, statement)

    async def close(self) -> None:
        """Close the connection, after what waits for it, and end the thread."""
        self._queue.put(None)
        await self._closed

    def _work(self, opened: "asyncio.Future[sqlite3.Connection]") -> None:
        """Be the thread."""
        try:
            connection = self._connect()
        except Exception as error:
            self._loop.call_soon_threadsafe(_answer, opened, None, error)
            return
        self._loop.call_soon_threadsafe(_answer, opened, connection, None)
        while (statement := self._queue.get()) is not None:
            self._run(connection, statement)
        connection.close()
        self._loop.call_soon_threadsafe(_answer, self._closed, None, None)

    def _run(self, connection: sqlite3.Connection, statement: _Statement) -> None:
        rows, failure = None, None
        with self._guard:
            wanted = not statement.unwanted
            if wanted:
                self._running = statement
        if wanted:
            try:
                rows = connection.execute(statement.sql, statement.values).fetchall()
            except Exception as error:
                failure = error
            with self._guard:
                self._running = None
        self._loop.call_soon_threadsafe(self._ended, statement, rows, failure)

    def _ended(
        self, statement: _Statement, rows: list[Any] | None, failure: Exception | None
    ) -> None:
        self.waiting -= 1
        self._since = self._loop.time()
        _answer(statement.rows, rows, failure)


def _answer(future: "asyncio.Future[Any]", result: object, failure: Exception | None) -> None:
    """Tell whoever waits in the loop; perhaps nobody does any more."""
    if future.done():
        return
    if failure is None:
        future.set_result(result)
    else:
        future.set_exception(failure)
