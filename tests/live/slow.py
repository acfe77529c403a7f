"""Tables that take for ever, on both databases, and what tests ask of them."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import httpx
from sqlalchemy import func
from sqlmodel import select

from deskgraph.database.database import Database
from deskgraph.database.readers import SqliteReader
from deskgraph.database.urls import dsn_of
from tests.live.conftest import Live
from tests.support.processes.launcher import DEADLINE_SECONDS
from tests.support.rows import key

COMMENTS = "{ tickets { nodes { comments { nodes { text } } } } }"
SAY = """mutation($ticket: ID!) {
  renamed: updateTicket(input: {id: $ticket, subject: "Renamed"}) { errors { message } }
  addComment(input: {ticketId: $ticket, text: "never said"}) { errors { message } }
}"""
# Not quite: a test that fails to stop it ends after minutes.
FOREVER = """WITH RECURSIVE counted(n) AS (
  SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < 300000000
)
SELECT count(*) AS n FROM counted"""


async def until(condition: Any) -> None:
    """Wait for something that comes soon."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not await condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


class SlowSqlite:
    """A table that takes for ever to read and to write; ``path`` is the test's own file."""

    def __init__(self, live: Live, table: str, *, write: bool) -> None:
        self._live = live
        self._table = table
        self._write = write
        self._path = str(live.world.services.database.url.database)  # type: ignore[attr-defined]

    def _run(self, sql: str) -> None:
        with contextlib.closing(sqlite3.connect(self._path, timeout=20)) as connection:
            connection.executescript(sql)

    async def begin(self) -> None:
        table, before = self._table, f"{self._table}_before"
        plant = (
            f"CREATE TRIGGER slow AFTER INSERT ON {table} BEGIN SELECT n FROM forever; END;"
            if self._write
            else f"ALTER TABLE {table} RENAME TO {before};"
            f"CREATE VIEW {table} AS SELECT {before}.* FROM {before}, forever;"
        )
        await asyncio.to_thread(self._run, f"CREATE VIEW forever AS {FOREVER}; {plant}")
        self._live.statements.clear()

    def forget(self) -> None:
        """Take no statement of before for that of the next request.

        That one would be given up too early: while it waits, it may join a transaction of another
        one, and a statement that writes is not interrupted there.
        """
        self._live.statements.clear()

    async def end(self) -> None:
        drop = "DROP TRIGGER slow;" if self._write else ""
        await asyncio.to_thread(self._run, drop)

    async def runs(self) -> bool:
        database = self._live.world.services.database
        assert isinstance(database, Database)
        assert isinstance(database.reader, SqliteReader)
        pool: Any = database.engine.pool
        busy = pool.checkedout() if self._write else database.reader.waiting
        wanted = "INSERT INTO " * self._write + self._table
        return busy > 0 and any(wanted in sql for sql in self._live.statements)


class SlowPostgres:
    """A table that somebody else has locked."""

    def __init__(self, live: Live, table: str, *, write: bool) -> None:
        database = live.world.services.database
        assert isinstance(database, Database)
        self._dsn = dsn_of(database.url)
        self._table = table
        self._mode = "SHARE" if write else "ACCESS EXCLUSIVE"

    async def begin(self) -> None:
        self._connection = await asyncpg.connect(self._dsn)
        await self._connection.execute(f"BEGIN; LOCK TABLE {self._table} IN {self._mode} MODE")

    def forget(self) -> None:
        """Nothing: what waits now is asked."""

    async def end(self) -> None:
        await self._connection.close()

    async def runs(self) -> bool:
        # A transaction would go on seeing what it saw at first.
        await self._connection.execute("SELECT pg_stat_clear_snapshot()")
        waiting = await self._connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            # A vacuum that the table is due for waits for the lock, too.
            "AND backend_type = 'client backend' "
            "AND state = 'active' AND wait_event_type = 'Lock'"
        )
        return bool(waiting > 0)


@asynccontextmanager
async def slow(
    live: Live, table: str, *, write: bool = False
) -> AsyncIterator[SlowSqlite | SlowPostgres]:
    """Make a table slow."""
    sqlite = live.world.services.database.dialect.name == "sqlite"
    planted = (SlowSqlite if sqlite else SlowPostgres)(live, table, write=write)
    await planted.begin()
    try:
        yield planted
    finally:
        await planted.end()


async def is_not(condition: Coroutine[Any, Any, bool]) -> bool:
    return not await condition


async def usable(live: Live) -> None:
    """Everything answers that is not slow itself, and more often than there are connections."""
    answers = await asyncio.gather(
        *(live.rest("GET", f"companies/{key('hilton')}/") for _ in range(20))
    )
    assert {answer.status_code for answer in answers} == {200}


async def stored(live: Live, *of: Any) -> list[int]:
    """Count rows."""
    async with live.world.services.database.transaction() as session:
        counts = [await session.exec(select(func.count()).select_from(one)) for one in of]
        return [count.one() for count in counts]


def graphql(
    live: Live, query: str, headers: Mapping[str, str] | None = None, **variables: object
) -> Coroutine[Any, Any, httpx.Response]:
    headers = {"Authorization": live.token("keith"), **(headers or {})}
    body = {"query": query, "variables": variables}
    return live.client.post("/graphql", json=body, headers=headers)
