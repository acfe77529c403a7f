"""Many new rows of SQLite go into the indexes of searches at once, instead of one by one.

A trigger runs a statement for each row, after which FTS5 writes what it has gathered: this takes
several times as long as everything else about a row.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import Table, text
from sqlalchemy.ext.asyncio import AsyncConnection

# What the triggers call the tables that can have many rows, and which text of a row they index.
_INDEXED = {
    "tickets": (
        "ticket",
        "search_text || char(31) || (SELECT search_name FROM companies WHERE id = company_id)",
    ),
    "comments": ("comment", "search_text"),
}
_TRIGGER = text("SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = :name")


@asynccontextmanager
async def indexed_at_once(connection: AsyncConnection, table: Table) -> AsyncIterator[None]:
    """Index what is inserted in this block at its end; the transaction must not end within."""
    if table.name not in _INDEXED:
        yield
        return
    name, indexed = _INDEXED[table.name]
    index, keys = f"{name}_search", f"{name}_search_keys"
    trigger = await connection.scalar(_TRIGGER, {"name": f"{index}_insert"})
    await connection.exec_driver_sql(f"DROP TRIGGER {index}_insert")
    row = await _last(connection, table.name, "rowid")
    key = await _last(connection, keys, "key")
    yield
    for statement in (
        f"INSERT INTO {keys} ({name}_id) "  # noqa: S608 - names and numbers of ours
        f"SELECT id FROM {table.name} WHERE rowid > {row} ORDER BY rowid",
        f"INSERT INTO {index} (rowid, text) SELECT key, {indexed} FROM {keys} "  # noqa: S608
        f"CROSS JOIN {table.name} ON id = {name}_id WHERE key > {key} ORDER BY key",
        str(trigger),
    ):
        await connection.exec_driver_sql(statement)


async def _last(connection: AsyncConnection, table: str, column: str) -> int:
    sql = f"SELECT max({column}) FROM {table}"  # noqa: S608 - names of ours
    return await connection.scalar(text(sql)) or 0
