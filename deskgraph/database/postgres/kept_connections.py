"""Connections of a pool of asyncpg that go from one read to the next."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import asyncpg

from deskgraph.database.postgres.connections import FAILURES, made_whole, waiting_since

# How long an idle connection is kept from the pool, in seconds. The pool closes what it has not
# given out for long, and what has run many statements.
KEPT_SECONDS = 5.0

PooledConnection = asyncpg.pool.PoolConnectionProxy


class KeptConnections:
    """Gives out the connections of a pool, and keeps those that are idle for who comes next.

    Giving a connection back to the pool and taking it again costs more CPU than a small statement:
    a task of its own, and two rounds of the event loop.
    """

    def __init__(self, pool: asyncpg.Pool, kept_seconds: float = KEPT_SECONDS) -> None:
        """Take a pool, which nobody else takes connections of."""
        self._pool = pool
        self._kept_seconds = kept_seconds
        self._places = asyncio.Semaphore(pool.get_max_size())
        self._idle: list[PooledConnection] = []
        self._timer: asyncio.TimerHandle | None = None
        self._returning: set[asyncio.Task[None]] = set()
        self._closing = False

    async def take(self, asked: float) -> PooledConnection:
        """Return a connection, of those kept the last one; ``keep`` or ``release`` it afterwards.

        Waits in turn while all are taken. ``asked``: when the read came, by ``monotonic``.
        """
        await self._places.acquire()
        try:
            while self._idle:
                connection = self._idle.pop()
                if _is_open(connection):
                    return connection
                await self._pool.release(connection)
            with waiting_since(asked):
                # One that is still being made stays in the pool in any case.
                return await made_whole(self._pool.acquire(), self._pool.release)
        except BaseException:
            self._places.release()
            raise

    def keep(self, connection: PooledConnection) -> None:
        """Keep a connection that has answered, and has no transaction, for the next one."""
        self._idle.append(connection)
        self._places.release()
        if self._closing:
            self._return_idle()
        elif self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._kept_seconds, self._return_idle)

    async def release(self, connection: PooledConnection, patience: float | None = None) -> None:
        """Give a connection back to the pool, which resets it.

        ``patience``: how long it may take, in seconds. One that is given up in vain is closed.
        """
        try:
            with suppress(TimeoutError):
                await self._pool.release(connection, timeout=patience)
        finally:
            self._places.release()

    async def close(self) -> None:
        """Close every connection, those that are taken when they come back."""
        self._closing = True
        if self._timer is not None:
            self._timer.cancel()
        self._return_idle()
        await self._pool.close()

    def _return_idle(self) -> None:
        self._timer = None
        idle, self._idle = self._idle, []
        task = asyncio.create_task(_release_all(self._pool, idle))
        self._returning.add(task)
        task.add_done_callback(self._returning.discard)


async def _release_all(pool: asyncpg.Pool, connections: Sequence[PooledConnection]) -> None:
    for connection in connections:
        # What fails of a connection that nobody uses is noticed by who takes it next.
        with suppress(*FAILURES):
            await pool.release(connection)


def _is_open(connection: PooledConnection) -> bool:
    try:
        return not connection.is_closed()
    except asyncpg.InterfaceError:
        # It was closed, and the pool has taken it back.
        return False
