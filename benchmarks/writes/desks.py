"""The databases of the baseline: each runs a transaction, and reads back what was written."""

import asyncio
import sqlite3
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import asyncpg

from benchmarks.writes import sql
from deskgraph.database.pragmas import SQLITE_PRAGMAS
from deskgraph.database.writers import WRITE_CONNECTIONS
from models.types import time_text

CONNECTIONS = 8
assert CONNECTIONS >= WRITE_CONNECTIONS

# Yields statements with their values, is sent their first rows, and returns the row's id.
Work = Generator[tuple[str, tuple[object, ...]], Any, UUID]


@dataclass(frozen=True)
class Reads:
    """The statements that read back what was written."""

    rest_ticket: str
    rest_comment: str
    created: str
    comment: str
    changed: str


class Desk(Protocol):
    """One kind of database."""

    reads: Reads
    lock: str
    event: str

    def time(self, value: datetime) -> object: ...  # noqa: D102
    def key(self, value: UUID) -> object: ...  # noqa: D102
    async def open(self) -> None: ...  # noqa: D102
    async def write(self, work: Work, read: str) -> str: ...  # noqa: D102
    async def close(self) -> None: ...  # noqa: D102


class Postgres:
    """An asyncpg pool, which keeps the statements prepared."""

    reads = Reads(
        sql.REST_TICKET_PG,
        sql.REST_COMMENT_PG,
        sql.GRAPHQL_CREATED_PG,
        sql.GRAPHQL_COMMENT_PG,
        sql.GRAPHQL_CHANGED_PG,
    )
    lock = f"{sql.LOCK} FOR UPDATE"
    event = sql.INSERT_EVENT_PG

    def __init__(self, url: str) -> None:
        self._url = url
        self._pool: Any = None

    def time(self, value: datetime) -> object:
        """Return a time as it is stored."""
        return value

    def key(self, value: UUID) -> object:
        """Return an id as it is stored."""
        return value

    async def open(self) -> None:
        """Connect."""
        settings = {"timezone": "UTC", "jit": "off", "random_page_cost": "1.1"}
        self._pool = await asyncpg.create_pool(
            self._url, min_size=CONNECTIONS, max_size=CONNECTIONS,
            server_settings=settings, reset=_keep,
        )  # fmt: skip

    async def write(self, work: Work, read: str) -> str:
        """Run a transaction, and then read."""
        async with self._pool.acquire() as connection:
            async with connection.transaction():
                row = None
                try:
                    while True:
                        statement, values = work.send(row)
                        row = await connection.fetchrow(statement, *values)
                except StopIteration as done:
                    key = done.value
            return str(await connection.fetchval(read, key))

    async def close(self) -> None:
        """Disconnect."""
        await self._pool.close()


async def _keep(_connection: Any) -> None:
    """Leave a connection as it is."""


class Sqlite:
    """One connection of the standard library's module, in one thread."""

    reads = Reads(
        sql.REST_TICKET_SQLITE,
        sql.REST_COMMENT_SQLITE,
        sql.GRAPHQL_CREATED_SQLITE,
        sql.GRAPHQL_COMMENT_SQLITE,
        sql.GRAPHQL_CHANGED_SQLITE,
    )
    lock = sql.LOCK
    event = sql.INSERT_EVENT

    def __init__(self, url: str) -> None:
        self._path = url.removeprefix("sqlite:///")
        self._thread = ThreadPoolExecutor(1)
        self._connection: sqlite3.Connection

    def time(self, value: datetime) -> object:
        """Return a time as it is stored."""
        return time_text(value)

    def key(self, value: UUID) -> object:
        """Return an id as it is stored."""
        return str(value)

    async def open(self) -> None:
        """Open the file as our server does."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self._open)

    def _open(self) -> None:
        self._connection = sqlite3.connect(self._path, isolation_level=None)
        for pragma in SQLITE_PRAGMAS:
            self._connection.execute(pragma)

    async def write(self, work: Work, read: str) -> str:
        """Run a transaction, and then read."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._write, work, read)

    def _write(self, work: Work, read: str) -> str:
        run = self._connection.execute
        run("BEGIN IMMEDIATE")
        row = None
        try:
            while True:
                statement, values = work.send(row)
                row = run(statement, values).fetchone()
                if row is not None:
                    row = dict(zip(_names(statement), row, strict=True))
        except StopIteration as done:
            key = done.value
        except BaseException:
            run("ROLLBACK")
            raise
        run("COMMIT")
        return str(run(read, (str(key),)).fetchone()[0])

    async def close(self) -> None:
        """Close the file."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._connection.close)
        self._thread.shutdown()


def _names(statement: str) -> list[str]:
    if statement.startswith("SELECT "):
        return statement.removeprefix("SELECT ").partition(" FROM ")[0].split(", ")
    return [statement.rpartition(" RETURNING ")[2]]
