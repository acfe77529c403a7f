"""The engines for writes, by SQLAlchemy.

A write whose task is cancelled loses its connection, and with it its transaction: nothing of it is
stored. PostgreSQL is told to stop the statement, SQLite is interrupted where others have no part in
the transaction.
"""

import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from time import monotonic
from urllib.parse import quote

import aiosqlite
from sqlalchemy import Connection, event
from sqlalchemy.engine import URL, ExceptionContext
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry, PoolProxiedConnection

from deskgraph.database.postgres.connections import (
    Connector,
    PostgresConnection,
    leave_values_out,
    prepare_postgres,
    waiting_since,
)
from deskgraph.database.pragmas import Function, add_functions, set_pragmas
from deskgraph.database.sqlite.group_commit import MOST_WRITERS
from deskgraph.database.sqlite.writer import BEGIN, SqliteWriter, SqliteWriters
from deskgraph.private_files import create_private
from resolvers.request_record import SqlTimer
from resolvers.services import Instruments

WRITE_CONNECTIONS = 4
# After how many seconds without use a connection to PostgreSQL is asked whether it still works.
IDLE_SECONDS = 10.0
# The option of an engine whose transactions on SQLite share no commit with those before.
FRESH = "deskgraph_fresh"
# How long SQLite itself waits for another writer, in milliseconds: what a cancelled one may take.
SLICE_MILLISECONDS = 250

_OWN = {"timezone": "UTC", "application_name": "deskgraph-write"}
# What connections that only read set: they refuse writes, and wait for no migration to end.
READ_ONLY = {
    "application_name": "deskgraph-read-only",
    "default_transaction_read_only": "on",
    "lock_timeout": "10s",
}
# The statement without a name is replaced by the next one, so none stays with the server.
_UNPREPARED = {"prepared_statement_cache_size": 0, "prepared_statement_name_func": str}


def sqlite_engine(
    url: URL, instruments: Instruments, functions: Mapping[str, Function]
) -> AsyncEngine:
    """Return the engine of a file, whose writers take turns and share commits.

    ``functions`` are those of reads: a unit of work reads what it has written.
    """
    connect = partial(_connect_sqlite, str(url.database), functions)
    writers = SqliteWriters(connect, instruments)
    engine = create_async_engine(
        url.set(drivername="sqlite+aiosqlite"),
        async_creator=writers.connect,
        poolclass=_timed_pool(instruments),
        pool_size=MOST_WRITERS,
        max_overflow=0,
        pool_timeout=60,
        hide_parameters=True,
        # A connection that is given back has no transaction any more.
        pool_reset_on_return=None,
    )
    event.listen(engine.sync_engine, "begin", _begin_immediate)
    _time_statements(engine)
    return engine


def sqlite_read_only_engine(url: URL) -> AsyncEngine:
    """Return an engine of a file whose transactions are snapshots and keep no writer waiting."""
    address = read_only_address(Path(str(url.database)))
    engine = create_async_engine(
        "sqlite+aiosqlite://",
        async_creator=lambda: aiosqlite.connect(address, uri=True, isolation_level=None),
        poolclass=AsyncAdaptedQueuePool,
        hide_parameters=True,
    )
    event.listen(engine.sync_engine, "begin", _begin_deferred)
    return engine


def read_only_address(path: Path) -> str:
    """Return a file's address as ``sqlite3.connect`` takes it with ``uri=True``, only for reads."""
    return f"file:{quote(str(path.absolute()))}?mode=ro"


def postgres_engine(
    dsn: str,
    instruments: Instruments,
    kind: type[PostgresConnection],
    pooled: bool,
    read_only: bool,
) -> AsyncEngine:
    """Return the engine of a PostgreSQL database.

    ``pooled``: through PgBouncer in transaction mode, with no statement that is prepared for longer
    than its transaction.
    """
    connect = partial(
        Connector(),
        dsn,
        connection_class=kind,
        pooled=pooled,
        server_settings={**_OWN, **READ_ONLY} if read_only else _OWN,
        statement_cache_size=0 if pooled else 100,
    )
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=partial(_prepared, connect, pooled=pooled),
        poolclass=_timed_pool(instruments),
        pool_size=WRITE_CONNECTIONS,
        max_overflow=0,
        pool_timeout=60,
        # What clients sent has no place in a log.
        hide_parameters=True,
        connect_args=_UNPREPARED if pooled else {},
    )
    if pooled:
        for name in ("setup_asyncpg_json_codec", "setup_asyncpg_jsonb_codec"):
            set_up = partial(_in_transaction, getattr(engine.sync_engine.dialect, name))
            setattr(engine.sync_engine.dialect, name, set_up)
    event.listen(engine.sync_engine, "handle_error", _leave_values_out)
    event.listen(engine.sync_engine, "checkin", _note_use)
    event.listen(engine.sync_engine, "checkout", _check_connection)
    _time_statements(engine)
    return engine


