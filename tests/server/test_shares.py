"""No user holds more than half of the connections that PostgreSQL is read by."""

import asyncio

import pytest

from server.database import Database
from server.readers import READ_CONNECTIONS

pytestmark = pytest.mark.anyio
HELD = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
    "AND state = 'active' AND query LIKE 'SELECT pg_advisory_lock%'"
)


@pytest.fixture
def backend() -> str:
    """Take PostgreSQL; the lanes of SQLite have tests of their own."""
    return "postgres"


async def test_others_read_while_one_user_waits_for_slow_reads(database: Database) -> None:
    async with database.engine.connect() as holder:
        await holder.exec_driver_sql("SELECT pg_advisory_lock(7)")
        slow = [
            asyncio.create_task(database.fetch_row("SELECT pg_advisory_lock(7)", [], "greedy"))
            for _ in range(READ_CONNECTIONS + 2)
        ]
        async with asyncio.timeout(30):
            while (await database.fetch_row(HELD, [], "other"))[0] < READ_CONNECTIONS // 2:
                pass
            for user in ("other", None) * 5:
                assert (await database.fetch_row(HELD, [], user))[0] == READ_CONNECTIONS // 2
        for one in slow:
            one.cancel()
        await asyncio.wait(slow)
    # What they held is free again.
    assert tuple(await database.fetch_row("SELECT 1", [], "greedy")) == (1,)
