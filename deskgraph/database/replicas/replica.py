"""One replica: its connections, and whether reads may use it."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

import asyncpg

from deskgraph.database.postgres.connections import FAILURES, leave_values_out
from deskgraph.database.postgres.reader import PostgresReader
from deskgraph.database.replicas import positions
from deskgraph.database.replicas.positions import (
    Server,
    Unusable,
    catch_up,
    server_of,
)
from deskgraph.database.sqlite.reader_thread import DriverRow

logger = logging.getLogger("deskgraph.replicas")

MakeReader = Callable[[], PostgresReader]


class Replica:
    """Reads from a replica while it is usable, which each probe finds out again.

    ``name`` is for the log. Nothing is connected before the first probe. Probes make a
    connection of their own: reads that hold all connections do not make a replica look lost, and
    one that takes no more connections does.
    """

    def __init__(self, name: str, make_reader: MakeReader, make_prober: MakeReader) -> None:
        self.name = name
        # Why no read uses it; None where reads do.
        self.trouble: str | None = "it was not asked yet"
        self._make_reader = make_reader
        self._make_prober = make_prober
        self._reader: PostgresReader | None = None
        self._running: set[asyncio.Timeout] = set()

    @property
    def running(self) -> int:
        """How many reads run or wait."""
        return len(self._running)

    async def fetch_row(
        self, sql: str, values: Sequence[object], user: str | None, position: int
    ) -> DriverRow:
        """Run a read once the replica has replayed the log up to a position.

        Raises ``Unusable`` where it has to be run elsewhere, for whatever reason of the replica's.
        """
        reader = self._reader
        if reader is None:
            raise Unusable("it is not connected")
        try:
            async with asyncio.timeout(None) as running:
                self._running.add(running)
                try:
                    check = partial(catch_up, position=position)
                    return await reader.fetch_row(sql, values, user, check)
                finally:
                    self._running.discard(running)
        except Unusable as error:
            self._leave_out(str(error))
            raise
        except FAILURES as error:
            reason = _reason(error)
            if _is_of_the_statement(error):
                logger.info("a read was stopped on the replica %s: %s", self.name, reason)
            else:
                self._leave_out(reason)
            raise Unusable(reason) from error

    async def probe(self, primary: Server) -> None:
        """Use the replica if it answers, follows the primary and is not behind; or leave it out."""
        try:
            async with asyncio.timeout(positions.ANSWER_SECONDS):
                await self._ask(primary)
                if self._reader is None:
                    reader = self._make_reader()
                    await reader.open()
                    self._reader = reader
        except Unusable as error:
            self._leave_out(str(error))
        except asyncpg.PostgresError as error:
            self._leave_out(_reason(error))
        except FAILURES as error:
            self._leave_out(_reason(error))
            self._stop_reads()
            await self.close()
        else:
            if self.trouble is not None:
                logger.info("reads use the replica %s", self.name)
            self.trouble = None

    async def _ask(self, primary: Server) -> None:
        """Connect as reads may have to, and look. Raises ``Unusable`` and ``FAILURES``."""
        prober = self._make_prober()
        try:
            await prober.open()
            (await server_of(prober)).check_follows(primary)
            check = partial(catch_up, position=primary.position)
            await prober.fetch_row("SELECT", (), None, check)
        finally:
            await _close(prober)

    def _leave_out(self, reason: str) -> None:
        if self.trouble != reason:
            logger.warning("reads leave out the replica %s: %s", self.name, reason)
        self.trouble = reason

    def _stop_reads(self) -> None:
        """Let the reads that run fail, which are then run elsewhere: no answer may come."""
        now = asyncio.get_running_loop().time()
        for running in self._running:
            running.reschedule(now)
        self._running.clear()

    async def close(self) -> None:
        """Disconnect."""
        reader, self._reader = self._reader, None
        if reader is not None:
            await _close(reader)


async def _close(reader: PostgresReader) -> None:
    """Close a reader, for which a server that does not answer is not waited for."""
    with suppress(*FAILURES):
        async with asyncio.timeout(positions.ANSWER_SECONDS):
            await reader.close()


def _is_of_the_statement(error: BaseException) -> bool:
    """Return whether a failure says nothing of further statements, such as one of recovery.

    A connection that is terminated is one of several that will be.
    """
    if not isinstance(error, asyncpg.PostgresError):
        return False
    return error.sqlstate is None or error.sqlstate[:2] not in ("08", "28", "3D", "53", "57")


def _reason(error: Exception) -> str:
    leave_values_out(error)
    return str(error) or "it does not answer"
