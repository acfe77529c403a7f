"""The numbers that the database gives out: the last one, and setting it after an import."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from models import TicketEvent, table_of

EVENTS = str(table_of(TicketEvent).name)
# What was given out last, also where the row is gone or was never committed.
_SQLITE_LAST = f"SELECT coalesce(max(seq), 0) AS last FROM sqlite_sequence WHERE name = '{EVENTS}'"  # noqa: S608
_POSTGRES_LAST = (
    f"SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END AS last "  # noqa: S608
    f"FROM {EVENTS}_seq_seq"
)
_HIGHEST = text(f"SELECT coalesce(max(seq), 0) FROM {EVENTS}")  # noqa: S608
# The table has no keys: the row of a name is there from the first insert on.
_SQLITE_FORGET = text(f"DELETE FROM sqlite_sequence WHERE name = '{EVENTS}'")  # noqa: S608
_SQLITE_SET = text(f"INSERT INTO sqlite_sequence (name, seq) VALUES ('{EVENTS}', :last)")  # noqa: S608
_POSTGRES_SET = text(f"SELECT setval('{EVENTS}_seq_seq', greatest(:last, 1), :last > 0)")


def last_number(*, sqlite: bool) -> str:
    """Return the statement for the last number of an event that was given out, as ``last``."""
    return _SQLITE_LAST if sqlite else _POSTGRES_LAST


async def highest(connection: AsyncConnection) -> int:
    """Return the highest number that an event has."""
    return await connection.scalar(_HIGHEST) or 0


async def set_last(connection: AsyncConnection, last: int) -> None:
    """Let the next event have a number after ``last`` and after those of all events."""
    last = max(last, await highest(connection))
    if connection.dialect.name == "sqlite":
        await connection.execute(_SQLITE_FORGET)
        await connection.execute(_SQLITE_SET, {"last": last})
        return
    await connection.execute(_POSTGRES_SET, {"last": last})
