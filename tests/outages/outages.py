"""Ways to take a database away from a running desk, and to give it back."""

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing

from tests.live.conftest import Live
from tests.support.processes.clusters import Cluster

Outage = Callable[[Live, Cluster], AbstractAsyncContextManager[None]]
OTHERS = "FROM pg_stat_activity WHERE datname = 'desk' AND pid <> pg_backend_pid()"
TERMINATE = f"SELECT count(pg_terminate_backend(pid, 10000)) {OTHERS}"


@asynccontextmanager
async def stopped(_live: Live, cluster: Cluster) -> AsyncIterator[None]:
    cluster.stop()
    yield
    cluster.start()


@asynccontextmanager
async def killed(_live: Live, cluster: Cluster) -> AsyncIterator[None]:
    cluster.kill()
    yield
    cluster.start()


@asynccontextmanager
async def refusing(_live: Live, cluster: Cluster) -> AsyncIterator[None]:
    """Take no connections to the database, as while it is restored."""
    await cluster.run("ALTER DATABASE desk ALLOW_CONNECTIONS false", TERMINATE)
    yield
    await cluster.run("ALTER DATABASE desk ALLOW_CONNECTIONS true", "SELECT 1")


@asynccontextmanager
async def read_only(_live: Live, cluster: Cluster) -> AsyncIterator[None]:
    setting = "default_transaction_read_only"
    await cluster.run(f"ALTER DATABASE desk SET {setting} = on", TERMINATE)
    yield
    await cluster.run(f"ALTER DATABASE desk RESET {setting}", TERMINATE)


@asynccontextmanager
async def full_file(live: Live, _cluster: object) -> AsyncIterator[None]:
    """Let the file not grow; all that is free in it is taken first."""
    pages = await _pragma(live, "page_count")
    await _pragma(live, f"max_page_count={pages}")
    assert await _pragma(live, "freelist_count") == 0
    yield
    await _pragma(live, "max_page_count=1000000")


@asynccontextmanager
async def read_only_file(live: Live, _cluster: object) -> AsyncIterator[None]:
    await _pragma(live, "query_only=ON")
    yield
    await _pragma(live, "query_only=OFF")


@asynccontextmanager
async def locked_file(live: Live, _cluster: object) -> AsyncIterator[None]:
    """Let another program write for longer than writers wait."""
    path = str(live.world.database.url.database)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


async def _pragma(live: Live, pragma: str) -> object:
    """Run a pragma on the connection that all writers share."""
    pooled = await live.world.database.engine.raw_connection()
    driver = pooled.driver_connection
    assert driver is not None
    run: Callable[..., Awaitable[object]] = driver.run
    try:
        return await run(lambda connection: _first(connection.execute(f"PRAGMA {pragma}")))
    finally:
        pooled.close()


def _first(cursor: sqlite3.Cursor) -> object:
    with closing(cursor):
        return (cursor.fetchone() or [None])[0]
