"""How long connections are waited for: each wait is reported once, when it is over."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from sqlalchemy import text

from deskgraph.database.database import Database
from deskgraph.database.postgres.reader import READ_CONNECTIONS
from deskgraph.database.readers import SQLITE_READERS
from deskgraph.database.writers import WRITE_CONNECTIONS
from tests.deskgraph.observability.instruments import Recorded

pytestmark = pytest.mark.anyio


@pytest.fixture
def recorded() -> Recorded:
    return Recorded()


@pytest.fixture
async def database(
    anyio_backend: str, database_url: str, recorded: Recorded
) -> AsyncIterator[Database]:
    opened = Database(database_url, instruments=recorded)
    await opened.open()
    yield opened
    await opened.close()


async def settle() -> None:
    """Let every task go as far as it can."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_each_read_has_one_wait(database: Database, recorded: Recorded) -> None:
    for _ in range(3):
        await database.fetch_row("SELECT 1", ())
    assert recorded.pools == ["read"] * 3
    assert all(seconds >= 0 for _, seconds in recorded.waits)


@pytest.mark.parametrize("session", [True, False])
async def test_each_write_has_one_wait(
    database: Database, recorded: Recorded, session: bool
) -> None:
    if session:
        async with database.transaction() as opened:
            await (await opened.connection()).execute(text("DELETE FROM companies"))
    else:
        async with database.write():
            pass
    assert recorded.pools == (["write", "turn"] if database.is_sqlite else ["write"])


async def test_pools_log_nothing_of_their_connections(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "deskgraph"):
        database = Database(database_url)
        await database.open()
        async with database.write():
            pass
        await database.close()
    assert caplog.records == []


async def test_a_write_that_waits_for_others_reports_it_when_its_turn_comes(
    database: Database, recorded: Recorded
) -> None:
    most = 1 if database.is_sqlite else WRITE_CONNECTIONS
    last = "turn" if database.is_sqlite else "write"
    began = asyncio.Event()

    async def write() -> None:
        async with database.write():
            began.set()

    async with AsyncExitStack() as held:
        for _ in range(most):
            await held.enter_async_context(database.write())
        waiting = asyncio.create_task(write())
        await settle()
        assert recorded.pools.count(last) == most
        assert not began.is_set()
    await waiting
    assert recorded.pools.count(last) == most + 1


async def test_a_read_that_waits_for_others_reports_it_when_it_begins(
    postgres_url: str, recorded: Recorded
) -> None:
    database = Database(postgres_url, instruments=recorded)
    await database.open()
    async with database.transaction() as session:
        await (await session.connection()).execute(text("LOCK TABLE tickets"))
        reads = [
            asyncio.create_task(database.fetch_row("SELECT count(*) FROM tickets", ()))
            for _ in range(READ_CONNECTIONS + 1)
        ]
        async with asyncio.timeout(60):
            while recorded.pools.count("read") < READ_CONNECTIONS:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await settle()
        assert recorded.pools.count("read") == READ_CONNECTIONS
    await asyncio.gather(*reads)
    assert recorded.pools.count("read") == READ_CONNECTIONS + 1
    await database.close()


async def test_a_read_that_is_cancelled_while_it_waits_reports_it(
    sqlite_url: str, recorded: Recorded
) -> None:
    go_on = threading.Event()
    database = Database(
        sqlite_url, functions={"hold": lambda _: go_on.wait(60)}, instruments=recorded
    )
    await database.open()
    # Slow ones: each takes a thread, and the last one none.
    held = [
        asyncio.create_task(database.fetch_row("SELECT hold(?)", (n,)))
        for n in range(SQLITE_READERS)
    ]
    waiting = asyncio.create_task(database.fetch_row("SELECT 1", ()))
    await settle()
    assert recorded.waits == []
    waiting.cancel()
    await asyncio.wait([waiting])
    assert recorded.pools == ["read"]
    go_on.set()
    await asyncio.gather(*held)
    assert recorded.pools == ["read"] * (SQLITE_READERS + 1)
    await database.close()
