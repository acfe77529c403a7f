"""The lean pools for reads: finished SQL texts with their values go to the driver as they are.

A read whose task is cancelled raises ``CancelledError`` and its statement stops in the database:
on PostgreSQL asyncpg has the server cancel it before the connection is used again, on SQLite its
thread interrupts it.
"""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Protocol

import asyncpg

from deskgraph.database.postgres import (
    Connector,
    PostgresConnection,
    leave_values_out,
    made_whole,
    prepare_postgres,
    waiting_since,
)
from deskgraph.database.pragmas import Function, add_functions, set_pragmas
from deskgraph.database.shares import Shares
from deskgraph.database.sqlite.reader_thread import DriverRow, SqliteReaderThread, Statement
from deskgraph.private_files import create_private
from resolvers.errors import AnswerTooLarge
from resolvers.services import Instruments

READ_CONNECTIONS = 8
# Longer statements are prepared again each time.
MAX_PREPARED_CHARACTERS = 64 * 1024
SQLITE_READERS = 4
# How much memory SQLite may use in this process, in bytes. Its caches make room in time.
SQLITE_HEAP = 1024**3
# How long PostgreSQL has for confirming that it cancelled a statement, in seconds. A request that
# comes a moment before the statement begins is lost.
CANCEL_SECONDS = 0.5

_SESSION = {"timezone": "UTC", "application_name": "deskgraph-read"}
# A prepared nested read is planned once; JIT would compile it for longer than it runs. At the
# default cost of a random page, small tables are scanned for every nested row.
_PLANNING = {"jit": "off", "random_page_cost": "1.1"}
_READ_ONLY = {"default_transaction_read_only": "on"}
_BEGIN = "BEGIN READ ONLY; " + "; ".join(
    f"SET LOCAL {name} = {value}" for name, value in _PLANNING.items()
)

Observer = Callable[[str], None]
# Looks at the connection of a read before its statement; what it raises ends the read.
Check = Callable[["asyncpg.pool.PoolConnectionProxy"], Awaitable[None]]


class Reader(Protocol):
    """The lean pool for reads."""

    async def open(self) -> None: ...  # noqa: D102
    async def fetch_row(  # noqa: D102
        self, sql: str, values: Sequence[object], user: str | None = None
    ) -> DriverRow: ...
    async def close(self) -> None: ...  # noqa: D102


