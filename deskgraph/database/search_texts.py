"""The texts that searches compare, made for rows that were written before there were such columns.

Python makes them, so they are written in batches, in the order of the ids.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext
from sqlalchemy.engine import Connection

from models.search import search_texts

# How many rows are in memory at once.
BATCH = 500
# How many rows SQLite indexes in one statement.
INDEXED_AT_ONCE = 10_000
# Takes what is being done, how many rows of it are done, and how many there are.
Report = Callable[[str, int, int], None]


def silent(_step: str, _done: int, _total: int) -> None:
    """Tell nobody."""


def fill(
    connection: Connection, table: sa.Table, columns: Sequence[str], report: Report = silent
) -> None:
    """Fill the columns of rows where the first one is empty, in batches."""
    is_empty = table.c[columns[0]] == ""
    total = connection.scalar(sa.select(sa.func.count()).select_from(table).where(is_empty)) or 0
    done = 0
    last: UUID | None = None
    fields = {field for name in columns for field in table.c[name].info["fields"]}
    wanted = sa.select(table.c.id, *(table.c[name] for name in sorted(fields)))
    wanted = wanted.where(is_empty).order_by(table.c.id).limit(BATCH)
    while True:
        following = wanted if last is None else wanted.where(table.c.id > last)
        rows = connection.execute(following).mappings().all()
        if not rows:
            return
        last = rows[-1]["id"]
        _write(connection, table, columns, rows)
        done += len(rows)
        report(f"Texts of {table.name}", done, total)


def insert_by_keys(connection: Connection, insert: str, keys: str, report: Report) -> None:
    """Run an insert into an index of SQLite for the keys ``k`` of a table, some at a time."""
    last = connection.scalar(sa.text(f"SELECT max(key) FROM {keys}")) or 0  # noqa: S608 - of ours
    for done in range(0, last, INDEXED_AT_ONCE):
        until = min(done + INDEXED_AT_ONCE, last)
        connection.exec_driver_sql(f"{insert} WHERE k.key > {done} AND k.key <= {until}")
        report(f"Index of {keys.partition('_')[0]} texts", until, last)


def report_of(context: MigrationContext) -> Report:
    """Return what a migration tells how far it is."""
    config = context.config
    found: Report = silent if config is None else config.attributes.get("report", silent)
    return found


def _write(
    connection: Connection, table: sa.Table, columns: Sequence[str], rows: Iterable[Any]
) -> None:
    """Write one batch; on PostgreSQL in one statement, which takes a fraction of one for each.

    There, a row whose texts have changed since it was read is left as it is.
    """
    fields = {name: table.c[name].info["fields"] for name in columns}
    texts = [(row, search_texts(table, dict(row))) for row in rows]
    if connection.dialect.name == "sqlite":
        written = sa.update(table).where(table.c.id == sa.bindparam("row_id"))
        written = written.values({name: sa.bindparam(f"new_{name}") for name in columns})
        values = [
            {"row_id": row["id"], **{f"new_{name}": new[name] for name in columns}}
            for row, new in texts
        ]
        connection.execute(written, values)
        return
    read = sorted({field for names in fields.values() for field in names})
    names = [*columns, *(f"read_{field}" for field in read)]
    each = ", ".join(f"CAST(:{name} AS text[])" for name in names)
    settings = ", ".join(f"{name} = each.{name}" for name in columns)
    same = " AND ".join(f"old.{field} = each.read_{field}" for field in read)
    statement = (
        f"UPDATE {table.name} AS old SET {settings} "  # noqa: S608 - names of ours
        f"FROM unnest(CAST(:ids AS uuid[]), {each}) AS each (id, {', '.join(names)}) "
        f"WHERE old.id = each.id AND {same}"
    )
    listed = {name: [new[name] for _, new in texts] for name in columns}
    listed |= {f"read_{field}": [row[field] for row, _ in texts] for field in read}
    connection.execute(sa.text(statement), {"ids": [row["id"] for row, _ in texts], **listed})
