"""What a database holds, read whole before and after what must not change it.

Hundreds of tests compare all rows with all rows. So the rows are read by one statement of the
driver, and turned into Python's values only where they are not those of the last time.
"""

import asyncio
import contextlib
import sqlite3
from typing import Any

import sqlalchemy as sa
from sqlmodel import SQLModel

from deskgraph.database.database import Database
from deskgraph.database.ticket_counts import WrongCount, wrong_counts

COUNTS = ("ticket_count", "ticket_due_count")
Rows = dict[str, list[tuple[Any, ...]]]
# Not the counts of tickets: when changes are added to them depends on what was written before.
_TABLES = [table for table in SQLModel.metadata.sorted_tables if not table.name.startswith(COUNTS)]
_known: dict[str, tuple[object, Rows]] = {}


async def stored_rows(database: Database) -> Rows:
    """Return all rows of all tables, in the order of their keys."""
    url = str(database.url)
    raw = _sqlite(database) if database.is_sqlite else await _postgres(database)
    if url not in _known or _known[url][0] != raw:
        _known.clear()
        _known[url] = (raw, await _rows(database))
    return {table: list(rows) for table, rows in _known[url][1].items()}


def wrong_counts_of(url: str) -> list[WrongCount]:
    """Return which counts of tickets are not right."""

    async def found() -> list[WrongCount]:
        database = Database(url)
        try:
            return await wrong_counts(database)
        finally:
            await database.engine.dispose()

    return asyncio.run(found())


def _sqlite(database: Database) -> object:
    with contextlib.closing(sqlite3.connect(str(database.url.database), timeout=20)) as connection:
        connection.execute("BEGIN")
        return [
            connection.execute(f"SELECT * FROM {table.name} ORDER BY rowid").fetchall()
            for table in _TABLES
        ]


async def _postgres(database: Database) -> object:
    texts = [
        f"SELECT {at} AS at, t::text AS stored FROM {t.name} t" for at, t in enumerate(_TABLES)
    ]
    statement = " UNION ALL ".join(texts)
    async with database.engine.connect() as connection:
        return sorted(map(tuple, await connection.exec_driver_sql(statement)))


async def _rows(database: Database) -> Rows:
    found: Rows = {}
    async with database.engine.connect() as connection:
        for table in _TABLES:
            listed = await connection.execute(sa.select(table).order_by(*table.primary_key))
            found[table.name] = [tuple(row) for row in listed]
    return found
