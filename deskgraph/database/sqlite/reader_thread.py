"""One SQLite connection for reads, with its thread and the statements that wait for it.

A statement whose reader went away is skipped when its turn comes, or interrupted while it runs.
"""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from threading import Lock, Thread
from time import monotonic
from typing import Any

from deskgraph.database.fair_queue import FairQueue

# A statement that runs for longer than this, in seconds, is a slow one: others go past it.
SLOW_SECONDS = 0.02
# How soon a statement that goes on in spite of an interruption is interrupted again, in seconds.
RETRY_SECONDS = 0.02

# A driver's row, whose values are what the statement asks for; None if there is none.
DriverRow = Any


class Statement:
    """A statement, the future of its rows, and the thread that it waits for or runs on, if any.

    ``user`` is who it is run for; without one it is the server's own. ``began`` is when the thread
    took it, None before.
    """

    __slots__ = ("began", "reader_thread", "rows", "sql", "user", "values")

    def __init__(self, sql: str, values: Sequence[object], user: str | None = None) -> None:
        self.sql = sql
        self.values = values
        self.user = user
        self.began: float | None = None
        self.rows: asyncio.Future[list[DriverRow]] = asyncio.get_running_loop().create_future()
        self.reader_thread: SqliteReaderThread | None = None

    async def row(self) -> DriverRow:
        """Wait for the first row; a statement that nobody waits for any more stops."""
        try:
            rows = await self.rows
        except asyncio.CancelledError:
            if self.reader_thread is not None:
                self.reader_thread.stop(self)
            raise
        return rows[0] if rows else None


class SqliteReaderThread:
    """A connection that runs one statement after the other; everything else is the loop's."""

    def __init__(
        self,
        connect: Callable[[], sqlite3.Connection],
        changed: Callable[["SqliteReaderThread"], None] = lambda _reader_thread: None,
    ) -> None:
        """Take what connects, which is called in the thread.

        ``changed`` is called while a statement is a slow one, and when a slow one has ended.
        """
        self._connect = connect
        self._changed = changed
        self._watched = False
        # How many statements of each user run or wait here. It is changed by the loop alone.
        self.users = Counter[str | None]()
        # One for each statement that was put here, and at last one that ends the thread. The
        # statement that is run for it is the queue's next one then, or none if it was taken back.
        self._tokens: SimpleQueue[bool] = SimpleQueue()
        # Held by the thread to begin and to end a statement, and by the loop to interrupt one: so
        # an interruption never meets the next statement. It guards what is below.
        self._guard = Lock()
        self._queue = FairQueue[Statement]()
        self._running: Statement | None = None
        self._since = 0.0

    async def open(self) -> None:
        """Connect; raises what connecting raises."""
        self._loop = asyncio.get_running_loop()
        opened: asyncio.Future[sqlite3.Connection] = self._loop.create_future()
        self._closed: asyncio.Future[None] = self._loop.create_future()
        # So that a database that is not closed does not keep the process from ending.
        Thread(target=self._work, args=(opened,), daemon=True).start()
        self._connection = await opened

    @property
    def waiting(self) -> int:
        """How many statements run or wait."""
        with self._guard:
            return len(self._queue) + (self._running is not None)

    def is_slow(self) -> bool:
        """Return whether the statement that runs has done so for long."""
        with self._guard:
            return self._running is not None and monotonic() - self._since >= SLOW_SECONDS

    async def fetch_row(self, sql: str, values: Sequence[object]) -> DriverRow:
        """Run a statement after those that wait already, in one hop to the thread."""
        statement = Statement(sql, values)
        self.put(statement)
        return await statement.row()

    def put(self, statement: Statement) -> None:
        """Run a statement when its user's turn comes."""
        statement.reader_thread = self
        self.users[statement.user] += 1
        with self._guard:
            self._queue.put(statement.user, statement)
        self._tokens.put(True)
        if not self._watched:
            self._watched = True
            self._loop.call_later(SLOW_SECONDS, self._watch)

    def _watch(self) -> None:
        """Notice that a statement is slow; called again as long as there are any."""
        self._watched = self.waiting > 0
        if not self._watched:
            return
        if self.is_slow():
            self._changed(self)
        self._loop.call_later(SLOW_SECONDS, self._watch)

    def take_back(self) -> list[Statement]:
        """Return the statements that have not begun; they do not run here any more."""
        with self._guard:
            back = self._queue.take_all()
        for statement in back:
            self._leave(statement)
        return back

    def _leave(self, statement: Statement) -> None:
        """Count a statement no more."""
        statement.reader_thread = None
        self.users[statement.user] -= 1
        if not self.users[statement.user]:
            del self.users[statement.user]

    def stop(self, statement: Statement) -> None:
        """Interrupt a statement, or leave it out."""
        with self._guard:
            runs = self._running is statement
            if runs:
                self._connection.interrupt()
            removed = not runs and self._queue.remove(statement.user, statement)
        if removed:
            self._leave(statement)
        if runs:
            # SQLite forgets an interruption that comes before the first step.
            self._loop.call_later(RETRY_SECONDS, self.stop, statement)

    async def close(self) -> None:
        """Close the connection, after what waits for it, and end the thread."""
        self._tokens.put(False)
        await self._closed

    def _work(self, opened: "asyncio.Future[sqlite3.Connection]") -> None:
        """Be the thread."""
        try:
            connection = self._connect()
        except Exception as error:
            self._loop.call_soon_threadsafe(_answer, opened, None, error)
            return
        self._loop.call_soon_threadsafe(_answer, opened, connection, None)
        while self._tokens.get():
            with self._guard:
                statement = self._running = self._queue.take()
                self._since = monotonic()
            if statement is not None:
                statement.began = self._since
                self._run(connection, statement)
        connection.close()
        self._loop.call_soon_threadsafe(_answer, self._closed, None, None)

    def _run(self, connection: sqlite3.Connection, statement: Statement) -> None:
        rows: list[DriverRow] = []
        failure = None
        try:
            rows = connection.execute(statement.sql, statement.values).fetchall()
        except Exception as error:
            failure = error
        with self._guard:
            self._running = None
            slow = monotonic() - self._since >= SLOW_SECONDS
        self._loop.call_soon_threadsafe(self._ended, statement, rows, failure, slow)

    def _ended(
        self,
        statement: Statement,
        rows: list[DriverRow],
        failure: Exception | None,
        slow: bool,
    ) -> None:
        self._leave(statement)
        _answer(statement.rows, rows, failure)
        if slow:
            self._changed(self)


def _answer(future: "asyncio.Future[Any]", result: object, failure: Exception | None) -> None:
    """Set the result, of the future's type, or the error, unless nobody waits any more."""
    if future.done():
        return
    if failure is None:
        future.set_result(result)
    else:
        future.set_exception(failure)
