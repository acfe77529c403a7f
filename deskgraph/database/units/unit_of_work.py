"""One transaction for all writes and reads of a request.

It begins with the first write. From then on reads run in it, too, so that they see what it has
written; reads before go where all others go. Each write has a savepoint: one that fails is undone,
and leaves those before it as they are.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from types import TracebackType
from typing import Any, Protocol, Self

from sqlalchemy import Dialect, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncTransaction
from sqlmodel.ext.asyncio.session import AsyncSession

from deskgraph.database.sqlite.reader_thread import DriverRow
from deskgraph.database.transactions import Observe, PostgresTransaction, SqliteTransaction
from deskgraph.database.units.endings import to_its_end
from resolvers.errors import CHANGES, Changes, Unavailable
from resolvers.request_record import CONNECT, SqlTimer
from resolvers.services import Claim
from resolvers.write_statements import Step, Transaction, Write

# The second write of a transaction may wait for somebody who waits for it: the first has the lock
# of the event log, which all others take last. So it gives up sooner than PostgreSQL looks for
# deadlocks (``deadlock_timeout``, a second), and nobody else is made to.
_GIVE_UP = text("SET LOCAL lock_timeout = '250ms'")


class Outer(Protocol):
    """What a unit of work needs of its database."""

    engine: AsyncEngine
    max_answer_bytes: int

    @property
    def is_sqlite(self) -> bool: ...  # noqa: D102
    @property
    def dialect(self) -> Dialect: ...  # noqa: D102
    async def fetch_row(  # noqa: D102
        self, sql: str, values: Sequence[object], user: str | None = None
    ) -> DriverRow: ...
    def write(self, *, fresh: bool = False, checks: bool = False) -> Write: ...  # noqa: D102
    def writing(self) -> AbstractContextManager[None]:
        """Give a block in which errors of drivers become those of resolvers."""

    def committed(self) -> None:
        """Take note of a commit."""


class UnitOfWork:
    """The transaction, which is undone at the end of its block unless it was committed."""

    def __init__(
        self,
        database: Outer,
        observer: Observe | None,
        claim: Claim | None,
        outer: "UnitOfWork | None" = None,
    ) -> None:
        """Take what sees each statement, and what is done first in the transaction.

        ``outer``: the unit of work that this is a part of, in a savepoint.
        """
        self._database = database
        self._observer = observer
        self._claim = claim
        self._outer = outer
        self._connection: AsyncConnection | None = None
        self._savepoint: AsyncTransaction | None = None
        self._has_written = False
        # Why nothing more can be done in it.
        self._failure: Exception | None = None

    @property
    def dialect(self) -> Dialect:
        """The dialect of read statements."""
        return self._database.dialect

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        lost = kind is not None and not issubclass(kind, Exception)
        if self._outer is None:
            await to_its_end(_end(connection, lost=lost))
        elif lost:
            self._outer._lose()
        elif self._savepoint is not None and self._savepoint.is_active:
            await self._savepoint.rollback()

    async def fetch_row(
        self, sql: str, values: Sequence[object], user: str | None = None
    ) -> DriverRow:
        """Run one finished read statement and return its only row."""
        if self._failure is not None:
            raise self._failure
        if self._connection is None:
            reader = self._database if self._outer is None else self._outer
            return await reader.fetch_row(sql, values, user)
        transaction = await self._transaction(self._connection)
        with self._database.writing(), self._losing():
            return await transaction.fetch_finished(sql, values, self._database.max_answer_bytes)

    @asynccontextmanager
    async def transaction(self, *, fresh: bool = False) -> AsyncIterator[AsyncSession]:
        """Give a session whose work is a part of this transaction, or undone on any exception."""
        connection = await self._next()
        with self._database.writing(), self._losing():
            async with AsyncSession(
                connection,
                expire_on_commit=False,
                join_transaction_mode="create_savepoint",
            ) as session:
                with self._losing():
                    yield session
                    await session.commit()

    @asynccontextmanager
    async def write(
        self, *, fresh: bool = False, checks: bool = False
    ) -> AsyncIterator[Transaction]:
        """Give the transaction; what is done in the block is undone on any exception."""
        if checks and self._connection is None:
            async with self._checks() as alone:
                yield alone
            return
        connection = await self._next()
        with self._database.writing():
            savepoint = await connection.begin_nested()
            try:
                with self._losing():
                    yield await self._transaction(connection)
                    await savepoint.commit()
            except Exception:
                await savepoint.rollback()
                raise

    @asynccontextmanager
    async def _checks(self) -> AsyncIterator[Transaction]:
        """Give a transaction of its own, in which nothing is changed: ours has not begun."""
        checked = self._database if self._outer is None else self._outer
        async with checked.write(checks=True) as alone:
            if self._claim is not None:
                try:
                    await self._claim.look(alone)
                except Exception as error:
                    self._failure = error
                    raise
            yield alone

    async def commit(self, *last: Step) -> None:
        """Run the last statements, and commit all that was done."""
        connection = await self._open()
        with self._database.writing(), SqlTimer("COMMIT"):
            await (await self._transaction(connection)).execute(*last)
            CHANGES.set(Changes.UNKNOWN)
            await to_its_end(connection.commit())
        self._database.committed()

    def unit_of_work(self, claim: Claim | None = None) -> "UnitOfWork":
        """Return a part of this one, in which something is only tried: it is always undone."""
        return UnitOfWork(self._database, self._observer, claim, self)

    @contextmanager
    def _losing(self) -> Iterator[None]:
        """Give a block after which nothing more is done here if the task is cancelled in it.

        SQLite may have undone all of it then, and a failure to undo a part says nothing.
        """
        try:
            yield
        except asyncio.CancelledError:
            self._lose()
            raise
        except Exception as error:
            if self._failure is not None and (cancelled := _cancellation(error)) is not None:
                raise cancelled from None
            raise

    def _lose(self) -> None:
        self._failure = self._failure or Unavailable("database")
        if self._outer is not None:
            self._outer._lose()

    async def _next(self) -> AsyncConnection:
        """Return the connection for the next write."""
        connection = await self._open()
        if self._has_written and not self._database.is_sqlite:
            with self._database.writing():
                await connection.execute(_GIVE_UP)
        self._has_written = True
        return connection

    async def _open(self) -> AsyncConnection:
        """Return the connection, with the transaction begun."""
        if self._failure is not None:
            raise self._failure
        if self._connection is not None:
            return self._connection
        try:
            with self._database.writing(), self._losing():
                connection = await self._begin()
                if self._claim is not None:
                    await self._take(self._claim, connection)
        except Exception as error:
            self._failure = error
            raise
        return connection

    async def _take(self, claim: Claim, connection: AsyncConnection) -> None:
        # PostgreSQL's transaction begins with SQLAlchemy's first statement. If it fails, all ends.
        begun = None if self._database.is_sqlite else await connection.begin_nested()
        await claim.take(await self._transaction(connection))
        if begun is not None:
            await begun.commit()

    async def _begin(self) -> AsyncConnection:
        if self._outer is not None:
            connection = self._connection = await self._outer._next()
            self._savepoint = await connection.begin_nested()
            return connection
        claim = self._claim if self._database.is_sqlite else None
        try:
            # A writer with the same claim has the whole database there.
            async with asyncio.timeout(None if claim is None else claim.wait_seconds):
                with SqlTimer(CONNECT):
                    connection = await self._database.engine.connect()
                # Before it begins, so that it is given back whatever comes of that.
                self._connection = connection
                CHANGES.set(Changes.NONE)
                await connection.begin()
        except TimeoutError:
            if claim is None:
                raise
            raise claim.late() from None
        return connection

    async def _transaction(
        self, connection: AsyncConnection
    ) -> PostgresTransaction | SqliteTransaction:
        driver: Any = (await connection.get_raw_connection()).driver_connection
        make = SqliteTransaction if self._database.is_sqlite else PostgresTransaction
        return make(driver, self.dialect, self._observer)


def _cancellation(error: BaseException | None) -> asyncio.CancelledError | None:
    """Return the cancellation during which an error was raised."""
    while error is not None and not isinstance(error, asyncio.CancelledError):
        error = error.__context__
    return error


async def _end(connection: AsyncConnection, *, lost: bool) -> None:
    """Undo what was not committed, and give the connection back; ``lost``: it is closed."""
    if lost:
        await connection.invalidate()
    await connection.close()
