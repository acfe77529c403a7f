"""The old database: opened to read only, one snapshot for a whole import."""

import sqlite3
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import asyncpg

from deskgraph.database.postgres.connections import CommandConnection
from deskgraph.database.sqlite.thread import SqliteThread, sqlite_thread
from deskgraph.database.urls import dsn_of, parse_url

# A row by the names of its columns, whose values are what the old database has; ``dict`` takes it.
Record = Mapping[str, Any]
CONNECT_SECONDS = 30
MOST_ROWS = 2**63 - 1


class SourceError(Exception):
    """The old database cannot be read: the text is a sentence, or the cause says why."""


class Source(Protocol):
    """One snapshot of the old database. Every method raises ``SourceError``."""

    async def columns(self, table: str) -> frozenset[str]:
        """Return the names of a table's columns; none where there is no such table."""

    async def count(self, table: str) -> int:
        """Count a table's rows."""

    async def row(self, sql: str) -> Record:
        """Return the only row of a statement."""

    def batches(
        self, table: str, columns: Sequence[str], order: Sequence[str], size: int, *, skip: int = 0
    ) -> AsyncGenerator[Sequence[Record]]:
        """Yield all rows of a table but the first ``skip`` ones, so many at a time."""


@asynccontextmanager
async def open_source(url: str) -> AsyncIterator[Source]:
    """Open the old database of a URL: ``postgresql://…`` or ``sqlite:///path``.

    Raises ``DatabaseUrlError`` and ``SourceError``.
    """
    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite":
        async with _open_sqlite(Path(str(parsed.database))) as found:
            yield found
        return
    with _trouble():
        connection = await asyncpg.connect(
            dsn_of(parsed),
            timeout=CONNECT_SECONDS,
            connection_class=CommandConnection,
            server_settings={
                "default_transaction_read_only": "on",
                "timezone": "UTC",
                "application_name": "deskgraph-import",
            },
        )
    try:
        with _trouble():
            await connection.transaction(isolation="repeatable_read", readonly=True).start()
        yield _Postgres(connection)
    finally:
        # Which ends the transaction, also where the server has gone away.
        await connection.close()


@contextmanager
def _trouble() -> Iterator[None]:
    """Turn what the drivers raise into ``SourceError``, which names the old database."""
    try:
        yield
    except (
        OSError,
        sqlite3.Error,
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
        # The connection was lost while an answer was read.
        asyncpg.InternalClientError,
        # What the driver raises for a time that Python cannot have.
        OverflowError,
    ) as error:
        raise SourceError from error


def _select(table: str, columns: Sequence[str], order: Sequence[str], skip: int) -> str:
    """Write a select; the names are ours, none comes from outside."""
    found = f"SELECT {', '.join(columns)} FROM {table} ORDER BY {', '.join(order)}"  # noqa: S608
    # SQLite takes no OFFSET without a LIMIT.
    return f"{found} LIMIT {MOST_ROWS} OFFSET {skip}" if skip else found


class _Postgres:
    def __init__(self, connection: "asyncpg.Connection") -> None:
        self._connection = connection

    async def columns(self, table: str) -> frozenset[str]:
        with _trouble():
            found = await self._connection.fetch(
                "SELECT attname FROM pg_attribute"
                " WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped",
                table,
            )
        return frozenset(row[0] for row in found)

    async def row(self, sql: str) -> Record:
        with _trouble():
            found: Any = await self._connection.fetchrow(sql)
            return dict(found)

    async def count(self, table: str) -> int:
        with _trouble():
            return int(await self._connection.fetchval(f"SELECT count(*) FROM {table}"))  # noqa: S608

    async def batches(
        self, table: str, columns: Sequence[str], order: Sequence[str], size: int, *, skip: int = 0
    ) -> AsyncGenerator[Sequence[Record]]:
        with _trouble():
            cursor = await self._connection.cursor(_select(table, columns, order, skip))
        while True:
            with _trouble():
                # Its records read like mappings, but are not declared as such.
                rows: list[Any] = await cursor.fetch(size)
            if not rows:
                return
            yield rows


@asynccontextmanager
async def _open_sqlite(path: Path) -> AsyncIterator[Source]:
    async with AsyncExitStack() as stack:
        with _trouble():
            thread = await stack.enter_async_context(sqlite_thread(lambda: _connect(path)))
        yield _Sqlite(thread)


def _connect(path: Path) -> sqlite3.Connection:
    """Open a file for reading; a write would be refused by SQLite itself."""
    if not path.is_file():
        raise SourceError(f"There is no file {path}.")
    connection = sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?mode=ro", uri=True, isolation_level=None
    )
    connection.row_factory = sqlite3.Row
    connection.execute("BEGIN")
    return connection


def _any_text(raw: bytes) -> str:
    """Take a text that is not UTF-8, too: it is a row to reject, not the end of an import."""
    return raw.decode("utf-8", "surrogateescape")


class _Sqlite:
    def __init__(self, thread: SqliteThread) -> None:
        self._thread = thread

    async def _rows(self, sql: str, *values: object) -> list[sqlite3.Row]:
        with _trouble():
            return await self._thread.run(lambda opened: opened.execute(sql, values).fetchall())

    async def columns(self, table: str) -> frozenset[str]:
        found = await self._rows("SELECT name FROM pragma_table_info(?)", table)
        return frozenset(row["name"] for row in found)

    async def row(self, sql: str) -> Record:
        return dict((await self._rows(sql))[0])

    async def count(self, table: str) -> int:
        return int((await self._rows(f"SELECT count(*) FROM {table}"))[0][0])  # noqa: S608

    async def batches(
        self, table: str, columns: Sequence[str], order: Sequence[str], size: int, *, skip: int = 0
    ) -> AsyncGenerator[Sequence[Record]]:
        text: Callable[[bytes], str] = str
        cursor: sqlite3.Cursor | None = None

        def fetch(opened: sqlite3.Connection) -> list[Record]:
            nonlocal cursor
            opened.text_factory = text
            cursor = cursor or opened.execute(_select(table, columns, order, skip))
            return cursor.fetchmany(size)

        while True:
            with _trouble():
                try:
                    rows = await self._thread.run(fetch)
                except sqlite3.OperationalError:
                    # A text is not UTF-8, unless this fails again. It is slower: a call for each
                    # text takes as long as all else about reading.
                    text, cursor = _any_text, None
                    rows = await self._thread.run(fetch)
            if not rows:
                return
            yield rows
            skip += len(rows)
