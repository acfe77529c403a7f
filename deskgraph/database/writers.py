"""The engines for writes, by SQLAlchemy.

A write whose task is cancelled loses its connection, and with it its transaction: nothing of it is
stored. PostgreSQL is told to stop the statement, SQLite is interrupted where others have no part in
the transaction.
"""

import sqlite3
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from time import monotonic

import asyncpg
from sqlalchemy import Connection, event
from sqlalchemy.engine import URL, ExceptionContext
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from deskgraph.database.postgres import CONNECT_SECONDS, leave_values_out, prepare_postgres
from deskgraph.database.pragmas import set_pragmas
from deskgraph.database.sqlite.group_commit import MOST_WRITERS
from deskgraph.database.sqlite.writer import BEGIN, SqliteWriter, SqliteWriters
from deskgraph.private_files import create_private
from resolvers.request_record import SqlTimer

WRITE_CONNECTIONS = 4
# After how many seconds without use a connection to PostgreSQL is asked whether it still works.
IDLE_SECONDS = 10.0
# The option of an engine whose transactions on SQLite share no commit with those before.
FRESH = "deskgraph_fresh"
# How long SQLite itself waits for another writer, in milliseconds: what a cancelled one may take.
SLICE_MILLISECONDS = 250

# The statement without a name is replaced by the next one, so none stays with the server.
_UNPREPARED = {"prepared_statement_cache_size": 0, "prepared_statement_name_func": str}


def sqlite_engine(url: URL) -> AsyncEngine:
    """Return the engine of a file, whose writers take turns and share commits."""
    writers = SqliteWriters(partial(_connect_sqlite, str(url.database)))
    engine = create_async_engine(
        url.set(drivername="sqlite+aiosqlite"),
        async_creator=writers.connect,
        pool_size=MOST_WRITERS,
        max_overflow=0,
        pool_timeout=60,
        hide_parameters=True,
        # Whoever gives a connection back has ended its transaction.
        pool_reset_on_return=None,
    )
    event.listen(engine.sync_engine, "begin", _begin_immediate)
    _time_statements(engine)
    return engine


def postgres_engine(dsn: str, *, pooled: bool = False) -> AsyncEngine:
    """Return the engine of a PostgreSQL database.

    ``pooled``: through PgBouncer in transaction mode, with no statement that is prepared for longer
    than its transaction.
    """
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=partial(_connect, dsn, pooled),
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


async def _connect(dsn: str, pooled: bool) -> "asyncpg.Connection":
    connection = await asyncpg.connect(
        dsn,
        timeout=CONNECT_SECONDS,
        server_settings={"timezone": "UTC", "application_name": "deskgraph-write"},
        statement_cache_size=0 if pooled else 100,
    )
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


def _start_timer(connection: Connection, *_rest: object) -> None:
    timer = connection.info["timer"] = SqlTimer()
    timer.__enter__()


def _stop_timer(connection: Connection, *_rest: object) -> None:
    connection.info["timer"].__exit__()


def _leave_values_out(context: ExceptionContext) -> None:
    leave_values_out(context.original_exception)
    leave_values_out(context.sqlalchemy_exception)


def _connect_sqlite(path: str) -> sqlite3.Connection:
    """Connect, and leave BEGIN to us: the driver's own would not be IMMEDIATE."""
    # Not before: looking for a database must not make one.
    create_private(Path(path))
    connection = sqlite3.connect(path, isolation_level=None)
    set_pragmas(connection, f"PRAGMA busy_timeout={SLICE_MILLISECONDS}")
    return connection


def _begin_immediate(connection: Connection) -> None:
    """Take the write lock at once; a lock taken later could fail halfway."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, SqliteWriter)
    driver.fresh = connection.get_execution_options().get(FRESH, False)
    connection.exec_driver_sql(BEGIN)
