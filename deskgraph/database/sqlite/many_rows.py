"""What triggers of SQLite do for each new row, done once for many of them.

A trigger runs its statements for each row. After each one FTS5 writes what it has gathered: this
takes several times as long as everything else about a row. The counts of tickets take as long as
the row and all of its indexes.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import Table, text
from sqlalchemy.ext.asyncio import AsyncConnection

from deskgraph.database.ticket_counts.recount import counts_of_new

# What the triggers call the tables that can have many rows, and which text of a row they index.
_INDEXED = {
    "tickets": (
        "ticket",
        "search_text || char(31) || (SELECT search_name FROM companies WHERE id = company_id)",
    ),
    "comments": ("comment", "search_text"),
}
_COUNTED = "tickets_insert_counted"
_TRIGGER = text("SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = :name")


@asynccontextmanager
async def without_triggers(connection: AsyncConnection, table: Table) -> AsyncIterator[None]:
    """Index and count what is inserted in this block at its end.

    The transaction must not end within.
    """
    if table.name not in _INDEXED:
        yield
        return
    name, indexed = _INDEXED[table.name]
    index, keys = f"{name}_search", f"{name}_search_keys"
    is_counted = table.name == "tickets"
    triggers = [f"{index}_insert", *([_COUNTED] if is_counted else [])]
    texts = [await _without(connection, trigger) for trigger in triggers]
    row = await _last(connection, table.name, "rowid")
    key = await _last(connection, keys, "key")
    yield
    for statement in (
        f"INSERT INTO {keys} ({name}_id) "  # noqa: S608 - names and numbers of ours
        f"SELECT id FROM {table.name} WHERE rowid > {row} ORDER BY rowid",
        f"INSERT INTO {index} (rowid, text) SELECT key, {indexed} FROM {keys} "  # noqa: S608
        f"CROSS JOIN {table.name} ON id = {name}_id WHERE key > {key} ORDER BY key",
        *(counts_of_new(row) if is_counted else ()),
        *texts,
    ):
        await connection.exec_driver_sql(statement)


async def _without(connection: AsyncConnection, trigger: str) -> str:
    """Drop a trigger; returns what makes it again."""
    made = await connection.scalar(_TRIGGER, {"name": trigger})
    await connection.exec_driver_sql(f"DROP TRIGGER {trigger}")
    return str(made)


async def _last(connection: AsyncConnection, table: str, column: str) -> int:
    sql = f"SELECT max({column}) FROM {table}"  # noqa: S608 - names of ours
    return await connection.scalar(text(sql)) or 0
