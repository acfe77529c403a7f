"""What every connection to a database is told when it is made, for reads and for writes."""

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

# How long a writer waits for another one on SQLite, in seconds.
SQLITE_BUSY_SECONDS = 30
SQLITE_PRAGMAS = (
    # First: another process may be switching the same new file to WAL.
    f"PRAGMA busy_timeout={SQLITE_BUSY_SECONDS * 1000}",
    "PRAGMA foreign_keys=ON",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA cache_size=-65536",
    "PRAGMA mmap_size=268435456",
    "PRAGMA temp_store=MEMORY",
)

# How often PostgreSQL looks whether anybody waits for a statement at all, in milliseconds: what a
# client leaves behind that could not cancel it any more.
CHECK_INTERVAL = 500

# What of a message of PostgreSQL or its driver repeats values: details tell whole rows.
_VALUES = re.compile(
    r"\n(?:DETAIL|HINT):.*|(?<=invalid input)( [^:]*):.*|(?<=out of range): .*", re.DOTALL
)

# Where PostgreSQL's times start counting.
_POSTGRES_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


async def prepare_postgres(connection: Any) -> None:
    """Make a new connection of asyncpg ready."""
    await _take_all_times(connection)
    # Not every platform of a server can do it.
    with suppress(asyncpg.PostgresError):
        await connection.execute(f"SET client_connection_check_interval = {CHECK_INTERVAL}")


async def _take_all_times(connection: Any) -> None:
    """Store every time as itself: asyncpg writes the first and the last one as infinite."""
    await connection.set_type_codec(
        "timestamptz",
        schema="pg_catalog",
        format="tuple",
        encoder=lambda time: ((time - _POSTGRES_EPOCH) // timedelta(microseconds=1),),
        decoder=lambda stored: _POSTGRES_EPOCH + timedelta(microseconds=stored[0]),
    )


def leave_values_out(error: BaseException | None) -> None:
    """Take the values out of the text of an error and of what it came from, for it is logged."""
    while error is not None:
        if isinstance(error, asyncpg.PostgresError):
            error.detail = None
            # It tells which value could not be converted.
            error.__cause__, error.__suppress_context__ = None, True
        error.args = tuple(
            _VALUES.sub(r"\1", arg) if isinstance(arg, str) else arg for arg in error.args
        )
        error = error.__cause__
