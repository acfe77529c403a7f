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


class Statement:
    """A statement, the future of its rows, and the lane that it waits in or runs on, if any."""

    __slots__ = ("begun", "lane", "rows", "sql", "values")

    def __init__(self, sql: str, values: Sequence[object]) -> None:
        self.sql = sql
        self.values = values
        self.rows: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        self.lane: Lane | None = None
        self.begun = False

    async def row(self) -> Any:
        """Wait for the first row; a statement that nobody waits for any more stops."""
        try:
            rows = await self.rows
        except asyncio.CancelledError:
            if self.lane is not None:
                self.lane.stop(self)
            raise
        return rows[0] if rows else None


class Lane:
    """A connection that runs one statement after the other; everything else is the loop's."""

    def __init__(
        self,
        connect: Callable[[], sqlite3.Connection],
        changed: Callable[["Lane"], None] = lambda _lane: None,
    ) -> None:
        """Take what connects, which is called in the lane's thread.

        ``changed`` is called when a statement has become a slow one, and when none is left.
        """
        self._connect = connect
        self._changed = changed
        self._since = 0.0
        # Those that have not ended; the first one may run.
        self._waiting: dict[Statement, None] = {}
        self._queue: SimpleQueue[Statement | None] = SimpleQueue()
        # Held by the thread to begin and to end a statement, and by the loop to interrupt one: so
        # an interruption never meets the next statement.
        self._guard = Lock()
        self._running: Statement | None = None

    async def open(self) -> None:
        """Connect; raises what connecting raises."""
        self._loop = asyncio.get_running_loop()
        opened: asyncio.Future[sqlite3.Connection] = self._loop.create_future()
        self._closed: asyncio.Future[None] = self._loop.create_future()
        # Whoever forgets to close a database does not keep the process from ending.
        Thread(target=self._work, args=(opened,), daemon=True).start()
        self._connection = await opened

    @property
    def waiting(self) -> int:
        """How many statements run or wait."""
        return len(self._waiting)

    def is_slow(self) -> bool:
        """Tell whether the statement that runs has done so for long."""
        return bool(self._waiting) and self._loop.time() - self._since >= SLOW

    async def fetch_row(self, sql: str, values: Sequence[object]) -> Any:
        """Run a statement after those that wait already, in one hop to the thread."""
        statement = Statement(sql, values)
        self.put(statement)
        return await statement.row()

    def put(self, statement: Statement) -> None:
        """Run a statement after those that wait already."""
        statement.lane = self
        if not self._waiting:
            self._since = self._loop.time()
            self._loop.call_later(SLOW, self._watch)
        self._waiting[statement] = None
        self._queue.put(statement)

    def _watch(self) -> None:
        """Notice that a statement is slow; called again as long as there are any."""
        if not self._waiting:
            return
        if self.is_slow():
            self._changed(self)
            self._loop.call_later(SLOW, self._watch)
        else:
            self._loop.call_at(self._since + SLOW, self._watch)

    def take_back(self) -> list[Statement]:
        """Return the statements that have not begun; they do not run here any more."""
        with self._guard:
            back = [one for one in self._waiting if not one.begun]
            for statement in back:
                statement.lane = None
        for statement in back:
            del self._waiting[statement]
        return back

    def stop(self, statement: Statement) -> None:
        """Interrupt a statement, or leave it out."""
        with self._guard:
            runs = self._running is statement
            if runs:
                self._connection.interrupt()
            elif not statement.begun:
                statement.lane = None
        if runs:
            # SQLite forgets an interruption that comes before the first step.
            self._loop.call_later(AGAIN, self.stop, statement)
        elif not statement.begun and self._waiting.pop(statement, 0) is None:
            self._left()

    def _left(self) -> None:
        if not self._waiting:
            self._changed(self)

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

    def _run(self, connection: sqlite3.Connection, statement: Statement) -> None:
        rows, failure = None, None
        with self._guard:
            # It may have been taken back, and even have been put here again.
            if statement.lane is not self or statement.begun:
                return
            statement.begun = True
            self._running = statement
        try:
            rows = connection.execute(statement.sql, statement.values).fetchall()
        except Exception as error:
            failure = error
        with self._guard:
            self._running = None
        self._loop.call_soon_threadsafe(self._ended, statement, rows, failure)

    def _ended(
        self, statement: Statement, rows: list[Any] | None, failure: Exception | None
    ) -> None:
        del self._waiting[statement]
        self._since = self._loop.time()
        _answer(statement.rows, rows, failure)
        self._left()


def _answer(future: "asyncio.Future[Any]", result: object, failure: Exception | None) -> None:
    """Tell whoever waits in the loop; perhaps nobody does any more."""
    if future.done():
        return
    if failure is None:
        future.set_result(result)
    else:
        future.set_exception(failure)
