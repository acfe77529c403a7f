"""What SQLAlchemy takes for a connection of SQLite: a part in the transactions of all writers.

It has what the dialect ``sqlite+aiosqlite`` uses of a driver's connections and cursors. A statement
with its rows is one hop to the thread.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from time import monotonic
from typing import Any

from deskgraph.database.pragmas import SQLITE_BUSY_SECONDS
from deskgraph.database.sqlite.group_commit import GroupCommit, Writer
from resolvers.services import Instruments

BEGIN = "BEGIN IMMEDIATE"


class SqliteWriter:
    """A connection, which has a transaction from ``BEGIN`` until it is committed or rolled back."""

    def __init__(
        self,
        group: GroupCommit,
        closed: Callable[[], "asyncio.Task[None] | None"],
        instruments: Instruments,
    ) -> None:
        """Take the shared connection, and what is called when this one is closed.

        That returns what waits until the shared one is closed as well, if it is.
        """
        self.group = group
        self._instruments = instruments
        # Whether its next transaction shall have nobody before it.
        self.fresh = False
        self._writer: Writer | None = None
        self._closed = closed
        self._is_closed = False

    @property
    def _connection(self) -> bool:
        """What the dialect asks whether this is open."""
        return not self._is_closed

    async def begin(self) -> None:
        """Wait for the turn and take the write lock; raises where another process keeps that.

        At once: a lock taken later could fail halfway. What waits for another process cannot be
        interrupted, so it waits in slices.
        """
        asked = monotonic()
        try:
            await self._begin()
        finally:
            self._instruments.waited("turn", monotonic() - asked)

    async def _begin(self) -> None:
        writer = Writer(fresh=self.fresh)
        await self.group.wait_for_turn(writer)
        self._writer = writer
        patience = monotonic() + SQLITE_BUSY_SECONDS
        while True:
            try:
                await self.group.begin(writer)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or monotonic() > patience:
                    raise
            else:
                return

    async def run(self, call: Callable[[sqlite3.Connection], Any]) -> Any:
        """Return what a call returns; outside of a transaction it has one of its own."""
        if self._writer is not None:
            return await self.group.run(self._writer, call)
        alone = Writer(fresh=True)
        await self.group.wait_for_turn(alone)
        try:
            return await self.group.run(alone, call)
        finally:
            self.group.leave(alone)

    def cursor(self) -> "SqliteCursor":
        """Return a new cursor."""
        return SqliteCursor(self)

    async def commit(self) -> None:
        """Wait until what was done is on the disk."""
        writer, self._writer = self._writer, None
        if writer is not None:
            await self.group.commit(writer)

    async def rollback(self) -> None:
        """Undo what was done; what others did before, and was seen, is then stored."""
        waited = self._leave()
        if waited is not None:
            await waited

    def _leave(self) -> "asyncio.Future[None] | None":
        writer, self._writer = self._writer, None
        return None if writer is None else self.group.leave(writer)

    async def create_function(self, *_: object, **__: object) -> None:
        """Do without: the only one is for regular expressions, which no statement has."""

    def stop(self) -> "asyncio.Task[None] | None":
        """Undo what was done and close at once, as for a task that is cancelled."""
        waited = self._leave()
        if waited is not None:
            # Nobody waits for it.
            waited.cancel()
        if self._is_closed:
            return None
        self._is_closed = True
        return self._closed()

    async def close(self) -> None:
        """Undo what was done and close."""
        if (closing := self.stop()) is not None:
            await asyncio.wait([closing])


class SqliteCursor:
    """A cursor, with all rows of its statement."""

    arraysize = 1

    def __init__(self, connection: SqliteWriter) -> None:
        self._driver = connection
        self._rows: list[Any] = []
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None

    async def __aenter__(self) -> "SqliteCursor":
        return self

    async def execute(self, statement: str, values: Sequence[object] = ()) -> "SqliteCursor":
        """Run a statement and take its rows."""
        if statement == BEGIN:
            await self._driver.begin()
            return self
        return await self._run(lambda connection: connection.execute(statement, values))

    async def executemany(self, statement: str, rows: Sequence[Sequence[object]]) -> "SqliteCursor":
        """Run a statement with many rows of values."""
        return await self._run(lambda connection: connection.executemany(statement, rows))

    async def _run(self, call: Callable[[sqlite3.Connection], sqlite3.Cursor]) -> "SqliteCursor":
        def whole(connection: sqlite3.Connection) -> tuple[Any, ...]:
            cursor = call(connection)
            try:
                rows = cursor.fetchall() if cursor.description else []
                return cursor.description, cursor.rowcount, cursor.lastrowid, rows
            finally:
                # A statement that is held would keep a transaction from ending.
                cursor.close()

        found = await self._driver.run(whole)
        self.description, self.rowcount, self.lastrowid, self._rows = found
        return self

    async def fetchall(self) -> list[Any]:
        """Return the rows."""
        return self._rows

    async def fetchone(self) -> Any:
        """Return the next row, None if there is none."""
        return self._rows.pop(0) if self._rows else None

    async def fetchmany(self, size: int | None = None) -> list[Any]:
        """Return the next rows."""
        wanted = self.arraysize if size is None else size
        found, self._rows = self._rows[:wanted], self._rows[wanted:]
        return found

    async def __aiter__(self) -> AsyncIterator[Any]:
        while self._rows:
            yield self._rows.pop(0)

    async def close(self) -> None:
        """Forget the rows."""


class SqliteWriters:
    """The connections to one file, which share one as long as there are any."""

    def __init__(self, connect: Callable[[], sqlite3.Connection], instruments: Instruments) -> None:
        """Take what connects, and what counts waits for the turn."""
        self._connect = connect
        self._instruments = instruments
        self._group: GroupCommit | None = None
        self._count = 0
        # The loop alone would let them be collected.
        self._closing: set[asyncio.Task[None]] = set()

    async def connect(self) -> SqliteWriter:
        """Return a new connection; raises what connecting raises."""
        if self._group is None:
            self._group = GroupCommit(self._connect)
        self._count += 1
        writer = SqliteWriter(self._group, self._closed, self._instruments)
        try:
            await writer.group.open()
        except BaseException:
            writer.stop()
            raise
        return writer

    def _closed(self) -> "asyncio.Task[None] | None":
        self._count -= 1
        group = self._group
        if self._count or group is None:
            return None
        self._group = None
        task = asyncio.create_task(group.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
        return task
