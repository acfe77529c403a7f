"""The database behind the desk: one engine for writes and one lean pool for reads.

Reads are finished SQL texts with their values (``resolvers/projection.py``): they go to the driver
as they are, because SQLAlchemy's own way to run a statement costs more than the statement.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import aiosqlite
import asyncpg
from sqlalchemy import Dialect, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry
from sqlmodel.ext.asyncio.session import AsyncSession

from server.bell import Bell, PostgresBell, SqliteBell

READ_CONNECTIONS = 8
WRITE_CONNECTIONS = 4
SQLITE_READERS = 4
# A statement that runs for longer than this, in seconds, is a slow one: others go past it.
SLOW = 0.02
# How long a writer waits for another one on SQLite, in seconds.
SQLITE_PATIENCE = 30

# Where PostgreSQL's times start counting.
_POSTGRES_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)

SQLITE_PRAGMAS = (
    # First: another process may be switching the same new file to WAL.
    f"PRAGMA busy_timeout={SQLITE_PATIENCE * 1000}",
    "PRAGMA foreign_keys=ON",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA cache_size=-65536",
    "PRAGMA mmap_size=268435456",
    "PRAGMA temp_store=MEMORY",
)

Function = Callable[..., object]
Observer = Callable[[str], None]


class DatabaseUrlError(Exception):
    """The database URL is not one we can use; the text is a sentence that never repeats it."""


def parse_url(url: str) -> URL:
    """Check a database URL: ``sqlite:///path`` or ``postgresql://…``.

    Raises ``DatabaseUrlError``; its text leaves the URL out, which may hold a password.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise DatabaseUrlError(
            "The database URL cannot be read; it looks like sqlite:///var/deskgraph.db "
            "or postgresql://user@host/name."
        ) from None
    backend = parsed.get_backend_name()
    if backend == "postgres":
        return parsed.set(drivername="postgresql")
    if backend not in ("sqlite", "postgresql"):
        raise DatabaseUrlError(f"The database URL names {backend!r}; use sqlite or postgresql.")
    if backend == "sqlite" and not parsed.database:
        raise DatabaseUrlError("The database URL names no file: sqlite:///path/to/file.db.")
    return parsed.set(drivername=backend)


class Reader(Protocol):
    """The lean pool for reads."""

    async def open(self) -> None: ...  # noqa: D102
    async def fetch_row(self, sql: str, values: Sequence[object]) -> Any: ...  # noqa: D102
    async def close(self) -> None: ...  # noqa: D102


class PostgresReader:
    """Reads through asyncpg, which keeps each statement prepared per connection."""

    def __init__(self, dsn: str, observer: Observer | None) -> None:
        self._dsn = dsn
        self._observer = observer
        self._pool: Any = None

    async def open(self) -> None:
        """Connect once, so that an unreachable server is noticed at the start."""
        self._pool = await asyncpg.create_pool(
            self._dsn,
            min_size=1,
            max_size=READ_CONNECTIONS,
            # A prepared nested read is planned once; JIT would compile it for longer than it runs.
            # At the default cost of a random page, small tables are scanned for every nested row.
            server_settings={
                "timezone": "UTC",
                "jit": "off",
                "random_page_cost": "1.1",
                "default_transaction_read_only": "on",
                "application_name": "deskgraph-read",
            },
            init=self._prepare,
            # Reads leave no state behind; the default reset costs a round trip each.
            reset=_keep,
        )

    async def _prepare(self, connection: Any) -> None:
        await _take_all_times(connection)
        if self._observer is not None:
            observer = self._observer
            connection.add_query_logger(lambda record: observer(record.query))

    async def fetch_row(self, sql: str, values: Sequence[object]) -> Any:
        """Run one statement and return its first row."""
        async with self._pool.acquire() as connection:
            return await connection.fetchrow(sql, *values)

    async def close(self) -> None:
        """Close every connection, if there are any."""
        if self._pool is not None:
            await self._pool.close()


