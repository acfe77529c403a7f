"""No user holds all of the connections that PostgreSQL is read by."""

import asyncio
import gc

import pytest

from deskgraph.database.database import Database
from deskgraph.database.postgres.reader import READ_CONNECTIONS, USER_CONNECTIONS
from deskgraph.database.postgres.shares import Shares

pytestmark = pytest.mark.anyio
HELD = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
    "AND state = 'active' AND query LIKE 'SELECT pg_advisory_lock%'"
)


@pytest.fixture
def backend() -> str:
    """Take PostgreSQL; the lanes of SQLite have tests of their own."""
    return "postgres"


async def test_the_server_itself_holds_as_much_as_it_needs() -> None:
    shares = Shares(1)
    async with asyncio.timeout(60), shares.of("a"), shares.of(None), shares.of(None):
        pass


async def test_nothing_is_kept_of_users_who_hold_nothing() -> None:
    def semaphores() -> int:
        gc.collect()
        return sum(isinstance(found, asyncio.Semaphore) for found in gc.get_objects())

    shares, before = Shares(1), semaphores()
    for n in range(10):
        async with shares.of(f"user {n}"):
            pass
    async with shares.of("another user"):
        assert semaphores() == before + 1
    assert semaphores() == before


async def test_others_read_while_one_user_waits_for_slow_reads(database: Database) -> None:
    async with database.engine.connect() as holder:
        await holder.exec_driver_sql("SELECT pg_advisory_lock(7)")
        slow = [
            asyncio.create_task(database.fetch_row("SELECT pg_advisory_lock(7)", [], "greedy"))
            for _ in range(READ_CONNECTIONS + 2)
        ]
        try:
            async with asyncio.timeout(60):
                while (await database.fetch_row(HELD, [], "other"))[0] < USER_CONNECTIONS:
                    pass
                for user in ("other", None) * 5:
                    assert (await database.fetch_row(HELD, [], user))[0] == USER_CONNECTIONS
        finally:
            for one in slow:
                one.cancel()
            await asyncio.wait(slow)
    # What they held is free again.
    assert tuple(await database.fetch_row("SELECT 1", [], "greedy")) == (1,)
