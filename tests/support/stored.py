"""What a database holds: read whole before and after what must not change it, and put back.

Hundreds of tests compare all rows with all rows. So the rows are read by one statement of the
driver, and those of a table turned into Python's values only where they are not those of the last
time. Nearly every test puts its rows back, which is one round trip of texts without parameters.
"""

import asyncio
import contextlib
import sqlite3
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlmodel import SQLModel

from deskgraph.database.database import Database
from deskgraph.database.ticket_counts.recount import WrongCount, wrong_counts
from models import table_of

# Not the counts of tickets: when changes are added to them depends on what was written before. And
# not the mark of the data, which is random.
LEFT_OUT = ("ticket_count", "ticket_due_count", "data_revision")
Rows = dict[str, list[tuple[Any, ...]]]
_TABLES = [
    table for table in SQLModel.metadata.sorted_tables if not table.name.startswith(LEFT_OUT)
]
# Empties every table.
DELETES = tuple(f"DELETE FROM {table.name}" for table in reversed(SQLModel.metadata.sorted_tables))
# What the driver returned of each table of a database, and the rows that it is.
_known: dict[str, tuple[list[object], Rows]] = {}


async def stored_rows(database: Database) -> Rows:
    """Return all rows of all tables, in the order of their keys."""
    url = str(database.url)
    raw = _sqlite(database) if database.is_sqlite else await _postgres(database)
    before, rows = _known.get(url, ([None] * len(_TABLES), {}))
    changed = [table for table, now, then in zip(_TABLES, raw, before, strict=True) if now != then]
    if changed:
        rows = rows | await _rows(database, changed)
        _known.clear()
        _known[url] = (raw, rows)
    return {table.name: list(rows[table.name]) for table in _TABLES}


def wrong_counts_of(url: str) -> list[WrongCount]:
    """Return which counts of tickets are not right."""

    async def found() -> list[WrongCount]:
        database = Database(url)
        try:
            return await wrong_counts(database)
        finally:
            await database.engine.dispose()

    return asyncio.run(found())


def _sqlite(database: Database) -> list[object]:
    with contextlib.closing(sqlite3.connect(str(database.url.database), timeout=20)) as connection:
        connection.execute("BEGIN")
        return [
            connection.execute(f"SELECT * FROM {table.name} ORDER BY rowid").fetchall()
            for table in _TABLES
        ]


async def _postgres(database: Database) -> list[object]:
    texts = [
        f"SELECT {at} AS at, t::text AS stored FROM {t.name} t" for at, t in enumerate(_TABLES)
    ]
    statement = " UNION ALL ".join(texts)
    async with database.engine.connect() as connection:
        rows = sorted(map(tuple, await connection.exec_driver_sql(statement)))
    return [[text for at, text in rows if at == table] for table in range(len(_TABLES))]


async def _rows(database: Database, tables: list[sa.Table]) -> Rows:
    found: Rows = {}
    async with database.engine.connect() as connection:
        for table in tables:
            listed = await connection.execute(sa.select(table).order_by(*table.primary_key))
            found[table.name] = [tuple(row) for row in listed]
    return found


async def inserts(database: Database, models: Iterable[type[SQLModel]]) -> tuple[str, ...]:
    """Return the statements that store again what these tables hold now.

    The database writes the values. It makes those of computed columns, and the numbers of events.
    """
    quoted = "quote({})" if database.is_sqlite else "quote_nullable({}::text)"
    found = []
    async with database.engine.connect() as connection:
        for table in map(table_of, models):
            names = [column.name for column in table.columns if column.computed is None]
            order = "ORDER BY seq" if "seq" in names else ""
            names = [f'"{name}"' for name in names if name != "seq"]
            values = " || ', ' || ".join(map(quoted.format, names))
            rows = await connection.exec_driver_sql(f"SELECT {values} FROM {table.name} {order}")
            listed = ", ".join(f"({row})" for (row,) in rows)
            found.append(f"INSERT INTO {table.name} ({', '.join(names)}) VALUES {listed}")
    return tuple(found)


async def run_script(database: Database, statements: Iterable[str]) -> None:
    """Run statements that are whole texts in one transaction."""
    async with database.transaction() as session:
        connection = await (await session.connection()).get_raw_connection()
        driver: Any = connection.driver_connection
        if not database.is_sqlite:
            await driver.execute("; ".join(statements))
            return

        def run(file: sqlite3.Connection) -> None:
            for statement in statements:
                file.execute(statement).close()

        await driver.run(run)
