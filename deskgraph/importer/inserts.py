"""Inserting many rows, whose values are made into those of the driver column by column.

SQLAlchemy would do that value by value, which takes longer than everything else about a row.
"""

import json
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, Dialect, Table, any_, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from deskgraph.database.sqlite.many_rows import without_triggers
from models.types import Choice, UtcDateTime, Uuid36, time_text

# By column; each value has the Python type of its column.
Row = dict[str, Any]
Values = Sequence[Any]
_TEXTS: dict[type, Callable[[Any], object]] = {
    Uuid36: str,
    UtcDateTime: time_text,
    Choice: str,
}


def texts_of(column: Column[Any], values: Values) -> Values:
    """Return ids, times and choices as the texts that SQLite stores, other values as they are."""
    text = _TEXTS.get(type(column.type))
    return values if text is None else [None if one is None else text(one) for one in values]


def stored_values(column: Column[Any], values: Values, dialect: Dialect) -> Values:
    """Return values of a column as the driver takes them."""
    if type(column.type) in _TEXTS:
        # PostgreSQL's driver takes UUIDs, times, and choices, which are texts.
        return texts_of(column, values) if dialect.name == "sqlite" else values
    process = column.type.dialect_impl(dialect).bind_processor(dialect)
    return values if process is None else list(map(process, values))


def is_among(column: Column[Any], values: Collection[Any], dialect: Dialect) -> ColumnElement[bool]:
    """Return the condition that a column of ids or texts has one of many values.

    They are one value of the statement: thousands would take longer than what is found by them.
    """
    if dialect.name == "sqlite":
        listed = func.json_each(json.dumps(list(map(str, values)))).table_valued("value")
        return column.in_(select(listed.c.value))
    return column == any_(literal(list(values), ARRAY(column.type)))


async def insert_all(connection: AsyncConnection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows that have the same columns each."""
    names = list(rows[0])
    columns = [
        stored_values(table.c[name], [row[name] for row in rows], connection.dialect)
        for name in names
    ]
    await insert_stored(connection, table, names, list(zip(*columns, strict=True)))


async def insert_stored(
    connection: AsyncConnection, table: Table, names: Iterable[str], rows: Sequence[Values]
) -> None:
    """Insert rows of values that the driver takes, by COPY on PostgreSQL.

    Inserting them one by one takes PostgreSQL three times as long.
    """
    names = list(names)
    if connection.dialect.name == "sqlite":
        listed, places = ", ".join(f'"{name}"' for name in names), ", ".join("?" * len(names))
        statement = f"INSERT INTO {table.name} ({listed}) VALUES ({places})"  # noqa: S608 - ours
        async with without_triggers(connection, table):
            await connection.exec_driver_sql(statement, rows)
        return
    driver = (await connection.get_raw_connection()).driver_connection
    assert driver is not None
    await driver.copy_records_to_table(table.name, columns=names, records=rows)