class PostgresReader:
    """Reads through asyncpg, which keeps each statement prepared per connection.

    ``pooled``: through PgBouncer, where each read is a transaction, and nothing is prepared before.
    """

    def __init__(
        self,
        dsn: str,
        observer: Observer | None,
        max_answer_bytes: int,
        *,
        instruments: Instruments,
        pooled: bool = False,
        connections: int = READ_CONNECTIONS,
        first_connections: int = 1,
    ) -> None:
        self._dsn = dsn
        self._pooled = pooled
        self._connections = connections
        self._first_connections = first_connections
        self._max_answer_bytes = max_answer_bytes
        self._observer = observer
        self._instruments = instruments
        self._shares = Shares(READ_CONNECTIONS // 2)
        self._pool: asyncpg.Pool | None = None

    async def open(self) -> None:
        """Connect once, so that an unreachable server is noticed at the start.

        Without any ``first_connections``, reads are the first to connect, and to notice.
        """
        self._pool = await asyncpg.create_pool(
            self._dsn,
            connect=partial(Connector(), pooled=self._pooled),
            connection_class=PostgresConnection,
            init_size=self._first_connections,
            # Reads connect by themselves. What keeps a minimum logs a stack whenever it cannot.
            min_size=0,
            max_size=self._connections,
            # PgBouncer takes no other parameters; a transaction sets them.
            server_settings=_SESSION if self._pooled else {**_SESSION, **_PLANNING, **_READ_ONLY},
            statement_cache_size=0 if self._pooled else 100,
            max_cacheable_statement_size=MAX_PREPARED_CHARACTERS,
            init=self._prepare,
            # Reads leave no state behind; the default reset costs a round trip each.
            reset=_end if self._pooled else _keep,
        )

    async def _prepare(self, connection: "asyncpg.Connection") -> None:
        await prepare_postgres(connection, pooled=self._pooled)
        if self._observer is not None:
            observer = self._observer
            connection.add_query_logger(lambda record: observer(record.query))

    async def fetch_row(
        self,
        sql: str,
        values: Sequence[object],
        user: str | None = None,
        check: Check | None = None,
    ) -> DriverRow:
        """Run one statement and return its first row.

        Behind PgBouncer, ``check`` runs in the transaction of the statement, so on the same server.
        """
        asked = monotonic()
        async with self._shares.of(user):
            return await self._fetch_row(sql, values, check, asked)

    async def _fetch_row(
        self, sql: str, values: Sequence[object], check: Check | None, asked: float
    ) -> DriverRow:
        assert self._pool is not None
        try:
            connection = await self._acquire(self._pool, asked)
        finally:
            self._instruments.waited("read", monotonic() - asked)
        patience = None
        try:
            if self._pooled:
                await connection.execute(_BEGIN)
            if check is not None:
                await check(connection)
            return await connection.fetchrow(sql, *values)
        except asyncio.CancelledError:
            patience = CANCEL_SECONDS
            raise
        except asyncpg.PostgresError as error:
            if is_too_large(error):
                raise AnswerTooLarge(self._max_answer_bytes) from None
            leave_values_out(error)
            raise
        finally:
            # Given up in vain, the connection is closed, and the statement ends with it.
            with suppress(TimeoutError):
                await self._pool.release(connection, timeout=patience)

    async def _acquire(
        self, pool: "asyncpg.Pool", asked: float
    ) -> "asyncpg.pool.PoolConnectionProxy":
        """Return a connection; one that is still being made stays in the pool in any case."""
        if pool.get_idle_size():
            return await pool.acquire()
        with waiting_since(asked):
            return await made_whole(pool.acquire(), pool.release)

    async def close(self) -> None:
        """Close every connection, if there are any."""
        if self._pool is not None:
            await self._pool.close()


def is_too_large(error: asyncpg.PostgresError) -> bool:
    """Return whether PostgreSQL failed for the size of a value: it makes none of more than 1 GB.

    Of the codes below this one each has its own class. The message of an allocation is never
    translated.
    """
    if error.sqlstate in ("54000", "53200"):
        return True
    return error.sqlstate == "XX000" and "invalid memory alloc request size" in str(error)


async def _end(connection: "asyncpg.Connection") -> None:
    """End the transaction of a read, whatever became of it."""
    if connection.is_in_transaction():
        await connection.execute("ROLLBACK")


async def _keep(_connection: "asyncpg.Connection") -> None:
    """Leave a connection as it is."""


class SqliteReader:
    """Reads through a few connections, none of which can write.

    Quick reads queue for one of them: statements of two at once slow each other down by more than
    the second core gives, because SQLite's memory has one lock. The others are for what comes
    while a slow statement runs, and for what waited behind it.
    """

    def __init__(
        self,
        path: str,
        functions: Mapping[str, Function],
        observer: Observer | None,
        max_answer_bytes: int,
        instruments: Instruments,
    ) -> None:
        self._path = path
        self._functions = functions
        self._max_answer_bytes = max_answer_bytes
        self._observer = observer
        self._instruments = instruments
        self._reader_threads: list[SqliteReaderThread] = []
        # Those for which every thread that they may use is slow.
        self._pending: deque[Statement] = deque()

    @property
    def waiting(self) -> int:
        """How many statements run or wait."""
        pending = sum(not statement.rows.done() for statement in self._pending)
        return pending + sum(reader_thread.waiting for reader_thread in self._reader_threads)

    async def open(self) -> None:
        """Open the connections."""
        for _ in range(SQLITE_READERS):
            reader_thread = SqliteReaderThread(self._connect, self._go_on)
            await reader_thread.open()
            self._reader_threads.append(reader_thread)

    def _connect(self) -> sqlite3.Connection:
        create_private(Path(self._path))
        connection = sqlite3.connect(self._path, isolation_level=None)
        heap = f"PRAGMA hard_heap_limit={SQLITE_HEAP}"
        set_pragmas(connection, "PRAGMA query_only=ON", heap)
        add_functions(connection, self._functions)
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, self._max_answer_bytes)
        return connection

    async def fetch_row(
        self, sql: str, values: Sequence[object], user: str | None = None
    ) -> DriverRow:
        """Run one statement and return its first row."""
        if self._observer is not None:
            # Not by SQLite, which would also tell of what its own indexes run.
            self._observer(sql)
        asked = monotonic()
        statement = Statement(sql, values, user)
        self._put(statement)
        try:
            return await statement.row()
        except sqlite3.DataError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_TOOBIG:
                raise
        except MemoryError:
            # Until it is done, a function for JSON is held by the limit of the heap only.
            pass
        finally:
            began = monotonic() if statement.began is None else statement.began
            self._instruments.waited("read", began - asked)
        raise AnswerTooLarge(self._max_answer_bytes)

    def _put(self, statement: Statement) -> None:
        """Queue a statement for the first thread that is not slow and that its user may use."""
        reader_threads = self._reader_threads
        user = statement.user
        if user is not None:
            held = [one for one in reader_threads if user in one.users]
            if len(held) >= SQLITE_READERS // 2:
                reader_threads = held
        for reader_thread in reader_threads:
            if not reader_thread.is_slow():
                reader_thread.put(statement)
                return
        self._pending.append(statement)

    def _go_on(self, reader_thread: SqliteReaderThread) -> None:
        """Let others past a statement that is slow, and those that wait go on where one was."""
        waiting = [*(reader_thread.take_back() if reader_thread.is_slow() else ()), *self._pending]
        self._pending.clear()
        for statement in waiting:
            if not statement.rows.done():
                self._put(statement)

    async def close(self) -> None:
        """Close every connection and its thread."""
        for reader_thread in self._reader_threads:
            await reader_thread.close()
        self._reader_threads.clear()
