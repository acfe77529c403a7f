"""Checks of the texts that searches compare, and of the indexes of these texts.

Some rows of each table are looked at, or all. On SQLite, an index does not keep its texts: it is
asked whether it finds the row by a piece of its text.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from sqlalchemy import Table, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from deskgraph.checks.running import Desk, Finding, failed, ok, warning
from deskgraph.database.trigrams import INDEXES, PENDING
from models import Comment, Company, Contact, Ticket, User, table_of
from models.search import is_search_column, search_texts

# How many rows of each table are looked at, the ones with the highest ids, and how many at once.
SOME = 200
BATCH = 500
# What an index of SQLite finds is at least as long.
LENGTH = 3
TABLES = tuple(table_of(model) for model in (Company, User, Contact, Ticket, Comment))
# By table: what its index on SQLite is called.
_ON_SQLITE = {
    "companies": "company",
    "contacts": "contact",
    "tickets": "ticket",
    "comments": "comment",
}
_OF_INDEXES = {"names": [*INDEXES], "pending": PENDING.replace(" ", "")}
_STATE_OF_INDEXES = text(
    "SELECT relname AS name, indisvalid AS valid, "
    "coalesce(NOT CAST(:pending AS text) = ANY (reloptions), true) AS gathers "
    "FROM pg_class JOIN pg_index ON indexrelid = oid WHERE oid IN "
    "(SELECT to_regclass(n) FROM unnest(CAST(:names AS text[])) AS n)"
)


async def search(desk: Desk) -> Finding:
    """Whether searches find every row, as far as it was looked at."""
    looked = 0
    async with desk.database.engine.connect() as connection:
        problems = [] if desk.database.is_sqlite else await _bad_indexes(connection)
        for table in TABLES:
            wrong = missing = 0
            async for rows in _rows(connection, table, full=desk.full):
                looked += len(rows)
                wrong += sum(_is_wrong(table, row) for row in rows)
                if desk.database.is_sqlite and table.name in _ON_SQLITE:
                    missing += await _not_found(connection, table, rows)
            if desk.database.is_sqlite and table.name in _ON_SQLITE:
                missing += await _without_key(connection, table)
            if wrong:
                problems.append(f"Rows of {table.name} with another text for searches: {wrong}.")
            if missing:
                problems.append(f"Rows of {table.name} that the index lacks: {missing}.")
        gathering = [] if desk.database.is_sqlite else await _gathering(connection)
    if problems:
        return failed(" ".join(problems))
    if gathering:
        return warning(
            f"An interrupted import has left indexes that are slower to search: run it again "
            f"({', '.join(gathering)})."
        )
    which = "all" if desk.full else f"the last {SOME} of each kind"
    return ok(f"Searches find the rows that were looked at: {looked:,} ({which}).")


async def _rows(
    connection: AsyncConnection, table: Table, *, full: bool
) -> AsyncIterator[Sequence[dict[str, Any]]]:
    """Yield rows with what is in their texts for searches, those with the highest ids first."""
    texts = [column for column in table.columns if is_search_column(column)]
    fields = {name for column in texts for name in column.info["fields"]}
    wanted = select(table.c.id, *texts, *(table.c[name] for name in sorted(fields)))
    wanted = wanted.order_by(table.c.id.desc()).limit(BATCH if full else SOME)
    last = None
    while True:
        following = wanted if last is None else wanted.where(table.c.id < last)
        rows = [dict(row) for row in (await connection.execute(following)).mappings()]
        if rows:
            last = rows[-1]["id"]
            yield rows
        if not rows or not full:
            return


def _is_wrong(table: Table, row: dict[str, Any]) -> bool:
    return any(row[name] != value for name, value in search_texts(table, row).items())


async def _not_found(
    connection: AsyncConnection, table: Table, rows: Sequence[dict[str, Any]]
) -> int:
    """Count the rows that an index of SQLite does not find by the beginning of their text."""
    name = _ON_SQLITE[table.name]
    found = text(
        f"SELECT count(*) FROM {name}_search WHERE {name}_search MATCH :term AND rowid = "  # noqa: S608
        f"(SELECT key FROM {name}_search_keys WHERE {name}_id = :id)"
    )
    count = 0
    for row in rows:
        piece = row["search_text"][:LENGTH]
        if len(piece) == LENGTH:
            quoted = '"' + piece.replace('"', '""') + '"'
            values = {"term": quoted, "id": str(row["id"])}
            count += not await connection.scalar(found, values)
    return count


async def _without_key(connection: AsyncConnection, table: Table) -> int:
    """Count the rows that have no key in an index of SQLite, and the keys that have no row."""
    name = _ON_SQLITE[table.name]
    rows, keys = f"SELECT id FROM {table.name}", f"SELECT {name}_id FROM {name}_search_keys"  # noqa: S608
    count = 0
    for some, others in ((rows, keys), (keys, rows)):
        lost = text(f"SELECT count(*) FROM ({some} EXCEPT {others})")  # noqa: S608 - of names
        count += await connection.scalar(lost) or 0
    return count


async def _bad_indexes(connection: AsyncConnection) -> list[str]:
    found = await connection.execute(_STATE_OF_INDEXES, _OF_INDEXES)
    valid = {row.name for row in found if row.valid}
    missing = [name for name in INDEXES if name not in valid]
    return [f"Indexes that are missing or not valid: {', '.join(missing)}."] if missing else []


async def _gathering(connection: AsyncConnection) -> list[str]:
    """Return the indexes that many writes have set to gather entries (``many_writes``)."""
    found = await connection.execute(_STATE_OF_INDEXES, _OF_INDEXES)
    return sorted(row.name for row in found if row.gathers)
