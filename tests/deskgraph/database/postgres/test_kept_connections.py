"""Connections of a pool go from one read to the next, and back to the pool when nobody reads."""

import asyncio
from collections.abc import AsyncIterator, Callable
from time import monotonic

import asyncpg
import pytest

from deskgraph.database.postgres.kept_connections import KeptConnections, PooledConnection

pytestmark = pytest.mark.anyio


@pytest.fixture
async def pool(postgres_url: str) -> AsyncIterator[asyncpg.Pool]:
    """Give a pool of two connections, of which none is made yet."""
    made = await asyncpg.create_pool(postgres_url, min_size=0, max_size=2)
    yield made
    # Closing would wait for what a test that failed has taken.
    made.terminate()


@pytest.fixture
def kept(pool: asyncpg.Pool) -> KeptConnections:
    """Give the connections of the pool."""
    return KeptConnections(pool)


async def backend(connection: PooledConnection) -> int:
    """Return which process of PostgreSQL a connection leads to."""
    return int(await connection.fetchval("SELECT pg_backend_pid()"))


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)


async def test_a_connection_goes_from_one_read_to_the_next(
    pool: asyncpg.Pool, kept: KeptConnections
) -> None:
    first = await kept.take(monotonic())
    process = await backend(first)
    kept.keep(first)
    for _ in range(3):
        again = await kept.take(monotonic())
        assert again is first
        assert await backend(again) == process
        kept.keep(again)
    assert (pool.get_size(), pool.get_idle_size()) == (1, 0)
    await kept.close()


async def test_those_who_come_while_all_are_taken_wait_in_turn(kept: KeptConnections) -> None:
    one, other = await kept.take(monotonic()), await kept.take(monotonic())
    waiting = [asyncio.create_task(kept.take(monotonic())) for _ in range(3)]
    await asyncio.sleep(0)
    # One that gives up takes no place from those behind it.
    waiting.pop(0).cancel()
    kept.keep(one)
    assert await waiting[0] is one
    assert not waiting[1].done()
    kept.keep(other)
    assert await waiting[1] is other
    kept.keep(one)
    kept.keep(other)
    await kept.close()


async def test_one_that_was_closed_is_replaced(pool: asyncpg.Pool, kept: KeptConnections) -> None:
    ended = await kept.take(monotonic())
    process = await backend(ended)
    kept.keep(ended)
    async with pool.acquire() as other:
        await other.execute("SELECT pg_terminate_backend($1)", process)
    # That other one is left.
    await until(lambda: pool.get_size() == 1)
    for _ in range(2):
        connection = await kept.take(monotonic())
        assert await backend(connection) != process
        await connection.close()
        kept.keep(connection)
    await kept.close()
    assert pool.get_size() == 0


async def test_an_idle_one_goes_back_to_the_pool(pool: asyncpg.Pool) -> None:
    kept = KeptConnections(pool, kept_seconds=0)
    for _ in range(2):
        kept.keep(await kept.take(monotonic()))
        await until(lambda: pool.get_idle_size() == 1)
    await kept.close()


async def test_what_was_released_in_a_transaction_has_none_left(
    pool: asyncpg.Pool, kept: KeptConnections
) -> None:
    connection = await kept.take(monotonic())
    await connection.execute("BEGIN; SET application_name = 'left'")
    await kept.release(connection)
    again = await kept.take(monotonic())
    assert not again.is_in_transaction()
    assert await again.fetchval("SHOW application_name") != "left"
    kept.keep(again)
    await kept.close()


async def test_a_server_that_is_gone_takes_no_place(postgres_url: str) -> None:
    async with asyncpg.create_pool(postgres_url, min_size=0, max_size=1) as pool:
        kept = KeptConnections(pool)
        pool.set_connect_args("postgresql://nobody@127.0.0.1:1/none")
        for _ in range(3):
            with pytest.raises(OSError, match="Connect call failed"):
                await kept.take(monotonic())
        pool.set_connect_args(postgres_url)
        kept.keep(await kept.take(monotonic()))
        await kept.close()


async def test_closing_waits_for_those_that_are_taken(
    pool: asyncpg.Pool, kept: KeptConnections
) -> None:
    taken, idle = await kept.take(monotonic()), await kept.take(monotonic())
    kept.keep(idle)
    closing = asyncio.create_task(kept.close())
    await asyncio.sleep(0.01)
    assert not closing.done()
    assert await backend(taken)
    kept.keep(taken)
    await closing
    assert pool.get_size() == 0