async def _take_all_times(connection: Any) -> None:
    """Store every time as itself: the driver writes the first and the last one as infinite."""
    await connection.set_type_codec(
        "timestamptz",
        schema="pg_catalog",
        format="tuple",
        encoder=lambda time: ((time - _POSTGRES_EPOCH) // timedelta(microseconds=1),),
        decoder=lambda stored: _POSTGRES_EPOCH + timedelta(microseconds=stored[0]),
    )


async def _keep(_connection: Any) -> None:
    """Leave a connection as it is."""


class _Lane:
    """One SQLite connection with its thread, and what waits for it."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self.connection = connection
        self.waiting = 0
        self.since = 0.0

    def is_slow(self, now: float) -> bool:
        """Tell whether the statement that runs has done so for long."""
        return self.waiting > 0 and now - self.since > SLOW

    async def fetch_row(self, sql: str, values: Sequence[object]) -> Any:
        """Run a statement after those that wait already, in one hop to the thread."""
        now = asyncio.get_running_loop().time
        if self.waiting == 0:
            self.since = now()
        self.waiting += 1
        try:
            rows = await self.connection.execute_fetchall(sql, values)
        finally:
            self.waiting -= 1
            self.since = now()
        return next(iter(rows), None)


class SqliteReader:
    """Reads through a few connections, none of which can write.

    Quick reads queue for one of them: statements of two at once slow each other down by more than
    the second core gives, because SQLite's memory has one lock. The others are for what comes
    while a slow statement runs.
    """

    def __init__(
        self, path: str, functions: Mapping[str, Function], observer: Observer | None
    ) -> None:
        self._path = path
        self._functions = functions
        self._observer = observer
        self._lanes: list[_Lane] = []

    async def open(self) -> None:
        """Open the connections."""
        for _ in range(SQLITE_READERS):
            connection = await aiosqlite.connect(self._path, isolation_level=None)
            self._lanes.append(_Lane(connection))
            for pragma in (*SQLITE_PRAGMAS, "PRAGMA query_only=ON"):
                await connection.execute(pragma)
            for name, function in self._functions.items():
                await connection.create_function(name, 1, function, deterministic=True)
            if self._observer is not None:
                await connection.set_trace_callback(self._observer)

    async def fetch_row(self, sql: str, values: Sequence[object]) -> Any:
        """Run one statement and return its first row."""
        now = asyncio.get_running_loop().time()
        quick = (lane for lane in self._lanes if not lane.is_slow(now))
        lane = next(quick, None) or min(self._lanes, key=lambda lane: lane.waiting)
        return await lane.fetch_row(sql, values)

    async def close(self) -> None:
        """Close every connection and its thread."""
        for lane in self._lanes:
            await lane.connection.close()
        self._lanes.clear()


class Database:
    """One database, opened once per process (``open``/``close``)."""

    def __init__(
        self,
        url: str,
        *,
        functions: Mapping[str, Function] | None = None,
        observer: Observer | None = None,
    ) -> None:
        """Take the URL, SQL functions that SQLite lacks, and who wants to see each statement."""
        self.url = parse_url(url)
        self.engine = _write_engine(self.url)
        self.reader: Reader
        self.bell: Bell
        if self.is_sqlite:
            path = str(self.url.database)
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            self.reader = SqliteReader(path, functions or {}, observer)
            self.bell = SqliteBell(path)
        else:
            self.reader = PostgresReader(dsn_of(self.url), observer)
            self.bell = PostgresBell(dsn_of(self.url))
        if observer is not None:
            event.listen(
                self.engine.sync_engine,
                "before_cursor_execute",
                lambda _conn, _cursor, sql, *_rest: observer(sql),
            )

    @property
    def is_sqlite(self) -> bool:
        """Whether this is the embedded database."""
        return self.url.get_backend_name() == "sqlite"

    @property
    def dialect(self) -> Dialect:
        """The dialect that read statements are compiled for."""
        return self.engine.dialect

    async def open(self) -> None:
        """Open the read pool; the write engine connects when it is first used."""
        await self.reader.open()

    async def close(self) -> None:
        """Close all connections."""
        await self.bell.close()
        await self.reader.close()
        await self.engine.dispose()

    async def fetch_row(self, sql: str, values: Sequence[object]) -> Any:
        """Run one finished read statement and return its only row."""
        return await self.reader.fetch_row(sql, values)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """Give a session whose work is committed at the end, or rolled back on any exception."""
        session = AsyncSession(self.engine, expire_on_commit=False)
        async with session, session.begin():
            yield session
        if self.is_sqlite:
            # Its readers in this process need not wait until the commit is noticed. PostgreSQL
            # notifies this process, too, and only of what was appended to the log.
            self.bell.ring()


def dsn_of(url: URL) -> str:
    """Return the URL as asyncpg takes it, with its password."""
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def _write_engine(url: URL) -> AsyncEngine:
    if url.get_backend_name() == "sqlite":
        engine = create_async_engine(
            url.set(drivername="sqlite+aiosqlite"),
            pool_size=1,
            max_overflow=0,
            pool_timeout=60,
            hide_parameters=True,
        )
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_immediate)
        return engine

    async def connect() -> Any:
        connection = await asyncpg.connect(
            dsn_of(url), server_settings={"timezone": "UTC", "application_name": "deskgraph-write"}
        )
        await _take_all_times(connection)
        return connection

    return create_async_engine(
        "postgresql+asyncpg://",
        async_creator=connect,
        pool_size=WRITE_CONNECTIONS,
        max_overflow=0,
        pool_timeout=60,
        pool_pre_ping=True,
        # What clients sent has no place in a log.
        hide_parameters=True,
    )


def _prepare_sqlite(connection: Any, _entry: ConnectionPoolEntry) -> None:
    """Set the pragmas, and leave BEGIN to us: the driver's own would not be IMMEDIATE."""
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in SQLITE_PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _begin_immediate(connection: Any) -> None:
    """Take the write lock at once; a lock taken later could fail halfway."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")
