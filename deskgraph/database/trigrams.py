"""What indexes of trigrams need of a database, and making them beside the writes of servers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from deskgraph.database.search_texts import Report, fill, silent
from models import Comment, table_of
from models.search import PENDING_KILOBYTES

# In their order; each is made by its revision where it is not there by then.
INDEXES = {
    "ix_companies_search_name": ("companies", "search_name"),
    "ix_tickets_search_text": ("tickets", "search_text"),
    "ix_companies_search_text": ("companies", "search_text"),
    "ix_companies_search_private": ("companies", "search_private"),
    "ix_contacts_search_text": ("contacts", "search_text"),
    "ix_comments_search_text": ("comments", "search_text"),
}
# What each has after ``limit_pending``, but for the time of ``many_writes``.
PENDING = f"gin_pending_list_limit = {PENDING_KILOBYTES}"
# The revision that needs the last ones.
REVISION = "0012"
# Servers that do not know the column yet change texts without it: those rows are filled again.
STALE_TEXTS = (
    "CREATE OR REPLACE FUNCTION forget_comment_search_text() RETURNS trigger LANGUAGE plpgsql "
    "AS $$ BEGIN NEW.search_text := ''; RETURN NEW; END $$",
    "CREATE OR REPLACE TRIGGER forget_comment_search_text BEFORE UPDATE OF text ON comments "
    "FOR EACH ROW WHEN (OLD.text <> NEW.text AND OLD.search_text = NEW.search_text) "
    "EXECUTE FUNCTION forget_comment_search_text()",
)
# How often a process that waits for another one's indexes looks again, in seconds.
WAIT_SECONDS = 0.5
# How often it is told how far an index is, in seconds.
WATCH_SECONDS = 1.0
# The table with the columns may still be made by a revision before.
_HAS_COLUMN = text(
    "SELECT count(*) FROM pg_attribute WHERE attrelid = to_regclass(:table) "
    "AND attname = :column AND NOT attisdropped"
)
_TRY_LOCK = text("SELECT pg_try_advisory_lock(:k)")
_PROGRESS = text(
    "SELECT blocks_done, blocks_total FROM pg_stat_progress_create_index "
    "WHERE index_relid = to_regclass(:name)"
)
_OWN_INDEXES = text(
    "SELECT relname AS name FROM pg_class WHERE oid IN "
    "(SELECT to_regclass(n) FROM unnest(CAST(:names AS text[])) AS n) "
    "AND pg_has_role(relowner, 'USAGE') ORDER BY relname"
)
_WITHOUT_LIMIT = text(
    "SELECT relname AS name FROM pg_class WHERE oid IN "
    "(SELECT to_regclass(n) FROM unnest(CAST(:names AS text[])) AS n) "
    "AND pg_has_role(relowner, 'USAGE') "
    "AND coalesce(NOT CAST(:pending AS text) = ANY (reloptions), true) ORDER BY relname"
)
_IS_VALID = text("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)")


class TrigramsMissing(Exception):
    """The database cannot index trigrams; the text is a sentence with what to do."""


def create_extension(connection: Connection) -> None:
    """Install pg_trgm where it is not; raises ``TrigramsMissing`` where this user cannot."""
    if connection.scalar(text("SELECT count(*) FROM pg_extension WHERE extname = 'pg_trgm'")):
        return
    try:
        connection.execute(text("CREATE EXTENSION pg_trgm"))
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == "42501":
            raise TrigramsMissing(
                "Searches need the extension pg_trgm, which this user may not create: run "
                '"CREATE EXTENSION pg_trgm" in this database as a superuser, then migrate again.'
            ) from None
        raise TrigramsMissing(
            "Searches need the extension pg_trgm, which PostgreSQL could not create: install the "
            "contrib modules of this PostgreSQL, then migrate again."
        ) from error


def require_fts5(connection: Connection) -> None:
    """Raise ``TrigramsMissing`` where SQLite is built without FTS5 or has no trigrams."""
    options = {row[0] for row in connection.execute(text("PRAGMA compile_options"))}
    version = connection.scalar(text("SELECT sqlite_version()"))
    parts = tuple(int(part) for part in str(version).split(".")[:2])
    if "ENABLE_FTS5" not in options or parts < (3, 34):
        raise TrigramsMissing(
            f"Searches need SQLite 3.34 or newer with FTS5; Python has SQLite {version}."
        )


def forget_stale_texts(connection: Connection) -> None:
    """Remove what notices the changes of older servers."""
    connection.execute(text("DROP TRIGGER IF EXISTS forget_comment_search_text ON comments"))
    connection.execute(text("DROP FUNCTION IF EXISTS forget_comment_search_text()"))


async def limit_pending(engine: AsyncEngine) -> None:
    """Let the indexes of PostgreSQL gather what is new, up to ``PENDING_KILOBYTES``.

    Each in a transaction of its own: two locks at once could wait for a writer who waits for them.
    """
    async with engine.connect() as plain:
        connection = await plain.execution_options(isolation_level="AUTOCOMMIT")
        values = {"names": [*INDEXES], "pending": PENDING.replace(" ", "")}
        for row in (await connection.execute(_WITHOUT_LIMIT, values)).all():
            await connection.execute(text(f"ALTER INDEX {row.name} RESET (fastupdate)"))
            await connection.execute(text(f"ALTER INDEX {row.name} SET ({PENDING})"))


@asynccontextmanager
async def many_writes(engine: AsyncEngine) -> AsyncIterator[None]:
    """Let PostgreSQL gather more of what is new in the indexes, while many rows are written.

    Searches find everything meanwhile, more slowly. A user who does not own the indexes may not set
    this, and goes on without it.
    """
    async with engine.connect() as plain:
        connection = await plain.execution_options(isolation_level="AUTOCOMMIT")
        found = [row.name for row in await connection.execute(_OWN_INDEXES, {"names": [*INDEXES]})]
        for name in found:
            await connection.execute(text(f"ALTER INDEX {name} RESET (gin_pending_list_limit)"))
    try:
        yield
    finally:
        async with engine.connect() as plain:
            connection = await plain.execution_options(isolation_level="AUTOCOMMIT")
            for name in found:
                await connection.execute(text(f"ALTER INDEX {name} SET ({PENDING})"))
                await connection.execute(
                    text("SELECT gin_clean_pending_list(to_regclass(:name))"), {"name": name}
                )


async def build_indexes(engine: AsyncEngine, lock: int, report: Report = silent) -> None:
    """Make the indexes of a PostgreSQL database, and their texts, without stopping its writers.

    It begins again where it was interrupted. Processes that do this at once take turns, by the
    advisory lock ``lock``. They do not wait in a statement: the index would wait for that.
    """
    async with engine.connect() as plain:
        connection = await plain.execution_options(isolation_level="AUTOCOMMIT")
        # Another process releases it.
        while not await connection.scalar(_TRY_LOCK, {"k": lock}):  # noqa: ASYNC110
            await asyncio.sleep(WAIT_SECONDS)
        try:
            await _fill_comments(connection, report)
            await _build_indexes(engine, connection, report)
        finally:
            await connection.execute(text("SELECT pg_advisory_unlock(:k)"), {"k": lock})


async def _fill_comments(connection: AsyncConnection, report: Report) -> None:
    """Give comments the text that searches compare; each batch is a transaction of its own."""
    if not await connection.scalar(_HAS_COLUMN, {"table": "comments", "column": "text"}):
        return
    await connection.execute(
        text("ALTER TABLE comments ADD COLUMN IF NOT EXISTS search_text text DEFAULT '' NOT NULL")
    )
    for statement in STALE_TEXTS:
        await connection.execute(text(statement))
    await connection.run_sync(fill, table_of(Comment), ("search_text",), report)


async def _build_indexes(engine: AsyncEngine, connection: AsyncConnection, report: Report) -> None:
    for name, (table, column) in INDEXES.items():
        if not await connection.scalar(_HAS_COLUMN, {"table": table, "column": column}):
            continue
        valid = await connection.scalar(_IS_VALID, {"name": name})
        if valid:
            continue
        await connection.run_sync(create_extension)
        if valid is False:
            await connection.execute(text(f"DROP INDEX CONCURRENTLY {name}"))
        statement = (
            f"CREATE INDEX CONCURRENTLY {name} ON {table} "
            f"USING gin ({column} gin_trgm_ops) WITH (fastupdate = off)"
        )
        making = asyncio.create_task(_execute(connection, statement))
        try:
            await _watch(engine, making, name, report)
            await making
        finally:
            making.cancel()
            # The connection is free again after that.
            await asyncio.wait({making})


async def _execute(connection: AsyncConnection, statement: str) -> None:
    await connection.execute(text(statement))


async def _watch(
    engine: AsyncEngine, making: asyncio.Task[None], name: str, report: Report
) -> None:
    """Tell how many blocks of a table are indexed until a task is done."""
    while not (await asyncio.wait({making}, timeout=WATCH_SECONDS))[0]:
        async with engine.connect() as watcher:
            row = (await watcher.execute(_PROGRESS, {"name": name})).first()
        if row is not None:
            report(f"Blocks of {name}", row[0], row[1])
