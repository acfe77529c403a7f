"""Buckets in the database: several processes never get more than one bucket has."""

import asyncio
import sys
from collections.abc import AsyncIterator
from datetime import datetime

import pytest

from deskgraph.database.database import Database
from deskgraph.database.rate_buckets import SharedBuckets
from resolvers.errors import Throttled
from resolvers.rate_limits import RateLimiter
from tests.support import proofs
from tests.support.clock import NOON
from tests.support.processes.launcher import together

PROCESSES = 4 if proofs.LONG else 2
# A process that draws what it can get out of one bucket, and says how much that was.
DRAW = """
import asyncio, sys
from datetime import UTC, datetime
from resolvers.errors import Throttled
from resolvers.rate_limits import RateLimiter
from deskgraph.database.urls import parse_url
from deskgraph.database.rate_buckets import SharedBuckets

async def main():
    buckets = SharedBuckets(parse_url(sys.argv[1]))
    clock = lambda: datetime(2025, 11, 19, 12, tzinfo=UTC)
    rates = RateLimiter(buckets, per_minute=500, maximum=1, clock=clock)
    await buckets.open()
    print("ready", flush=True)
    sys.stdin.readline()
    got = 0
    try:
        while True:
            level = await rates.draw("user:one", 7)
            got += 5
            rates.give_back("user:one", 2, level)
    except Throttled:
        # What was given back goes with the next draw.
        await rates.draw("user:one", 0)
        print(got)
    await buckets.close()

asyncio.run(main())
"""


@pytest.fixture
async def buckets(database: Database) -> AsyncIterator[SharedBuckets]:
    opened = SharedBuckets(database.url)
    await opened.open()
    yield opened
    await opened.close()


def rates_of(buckets: SharedBuckets, clock: datetime = NOON) -> RateLimiter:
    return RateLimiter(buckets, per_minute=500, maximum=1, clock=lambda: clock)


async def rows(database: Database) -> int:
    return int((await database.fetch_row("SELECT count(*) FROM rate_buckets", ()))[0])


@proofs.on("sqlite")
@pytest.mark.anyio
async def test_processes_that_draw_at_once_get_what_one_bucket_has(
    buckets: SharedBuckets, database_url: str
) -> None:
    # One that decided by itself would say so on its standard error.
    answers = await asyncio.to_thread(
        together, [[sys.executable, "-c", DRAW, database_url]] * PROCESSES
    )

    left = (await rates_of(buckets).draw("user:one", 0)).available
    assert sum(map(int, answers)) + left == 500
    # A draw takes 7. The last process did not know of 2 that each of the others gave back.
    assert 0 <= left < 7 + 2 * (PROCESSES - 1)


@pytest.mark.anyio
async def test_a_draw_is_one_statement_and_knows_the_draws_of_others(
    buckets: SharedBuckets, database: Database
) -> None:
    other = SharedBuckets(database.url)
    await other.open()
    level = await rates_of(buckets).draw("user:a", 300)
    assert level.available == 200
    rates_of(buckets).give_back("user:a", 100, level)
    assert level.available == 300
    # What was given back goes with the next draw of the process that has it.
    with pytest.raises(Throttled) as refused:
        await rates_of(other).draw("user:a", 210)
    assert refused.value.level is not None
    assert (refused.value.level.available, refused.value.seconds) == (200, 2)
    assert (await rates_of(buckets).draw("user:a", 290)).available == 10
    with pytest.raises(Throttled) as refused:
        await rates_of(buckets).draw("user:a", 20)
    assert refused.value.level is not None
    assert refused.value.level.available == 10
    assert (await rates_of(other).draw("user:a", 10)).available == 0
    later = NOON.replace(minute=1)
    assert (await rates_of(other, later).draw("user:a", 0)).available == 500
    await other.close()


@pytest.mark.anyio
async def test_full_buckets_are_removed(buckets: SharedBuckets, database: Database) -> None:
    for i in range(5):
        await rates_of(buckets).draw(f"user:{i}", 100)
    assert await rows(database) == 5
    await rates_of(buckets, NOON.replace(hour=13)).draw("user:other", 100)
    assert await rows(database) == 1


@pytest.mark.anyio
async def test_logins_are_counted_for_all_processes(
    buckets: SharedBuckets, database: Database
) -> None:
    other = SharedBuckets(database.url)
    await other.open()
    for one in (buckets, other) * 5:
        await rates_of(one).count_login("1.1.1.1", "keith")
    for one in (buckets, other):
        with pytest.raises(Throttled):
            await rates_of(one).count_login("1.1.1.1", "keith")
    await other.close()


@pytest.mark.anyio
async def test_a_process_counts_by_itself_where_the_database_does_not_answer(
    buckets: SharedBuckets, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    async with database.engine.begin() as connection:
        await connection.exec_driver_sql("DROP TABLE rate_buckets")
    try:
        assert (await rates_of(buckets).draw("user:a", 400)).available == 100
        with pytest.raises(Throttled):
            await rates_of(buckets).draw("user:a", 400)
    finally:
        async with database.engine.begin() as connection:
            await connection.exec_driver_sql(
                "CREATE TABLE rate_buckets (key varchar(100) PRIMARY KEY, full_at bigint NOT NULL)"
            )
            await connection.exec_driver_sql(
                "CREATE INDEX ix_rate_buckets_full_at ON rate_buckets (full_at)"
            )
    await rates_of(buckets).draw("user:b", 400)
    lost, back = (record for record in caplog.records if record.name == "deskgraph.rates")
    assert lost.getMessage().endswith("this process counts by itself")
    assert back.getMessage() == "database is back, shared rates work"
    assert lost.exc_info is None


@pytest.mark.anyio
async def test_draws_at_once_in_one_process(buckets: SharedBuckets) -> None:
    rates = rates_of(buckets)
    levels = await asyncio.gather(*(rates.draw("user:a", 10) for _ in range(50)))
    assert sorted(level.available for level in levels) == list(range(0, 500, 10))
