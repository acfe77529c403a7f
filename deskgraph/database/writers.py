"""The engines for writes, by SQLAlchemy.

A write whose task is cancelled loses its connection, and with it its transaction: nothing of it is
stored. PostgreSQL is told to stop the statement, SQLite is interrupted.
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from time import monotonic

import aiosqlite
import asyncpg
from sqlalchemy import Connection, event
from sqlalchemy.engine import URL, ExceptionContext
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from deskgraph.database.postgres import leave_values_out, prepare_postgres
from deskgraph.database.pragmas import SQLITE_BUSY_SECONDS, SQLITE_PRAGMAS
from deskgraph.private_files import create_private

WRITE_CONNECTIONS = 4
# After how many seconds without use a connection to PostgreSQL is asked whether it still works.
IDLE_SECONDS = 10.0
# How soon a statement that goes on in spite of an interruption is interrupted again, in seconds.
RETRY_SECONDS = 0.02
# How long SQLite itself waits for another writer, in milliseconds: what a cancelled one may take.
SLICE_MILLISECONDS = 250

# The statement without a name is replaced by the next one, so none stays with the server.
_UNPREPARED = {"prepared_statement_cache_size": 0, "prepared_statement_name_func": str}


def sqlite_engine(url: URL) -> AsyncEngine:
    """Return the engine of a file: one writer at a time."""
    engine = create_async_engine(
        url.set(drivername="sqlite+aiosqlite"),
        pool_size=1,
        max_overflow=0,
        pool_timeout=60,
        hide_parameters=True,
    )
    # Not before: looking for a database must not make one.
    event.listen(
        engine.sync_engine, "do_connect", lambda *_: create_private(Path(str(url.database)))
    )
    # The first listener, as a task may be cancelled while the others run.
    event.listen(engine.sync_engine, "connect", _let_stop_twice, insert=True)
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_immediate)
    event.listen(engine.sync_engine, "invalidate", _Interrupter())
    return engine


def postgres_engine(dsn: str, *, pooled: bool = False) -> AsyncEngine:
    """Return the engine of a PostgreSQL database.

    ``pooled``: through PgBouncer in transaction mode, with no statement that is prepared for longer
    than its transaction.
    """

    async def connect() -> "asyncpg.Connection":
        connection = await asyncpg.connect(
            dsn,
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

    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=connect,
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
    return engine


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


def _leave_values_out(context: ExceptionContext) -> None:
    leave_values_out(context.original_exception)
    leave_values_out(context.sqlalchemy_exception)


def _let_stop_twice(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    """Make every stop of a connection the first one.

    A task that is cancelled twice stops it twice, and would wait for the second stop for ever.
    """
    connection.driver_connection.stop = cache(connection.driver_connection.stop)


def _prepare_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    """Set the pragmas, and leave BEGIN to us: the driver's own would not be IMMEDIATE."""
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (*SQLITE_PRAGMAS, f"PRAGMA busy_timeout={SLICE_MILLISECONDS}"):
        cursor.execute(pragma)
    cursor.close()


def _begin_immediate(connection: Connection) -> None:
    """Take the write lock at once; a lock taken later could fail halfway.

    A writer who waits for another process cannot be interrupted, so it waits in slices.
    """
    patience = monotonic() + SQLITE_BUSY_SECONDS
    while True:
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        except OperationalError as error:
            busy = getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY
            if not busy or monotonic() > patience:
                raise
        else:
            return


class _Interrupter:
    """Stops the statement of a connection that is given up.

    Its thread closes it after the statement, which would hold the write lock until then.
    """

    def __init__(self) -> None:
        # The loop alone would let them be collected.
        self._tasks: set[asyncio.Task[None]] = set()

    def __call__(self, connection: DBAPIConnection, *_: object) -> None:
        """Interrupt the statement of a connection that is about to be closed, if there is one."""
        task = asyncio.create_task(_interrupt_until_closed(connection.driver_connection))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _interrupt_until_closed(connection: aiosqlite.Connection) -> None:
    # Not once: SQLite forgets an interruption that comes before the first step.
    with suppress(ValueError, sqlite3.ProgrammingError):
        while True:
            await connection.interrupt()
            await asyncio.sleep(RETRY_SECONDS)
