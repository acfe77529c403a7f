"""Buckets that several processes share through the database (``models.RateBucket``).

A draw is one statement that changes the row or leaves it, so no two of them get the same points.
What is given back goes with the next draw of this process from the same bucket.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from time import monotonic

import aiosqlite
import asyncpg
from sqlalchemy.engine import URL

from deskgraph.availability import Availability
from deskgraph.database.database import Database
from deskgraph.database.postgres.connections import FAILURES, Connector, PostgresConnection
from deskgraph.database.postgres.kept_connections import KeptConnections, PooledConnection
from deskgraph.database.pragmas import SQLITE_PRAGMAS
from deskgraph.database.urls import dsn_of
from deskgraph.settings import Settings
from resolvers.rate_levels import MINUTE_NANOSECONDS
from resolvers.rate_limits import MAX_BUCKETS, MemoryBuckets, RateLimiter

CONNECTIONS = 2
# After how many seconds without an answer this process decides by itself.
TIMEOUT_SECONDS = 1.0
_NOW, _TIME, _RETURNED, _MAX_COUNT = (f"CAST(${n} AS BIGINT)" for n in (2, 3, 4, 5))
_DRAW = f"""
INSERT INTO rate_buckets AS b (key, full_at) VALUES ($1, {_NOW} + {_TIME})
ON CONFLICT (key) DO UPDATE SET full_at = GREATEST(b.full_at - {_RETURNED}, {_NOW}) + {_TIME}
WHERE GREATEST(b.full_at - {_RETURNED}, {_NOW}) + {_TIME} <= {_NOW} + {_MAX_COUNT}
RETURNING full_at
"""  # noqa: S608 - of constants
_LOOK = "SELECT full_at FROM rate_buckets WHERE key = $1"
_PRUNE = "DELETE FROM rate_buckets WHERE full_at < $1"
_TROUBLE = (*FAILURES, sqlite3.Error)

logger = logging.getLogger("deskgraph.rates")


class _Postgres:
    def __init__(self, url: URL, *, pooled: bool) -> None:
        self._dsn = dsn_of(url)
        self._pooled = pooled
        self._connections: KeptConnections | None = None

    async def open(self) -> None:
        pool = await asyncpg.create_pool(
            self._dsn,
            connect=partial(Connector(), pooled=self._pooled),
            connection_class=PostgresConnection,
            min_size=0,
            max_size=CONNECTIONS,
            statement_cache_size=0 if self._pooled else 100,
            # PgBouncer takes no other parameters; a transaction sets them.
            server_settings={"application_name": "deskgraph-rates"}
            | ({} if self._pooled else {"synchronous_commit": "off"}),
        )
        self._connections = KeptConnections(pool)

    async def value(self, sql: str, *values: object) -> int | None:
        assert self._connections is not None
        connection = await self._connections.take(monotonic())
        has_answered = False
        try:
            found = await self._value(connection, sql, values)
            has_answered = True
        finally:
            if has_answered:
                self._connections.keep(connection)
            else:
                await self._connections.release(connection)
        return found

    async def _value(
        self, connection: PooledConnection, sql: str, values: Sequence[object]
    ) -> int | None:
        found: int | None
        if not self._pooled:
            found = await connection.fetchval(sql, *values)
            return found
        async with connection.transaction():
            await connection.execute("SET LOCAL synchronous_commit = off")
            found = await connection.fetchval(sql, *values)
            return found

    async def close(self) -> None:
        if self._connections is not None:
            await self._connections.close()


class _Sqlite:
    def __init__(self, url: URL) -> None:
        self._path = str(url.database)
        self._connection: aiosqlite.Connection | None = None

    async def open(self) -> None:
        self._connection = await aiosqlite.connect(self._path, isolation_level=None)
        # What a power cut takes of buckets harms nobody, so no draw waits for the disk.
        patience = f"PRAGMA busy_timeout={int(TIMEOUT_SECONDS * 1000)}"
        for pragma in (*SQLITE_PRAGMAS, patience, "PRAGMA synchronous=NORMAL"):
            await self._connection.execute(pragma)

    async def value(self, sql: str, *values: object) -> int | None:
        sql = sql.replace("$", "?").replace("GREATEST", "MAX")
        assert self._connection is not None
        rows = await self._connection.execute_fetchall(sql, values)
        return next(iter(rows), [None])[0]

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()


class SharedBuckets:
    """Buckets in the database (``open``/``close``); its own decide while that does not answer."""

    def __init__(self, url: URL, *, pooled: bool = False) -> None:
        """Take the database's URL, and whether it leads to PgBouncer."""
        sqlite = url.get_backend_name() == "sqlite"
        self._store = _Sqlite(url) if sqlite else _Postgres(url, pooled=pooled)
        self._own = MemoryBuckets()
        self._availability = Availability(logger, "database", "shared rates")
        self._returned: dict[str, int] = {}
        self._pruned = 0

    async def open(self) -> None:
        """Connect."""
        await self._store.open()

    async def push(self, key: str, time: int, most: int, now: int) -> tuple[bool, int]:
        """See ``resolvers.rate_limits.Buckets``."""
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                drawn = await self._push(key, time, most, now)
        except _TROUBLE as error:
            self._availability.fails(f"{type(error).__name__}, this process counts by itself")
            return await self._own.push(key, time, most, now)
        self._availability.works()
        return drawn

    async def _push(self, key: str, time: int, most: int, now: int) -> tuple[bool, int]:
        returned = self._returned.pop(key, 0)
        full_at = await self._store.value(_DRAW, key, now, time, returned, most)
        if full_at is None:
            self.pull(key, returned)
            found = await self._store.value(_LOOK, key)
            return False, now if found is None else max(found - returned, now)
        # Once a minute.
        if not self._pruned <= now < self._pruned + MINUTE_NANOSECONDS:
            self._pruned = now
            await self._store.value(_PRUNE, now)
        return True, full_at

    def pull(self, key: str, time: int) -> None:
        """See ``resolvers.rate_limits.Buckets``; other processes learn of it with the next draw."""
        if len(self._returned) >= MAX_BUCKETS:
            self._returned.clear()
        self._returned[key] = self._returned.get(key, 0) + time

    async def close(self) -> None:
        """Close the connections."""
        await self._store.close()


def rate_limiter(
    settings: Settings, database: Database, clock: Callable[[], datetime]
) -> RateLimiter | None:
    """Return what counts points and logins, in the database where the settings say so.

    None where nothing is counted.
    """
    if settings.rate_limit == "off":
        return None
    shared = None
    if settings.rate_limit_shared == "on":
        shared = SharedBuckets(database.url, pooled=database.pooled)
    return RateLimiter(
        shared or MemoryBuckets(),
        known=shared,
        per_minute=settings.rate_limit,
        maximum=settings.max_cost,
        clock=clock,
    )
