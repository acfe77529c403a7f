"""One connection of SQLite for all writers of a process: those who wait share a transaction.

The time of a small write is that of its commit, which waits for the disk. So a writer who is done
leaves the transaction open to the next one who waits, and hears of the commit when the last one
has made it. Each one after the first has a savepoint: what fails or is cancelled is rolled back to
it, and takes nothing of the others with it. A commit that fails fails for all of them.

A writer sees what those before it in the transaction have done. That is not stored yet, but cannot
be missing later: either all of them are stored, or none, and a writer that was rolled back waits
for that, too. Connections for reads do not see it, so a writer that also reads through one of them
asks for a ``fresh`` transaction.
"""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from deskgraph.database.sqlite.call_thread import CallThread
from deskgraph.database.sqlite.checkpoints import AUTOCHECKPOINT, Checkpoints

T = TypeVar("T")
# How many writers share a commit at most, and for how long after the first one others join them.
MOST_WRITERS = 64
JOINING_SECONDS = 0.02
_SAVEPOINT, _RELEASE, _ROLLBACK_TO = "SAVEPOINT w", "RELEASE w", "ROLLBACK TO w"


class Writer:
    """Who waits for the turn, or has it."""

    __slots__ = ("failure", "first", "fresh", "turn")

    def __init__(self, *, fresh: bool) -> None:
        # Wants a transaction with nobody before.
        self.fresh = fresh
        # Has begun the transaction, so that nothing of others is in it.
        self.first = False
        # Why the transaction is gone.
        self.failure: Exception | None = None
        self.turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class GroupCommit:
    """The shared connection; at any time at most one writer has the turn."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        """Take what connects."""
        self._thread = CallThread(partial(_connected, connect))
        self._checkpoints = Checkpoints(connect)
        self._waiting: deque[Writer] = deque()
        self._holder: Writer | None = None
        # Those who are done, and wait for the commit.
        self._done: list[asyncio.Future[None]] = []
        self._until = 0.0
        # What goes before the next statement, in the same hop to the thread.
        self._before: list[str] = []
        self._ending: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connect where it is not yet; raises what connecting raises."""
        if not self._thread.is_connected:
            await self._thread.run(lambda _connection: None)

    async def close(self) -> None:
        """Close the connection, after the transaction that is being ended."""
        if self._ending is not None:
            await asyncio.wait([self._ending])
        await self._checkpoints.close()
        await self._thread.close()

    async def wait_for_turn(self, writer: Writer) -> None:
        """Wait until the writer may begin; the turn is theirs until ``leave``."""
        self._waiting.append(writer)
        if self._holder is None and self._ending is None:
            self._next()
        try:
            await writer.turn
        except asyncio.CancelledError:
            if self._holder is writer:
                self._next()
            raise

    async def begin(self, writer: Writer) -> None:
        """Begin, or join the transaction of those who were before."""
        if self._done:
            self._before.append(_SAVEPOINT)
            return
        writer.first = True
        await self._thread.run(lambda connection: _execute(connection, ["BEGIN IMMEDIATE"]))
        self._until = asyncio.get_running_loop().time() + JOINING_SECONDS

    async def run(self, writer: Writer, call: Callable[[sqlite3.Connection], T]) -> T:
        """Run a statement of the writer who has the turn."""
        if writer.failure is not None:
            raise sqlite3.OperationalError("the transaction was rolled back") from writer.failure
        before, self._before = self._before, []

        def whole(connection: sqlite3.Connection) -> T:
            _execute(connection, before)
            return call(connection)

        try:
            # What others have done would be lost with a statement that is interrupted.
            return await self._thread.run(whole, stop=writer.first)
        except BaseException as error:
            if not self._thread.in_transaction:
                # As for a full disk: SQLite has rolled back all of it.
                failure = error if isinstance(error, Exception) else sqlite3.OperationalError()
                writer.failure = failure
                self._fail(failure)
            raise

    def commit(self, writer: Writer) -> "asyncio.Future[None]":
        """Leave with what was done; the future is that of the commit."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if writer.failure is not None:
            failure = sqlite3.OperationalError("the transaction was rolled back")
            failure.__cause__ = writer.failure
            done.set_exception(failure)
        else:
            self._done.append(done)
            if not writer.first:
                self._before.append(_RELEASE)
        self._next()
        return done

    def leave(self, writer: Writer) -> "asyncio.Future[None] | None":
        """Leave without what was done; returns the future of what others have done before."""
        waited = None
        if self._done and not writer.first:
            if self._before[-1:] == [_SAVEPOINT]:
                self._before.pop()
            elif writer.failure is None:
                self._before += [_ROLLBACK_TO, _RELEASE]
            waited = asyncio.get_running_loop().create_future()
            self._done.append(waited)
        self._next()
        return waited

    def _next(self) -> None:
        """Let the next writer join, or end the transaction."""
        self._holder = None
        while self._waiting and self._waiting[0].turn.done():
            # Their tasks were cancelled.
            self._waiting.popleft()
        late = asyncio.get_running_loop().time() > self._until or len(self._done) >= MOST_WRITERS
        joining = self._done and self._waiting and not self._waiting[0].fresh and not late
        if self._thread.in_transaction and not joining:
            self._ending = asyncio.create_task(self._end())
        elif self._waiting:
            self._holder = self._waiting.popleft()
            self._holder.turn.set_result(None)

    async def _end(self) -> None:
        last = [*self._before, "COMMIT" if self._done else "ROLLBACK"]
        self._before = []
        try:
            changes = await self._thread.run(lambda connection: _end_transaction(connection, last))
        except Exception as error:
            self._fail(error)
        else:
            if self._done:
                self._checkpoints.committed(changes)
            for done in self._done:
                if not done.done():
                    done.set_result(None)
            self._done.clear()
        self._ending = None
        self._next()

    def _fail(self, error: Exception) -> None:
        """Tell those who wait for the commit that there is none."""
        self._before.clear()
        for done in self._done:
            if not done.done():
                # Of its own: each is raised elsewhere.
                failure = sqlite3.OperationalError("the commit failed")
                failure.__cause__ = error
                done.set_exception(failure)
        self._done.clear()


def _connected(connect: Callable[[], sqlite3.Connection]) -> sqlite3.Connection:
    connection = connect()
    connection.execute(AUTOCHECKPOINT).close()
    return connection


def _execute(connection: sqlite3.Connection, statements: list[str]) -> None:
    for statement in statements:
        connection.execute(statement)


def _end_transaction(connection: sqlite3.Connection, statements: list[str]) -> int:
    """End it, and return how many rows the connection has changed."""
    try:
        _execute(connection, statements)
    except Exception:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return connection.total_changes
