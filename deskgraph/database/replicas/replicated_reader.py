"""Sends the reads of users to replicas, and all others to the primary."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from contextvars import ContextVar

from deskgraph.availability import Availability
from deskgraph.database.postgres.connections import FAILURES
from deskgraph.database.postgres.reader import PostgresReader
from deskgraph.database.replicas.positions import PrimaryPosition, Unusable
from deskgraph.database.replicas.replica import Replica
from deskgraph.database.sqlite.reader_thread import DriverRow

logger = logging.getLogger("deskgraph.replicas")

# How often replicas are probed, in seconds.
PROBE_SECONDS = 2.0

# Whether a transaction was begun in this task, or before this task was made by the one that did.
WRITES: ContextVar[bool] = ContextVar("WRITES", default=False)


class ReplicatedReader:
    """The pool for reads of a primary with replicas (``Reader``).

    A read sees all that was committed before it began, by any process, wherever it runs: it asks
    the primary for its position in the log, and runs on a replica that has replayed up to there.
    Where no replica has, or one fails, the read runs on the primary.
    """

    def __init__(
        self,
        primary: PostgresReader,
        position: PrimaryPosition,
        replicas: Sequence[Replica],
        *,
        probe_seconds: float = PROBE_SECONDS,
    ) -> None:
        self._primary = primary
        self._position = position
        self._replicas = replicas
        self._probe_seconds = probe_seconds
        self._probing: asyncio.Task[None] | None = None
        self._availability = Availability(logger, "primary", "probes of replicas")

    async def open(self) -> None:
        """Connect. A replica that does not answer is left out, and prevents no start."""
        await self._primary.open()
        await self._position.open()
        await self.probe()
        self._probing = asyncio.create_task(self._keep_probing())

    async def fetch_row(
        self, sql: str, values: Sequence[object], user: str | None = None
    ) -> DriverRow:
        """Run one statement and return its first row.

        Those of the server itself, such as of logins and the event log, run on the primary, and so
        do those of a task that writes.
        """
        if user is not None and not WRITES.get():
            # A read changes nothing, so it may run twice.
            with suppress(Unusable):
                return await self._on_a_replica(sql, values, user)
        return await self._primary.fetch_row(sql, values, user)

    async def _on_a_replica(self, sql: str, values: Sequence[object], user: str) -> DriverRow:
        self._chosen()
        try:
            position = await self._position.now()
        except FAILURES as error:
            raise Unusable("the primary does not tell its position") from error
        return await self._chosen().fetch_row(sql, values, user, position)

    def _chosen(self) -> Replica:
        """Return the usable replica with the fewest reads; raises ``Unusable``."""
        usable = [replica for replica in self._replicas if replica.trouble is None]
        if not usable:
            raise Unusable("no replica is usable")
        return min(usable, key=lambda replica: replica.running)

    async def probe(self) -> None:
        """Find out which replicas are usable; nothing changes while the primary is not asked."""
        try:
            primary = await self._position.server()
        except FAILURES as error:
            self._availability.fails(f"{type(error).__name__}: {error}")
            return
        self._availability.works()
        await asyncio.gather(*(replica.probe(primary) for replica in self._replicas))

    async def _keep_probing(self) -> None:
        while True:
            await asyncio.sleep(self._probe_seconds)
            try:
                await self.probe()
            except Exception:
                logger.exception("cannot probe the replicas, trying again")

    async def close(self) -> None:
        """Close every connection."""
        probing, self._probing = self._probing, None
        if probing is not None:
            probing.cancel()
            with suppress(asyncio.CancelledError):
                await probing
        for replica in self._replicas:
            await replica.close()
        await self._position.close()
        await self._primary.close()
