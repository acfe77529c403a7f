"""How far servers are in the write-ahead log, and whether one is a replica of another.

Positions are bytes of the log from its beginning.
"""

import asyncio
from dataclasses import dataclass

import asyncpg

from deskgraph.database.postgres.reader import PostgresReader

# How long the primary has for its position, and a replica for a probe, in seconds.
ANSWER_SECONDS = 2.0
# How long a read waits for a replica that does not have yet what the primary had, in seconds.
CATCH_UP_SECONDS = 0.1
# After which time a replica is asked for the second time, in seconds; each time it is doubled.
FIRST_PAUSE_SECONDS = 0.001

# A commit that was answered is flushed, except where commits do not wait for that.
_WRITTEN = """CASE WHEN current_setting('synchronous_commit') = 'off'
    THEN pg_current_wal_insert_lsn() ELSE pg_current_wal_flush_lsn() END"""
# Null on a server that is no replica, or no longer.
_REPLAYED = (
    "SELECT CASE WHEN pg_is_in_recovery() THEN (pg_last_wal_replay_lsn() - '0/0')::bigint END"
)
# A primary may have become a replica: reads from others are no older than those from it.
_POSITION = f"""CASE WHEN pg_is_in_recovery()
    THEN pg_last_wal_replay_lsn() ELSE {_WRITTEN} END - '0/0'"""
_SELECT_POSITION = f"SELECT ({_POSITION})::bigint"
_SELECT_SERVER = f"""SELECT control.system_identifier,
    (SELECT oid::bigint FROM pg_database WHERE datname = current_database()),
    greatest(checkpoint.timeline_id, recovery.min_recovery_end_timeline),
    pg_is_in_recovery(), ({_POSITION})::bigint
FROM pg_control_system() AS control, pg_control_checkpoint() AS checkpoint,
    pg_control_recovery() AS recovery"""  # noqa: S608 - of constants


class Unusable(Exception):
    """Reads may not use a server as a replica; the text is the end of a sentence about it."""


@dataclass(frozen=True)
class Server:
    """What tells servers and their databases apart. Replicas share all of it with their primary."""

    cluster: int
    database: int
    timeline: int
    in_recovery: bool
    position: int

    def check_follows(self, primary: "Server") -> None:
        """Raise ``Unusable`` unless this is a replica of the primary's database."""
        if self.cluster != primary.cluster:
            raise Unusable("it is not a replica of this database's server")
        if not self.in_recovery:
            raise Unusable("it is not a replica, or was promoted")
        if self.database != primary.database:
            raise Unusable("its URL names another database of the server")
        # The numbers say this at the next checkpoint only, and after a failover until then.
        if self.timeline != primary.timeline:
            raise Unusable("it follows another timeline")


async def server_of(reader: PostgresReader) -> Server:
    """Return what a server says of itself."""
    return Server(*await reader.fetch_row(_SELECT_SERVER, ()))


async def catch_up(connection: "asyncpg.pool.PoolConnectionProxy", position: int) -> None:
    """Wait until a replica has replayed the log up to a position; raises ``Unusable``."""
    loop = asyncio.get_running_loop()
    deadline, pause = loop.time() + CATCH_UP_SECONDS, FIRST_PAUSE_SECONDS
    while True:
        replayed = await connection.fetchval(_REPLAYED)
        if replayed is None:
            raise Unusable("it is not a replica, or was promoted")
        if replayed >= position:
            return
        if loop.time() + pause > deadline:
            raise Unusable(f"it is more than {CATCH_UP_SECONDS} seconds behind")
        await asyncio.sleep(pause)
        pause *= 2


class PrimaryPosition:
    """The position of the primary, by a connection of its own (``open``/``close``)."""

    def __init__(self, reader: PostgresReader) -> None:
        """Take a reader that nobody else uses: no slow statement delays the position."""
        self._reader = reader
        self._turn = asyncio.Lock()
        self._next: asyncio.Task[int] | None = None

    async def open(self) -> None:
        """Connect."""
        await self._reader.open()

    async def now(self) -> int:
        """Return the position at a time after the call. All who wait share the next statement.

        Whatever was committed and answered before the call, by any process, is before it.
        """
        task = self._next
        if task is None:
            task = self._next = asyncio.create_task(self._take())
            # Perhaps nobody is left to be told of a failure.
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
        # One of those who wait for it may leave.
        return await asyncio.shield(task)

    async def _take(self) -> int:
        async with self._turn:
            # Those who come from here on need a later one.
            self._next = None
            async with asyncio.timeout(ANSWER_SECONDS):
                row = await self._reader.fetch_row(_SELECT_POSITION, ())
        return int(row[0])

    async def server(self) -> Server:
        """Return what the primary says of itself."""
        async with asyncio.timeout(ANSWER_SECONDS):
            return await server_of(self._reader)

    async def close(self) -> None:
        """Disconnect."""
        await self._reader.close()