def _timed_pool(instruments: Instruments) -> type[AsyncAdaptedQueuePool]:
    """Return a pool that tells how long its connections are waited for.

    A class, because an engine that is disposed of makes another pool of the same class.
    """

    class TimedPool(AsyncAdaptedQueuePool):
        # Its logger is named after it: as a pool of SQLAlchemy it logs nothing of each connection.
        __module__ = AsyncAdaptedQueuePool.__module__

        def connect(self) -> PoolProxiedConnection:
            asked = monotonic()
            try:
                with waiting_since(asked):
                    return super().connect()
            finally:
                instruments.waited("write", monotonic() - asked)

    return TimedPool


async def _prepared(
    connect: Callable[[], Awaitable[PostgresConnection]], *, pooled: bool
) -> PostgresConnection:
    connection = await connect()
    try:
        await prepare_postgres(connection, pooled=pooled)
    except BaseException:
        # Nothing else would close it.
        connection.terminate()
        raise
    return connection


async def _in_transaction(
    set_up: Callable[[DBAPIConnection], Awaitable[None]], connection: DBAPIConnection
) -> None:
    """Do what SQLAlchemy does outside of one when it connects: it prepares a statement."""
    async with connection.driver_connection.transaction():
        await set_up(connection)


def _note_use(_connection: DBAPIConnection | None, entry: ConnectionPoolEntry) -> None:
    entry.info["used"] = monotonic()


def _check_connection(
    connection: DBAPIConnection, entry: ConnectionPoolEntry, _proxy: PoolProxiedConnection
) -> None:
    """Have a connection replaced that was closed, or that does not answer after some idle time.

    The driver knows of a server that went away. It does not know of a network that did. The
    pool's own check takes three round trips before every transaction.
    """
    if connection.driver_connection.is_closed():
        raise DisconnectionError
    if monotonic() - entry.info.get("used", monotonic()) > IDLE_SECONDS:
        try:
            connection.ping()
        except Exception as error:
            raise DisconnectionError from error


def _time_statements(engine: AsyncEngine) -> None:
    """Count the time of the statements of sessions for the request that they belong to."""
    event.listen(engine.sync_engine, "before_cursor_execute", _start_timer)
    event.listen(engine.sync_engine, "after_cursor_execute", _stop_timer)
    event.listen(engine.sync_engine, "handle_error", _stop_timer_of_failure)


def _start_timer(connection: Connection, _cursor: object, sql: str, *_rest: object) -> None:
    timer = connection.info["timer"] = SqlTimer(sql)
    timer.__enter__()


def _stop_timer(connection: Connection, *_rest: object) -> None:
    connection.info.pop("timer").__exit__(None)


def _stop_timer_of_failure(context: ExceptionContext) -> None:
    """Stop the timer where a statement has failed, and not a connection or a commit."""
    connection = context.connection
    if connection is None or connection.closed or connection.invalidated:
        return
    if (timer := connection.info.pop("timer", None)) is not None:
        timer.__exit__(type(context.original_exception))


def _leave_values_out(context: ExceptionContext) -> None:
    leave_values_out(context.original_exception)
    leave_values_out(context.sqlalchemy_exception)


def _connect_sqlite(path: str, functions: Mapping[str, Function]) -> sqlite3.Connection:
    """Connect, and leave BEGIN to us: the driver's own would not be IMMEDIATE."""
    # Not before: looking for a database must not make one.
    create_private(Path(path))
    connection = sqlite3.connect(path, isolation_level=None)
    set_pragmas(connection, f"PRAGMA busy_timeout={SLICE_MILLISECONDS}")
    add_functions(connection, functions)
    return connection


def _begin_immediate(connection: Connection) -> None:
    """Take the write lock at once; a lock taken later could fail halfway."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, SqliteWriter)
    driver.fresh = connection.get_execution_options().get(FRESH, False)
    connection.exec_driver_sql(BEGIN)


def _begin_deferred(connection: Connection) -> None:
    """Begin a transaction that reads: it sees one moment from its first statement on."""
    connection.exec_driver_sql("BEGIN")
