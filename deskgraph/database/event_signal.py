"""Wakes the readers of the event log when any process has appended to it.

A signal only says that there may be something new, and readers find it in the log. So one signal
too many costs a statement, and a lost one delays readers by ``PATIENCE_SECONDS``; no event is lost.
"""

import asyncio
import logging
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Coroutine
from contextlib import suppress

import asyncpg

from deskgraph.availability import Availability
from deskgraph.backoff import Backoff
from deskgraph.database.postgres.connections import FAILURES, Connector
from deskgraph.database.sqlite.thread import sqlite_thread
from resolvers.events.log import CHANNEL

logger = logging.getLogger("deskgraph.events")

# How long a reader waits at most before it looks for itself, in seconds.
PATIENCE_SECONDS = 15.0
# How often SQLite is asked whether another process has written, in seconds.
INTERVAL_SECONDS = 0.05
# How long to wait before listening again after a failure: at first, and at most.
FIRST_RETRY_SECONDS, MAX_RETRY_SECONDS = 0.1, 5.0


class EventSignal(ABC):
    """Counts signals. It listens from the first call of ``wait`` on, in the loop of that call."""

    def __init__(self, *, patience: float = PATIENCE_SECONDS) -> None:
        self._patience = patience
        self._count = 0
        self._notified = asyncio.Event()
        self._has_readers = asyncio.Event()
        self._waiting = 0
        self._listening: asyncio.Task[None] | None = None

    @property
    def count(self) -> int:
        """How many signals there were in this process."""
        return self._count

    @property
    def is_listening(self) -> bool:
        """Whether this process learns of what other processes append."""
        return self._listening is not None and not self._listening.done()

    def notify(self) -> None:
        """Wake the readers that wait in this process."""
        self._count += 1
        self._notified.set()
        self._notified = asyncio.Event()

    async def wait(self, seen: int) -> int:
        """Return the count as soon as it is no longer ``seen``, or after ``PATIENCE_SECONDS``.

        Take ``seen`` from ``count`` before reading the log: what is appended while you read has
        been counted by the time you wait. The first to wait is woken again when listening begins.
        """
        if not self.is_listening:
            # The loop alone would let it be collected.
            self._listening = asyncio.create_task(self._keep(self._listen()))
        self._waiting += 1
        self._has_readers.set()
        try:
            async with asyncio.timeout(self._patience):
                while self._count == seen:
                    await self._notified.wait()
        except TimeoutError:
            pass
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._has_readers.clear()
        return self._count

    async def close(self) -> None:
        """Stop listening, and wake the readers."""
        listening, self._listening = self._listening, None
        if listening is not None:
            listening.cancel()
            with suppress(asyncio.CancelledError):
                await listening
        self.notify()

    async def _keep(self, listen: Coroutine[object, object, None]) -> None:
        try:
            await listen
        except Exception:
            # Readers look at the log every so often, and the next to wait tries to listen again.
            logger.exception("cannot listen for new events")

    @abstractmethod
    async def _listen(self) -> None:
        """Notify once it listens, and again whenever something may have been appended."""


class SqliteEventSignal(EventSignal):
    """Checks whether another connection has committed, while readers wait."""

    def __init__(
        self, path: str, *, interval: float = INTERVAL_SECONDS, patience: float = PATIENCE_SECONDS
    ) -> None:
        super().__init__(patience=patience)
        self._path = path
        self._interval = interval

    async def _listen(self) -> None:
        async with sqlite_thread(self._connect) as thread:
            known = None
            while True:
                version = await thread.run(_data_version)
                if version != known:
                    known = version
                    self.notify()
                await asyncio.sleep(self._interval)
                await self._has_readers.wait()

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, isolation_level=None)


def _data_version(connection: sqlite3.Connection) -> object:
    """Return a number that changes with each commit of another connection, of any process."""
    try:
        return connection.execute("PRAGMA data_version").fetchone()[0]
    except sqlite3.OperationalError:
        # Locked for a moment, as by a recovery: readers shall look at the log.
        return None


class PostgresEventSignal(EventSignal):
    """Listens on a connection of its own, and makes a new one when it is lost."""

    def __init__(self, dsn: str, *, patience: float = PATIENCE_SECONDS) -> None:
        super().__init__(patience=patience)
        self._dsn = dsn
        self._availability = Availability(logger, "database", "notifications of new events")

    async def _listen(self) -> None:
        backoff = Backoff(FIRST_RETRY_SECONDS, MAX_RETRY_SECONDS)
        connect = Connector()
        while True:
            try:
                connection = await connect(
                    self._dsn, server_settings={"application_name": "deskgraph-listen"}
                )
            except FAILURES as error:
                self._availability.fails(f"{type(error).__name__}: {error}")
                await backoff.wait()
                continue
            backoff.reset()
            try:
                await self._hear(connection)
            finally:
                connection.terminate()

    async def _hear(self, connection: "asyncpg.Connection") -> None:
        """Notify readers of each notification until the connection is lost."""
        lost = asyncio.Event()
        connection.add_termination_listener(lambda _connection: lost.set())
        try:
            await connection.add_listener(CHANNEL, lambda *_: self.notify())
            self._availability.works()
            # What was appended while nobody listened.
            self.notify()
            while not lost.is_set():
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._patience):
                        await lost.wait()
                # The network may have lost it without an error.
                await connection.execute("SELECT", timeout=self._patience)
        except FAILURES as error:
            self._availability.fails(f"{type(error).__name__}: {error}")
            await asyncio.sleep(FIRST_RETRY_SECONDS)
