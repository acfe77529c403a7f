"""How connections to PostgreSQL are prepared, and which of its errors' texts may be logged."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import asyncpg

# How often PostgreSQL checks that the client of a running statement is connected, in milliseconds:
# a process that was killed cannot cancel its statements.
CHECK_INTERVAL_MILLISECONDS = 500

# What those who ask a server may get instead of an answer. The driver's internal error comes where
# a connection is lost at a moment that it does not expect.
FAILURES = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
# How long a new connection may take, in seconds.
CONNECT_SECONDS = 10.0

Made = TypeVar("Made")
# Connections that nobody waits for; the loop alone would let their tasks be collected.
_unwanted: set["asyncio.Task[None]"] = set()

# The parts of messages of PostgreSQL and its driver that repeat values: details have whole rows.
_VALUES = re.compile(
    r"\n(?:DETAIL|HINT):.*|(?<=invalid input)( [^:]*):.*|(?<=out of range): .*", re.DOTALL
)

# Where PostgreSQL's times start counting.
_POSTGRES_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


async def prepare_postgres(connection: "asyncpg.Connection", *, pooled: bool = False) -> None:
    """Prepare a new connection of asyncpg.

    ``pooled``: PgBouncer gives it another connection to the server for each transaction. What is
    set there would stay for others, and no statement is prepared outside of a transaction.
    """
    if pooled:
        async with connection.transaction():
            await _take_all_times(connection)
        return
    await _take_all_times(connection)
    # Not every platform supports it.
    with suppress(asyncpg.PostgresError):
        await connection.execute(
            f"SET client_connection_check_interval = {CHECK_INTERVAL_MILLISECONDS}"
        )


async def made_whole(making: Awaitable[Made], dispose: Callable[[Made], Awaitable[None]]) -> Made:
    """Wait for a connection; where its waiter is cancelled, it is made and then disposed of.

    asyncpg leaves an error behind, which is logged later, where it is cancelled while it
    negotiates TLS.
    """
    task = asyncio.ensure_future(making)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        unwanted = asyncio.create_task(_dispose(task, dispose))
        _unwanted.add(unwanted)
        unwanted.add_done_callback(_unwanted.discard)
        raise


async def _dispose(
    made: "asyncio.Future[Made]", dispose: Callable[[Made], Awaitable[None]]
) -> None:
    with suppress(*FAILURES):
        await dispose(await made)


async def _take_all_times(connection: "asyncpg.Connection") -> None:
    """Store every time as itself: asyncpg writes the first and the last one as infinite."""
    await connection.set_type_codec(
        "timestamptz",
        schema="pg_catalog",
        format="tuple",
        encoder=lambda time: ((time - _POSTGRES_EPOCH) // timedelta(microseconds=1),),
        decoder=lambda stored: _POSTGRES_EPOCH + timedelta(microseconds=stored[0]),
    )


def leave_values_out(error: BaseException | None) -> None:
    """Remove values from the texts of an error and of its causes, because they are logged."""
    while error is not None:
        if isinstance(error, asyncpg.PostgresError):
            error.detail = None
            # It has the value that could not be converted.
            error.__cause__, error.__suppress_context__ = None, True
        error.args = tuple(
            _VALUES.sub(r"\1", arg) if isinstance(arg, str) else arg for arg in error.args
        )
        error = error.__cause__
