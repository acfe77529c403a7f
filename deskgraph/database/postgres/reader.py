"""Reads on PostgreSQL: finished SQL texts with their values go to the driver as they are.

A read whose task is cancelled raises ``CancelledError``, and asyncpg has the server cancel its
statement before the connection is used again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from time import monotonic

import asyncpg

from deskgraph.database.postgres.connections import (
    Connector,
    PostgresConnection,
    leave_values_out,
    prepare_postgres,
)
from deskgraph.database.postgres.kept_connections import KeptConnections, PooledConnection
from deskgraph.database.postgres.shares import Shares
from deskgraph.database.sqlite.reader_thread import DriverRow
from resolvers.errors import AnswerTooLarge
from resolvers.services import Instruments

READ_CONNECTIONS = 8
# How many of them one user may hold: two who ask for slow reads leave others waiting, as with half.
USER_CONNECTIONS = 6
# Longer statements are prepared again each time.
MAX_PREPARED_CHARACTERS = 64 * 1024
# How long PostgreSQL has for confirming that it cancelled a statement, in seconds. A request that
# comes a moment before the statement begins is lost.
CANCEL_SECONDS = 0.5

_SESSION = {"timezone": "UTC", "application_name": "deskgraph-read"}
# A prepared nested read is planned once; JIT would compile it for longer than it runs. At the
# default cost of a random page, small tables are scanned for every nested row.
_PLANNING = {"jit": "off", "random_page_cost": "1.1"}
_READ_ONLY = {"default_transaction_read_only": "on"}
_BEGIN = "BEGIN READ ONLY; " + "; ".join(
    f"SET LOCAL {name} = {value}" for name, value in _PLANNING.items()
)

# Looks at the connection of a read before its statement; what it raises ends the read.
Check = Callable[[PooledConnection], Awaitable[None]]


class PostgresReader:
    """Reads through asyncpg, which keeps each statement prepared per connection.

    ``pooled``: through PgBouncer, where each read is a transaction, and nothing is prepared before.
    """

    def __init__(
        self,
        dsn: str,
        observer: Callable[[str], None] | None,
        max_answer_bytes: int,
        *,
        instruments: Instruments,
        pooled: bool = False,
        connections: int = READ_CONNECTIONS,
        first_connections: int = 1,
    ) -> None:
        self._dsn = dsn
        self._pooled = pooled
        self._most = connections
        self._first_connections = first_connections
        self._max_answer_bytes = max_answer_bytes
        self._observer = observer
        self._instruments = instruments
        self._shares = Shares(USER_CONNECTIONS)
        self._connections: KeptConnections | None = None

    async def open(self) -> None:
        """Connect once, so that an unreachable server is noticed at the start.

        Without any ``first_connections``, reads are the first to connect, and to notice.
        """
        pool = await asyncpg.create_pool(
            self._dsn,
            connect=partial(Connector(), pooled=self._pooled),
            connection_class=PostgresConnection,
            init_size=self._first_connections,
            # Reads connect by themselves. What keeps a minimum logs a stack whenever it cannot.
            min_size=0,
            max_size=self._most,
            # PgBouncer takes no other parameters; a transaction sets them.
            server_settings=_SESSION if self._pooled else {**_SESSION, **_PLANNING, **_READ_ONLY},
            statement_cache_size=0 if self._pooled else 100,
            max_cacheable_statement_size=MAX_PREPARED_CHARACTERS,
            init=self._prepare,
            # Reads leave no state behind; the default reset costs a round trip each.
            reset=_end if self._pooled else _keep,
        )
        self._connections = KeptConnections(pool)

    async def _prepare(self, connection: "asyncpg.Connection") -> None:
        await prepare_postgres(connection, pooled=self._pooled)
        if self._observer is not None:
            observer = self._observer
            connection.add_query_logger(lambda record: observer(record.query))

    async def fetch_row(
        self,
        sql: str,
        values: Sequence[object],
        user: str | None = None,
        check: Check | None = None,
    ) -> DriverRow:
        """Run one statement and return its first row.

        Behind PgBouncer, ``check`` runs in the transaction of the statement, so on the same server.
        """
        asked = monotonic()
        async with self._shares.of(user):
            return await self._fetch_row(sql, values, check, asked)

    async def _fetch_row(
        self, sql: str, values: Sequence[object], check: Check | None, asked: float
    ) -> DriverRow:
        assert self._connections is not None
        try:
            connection = await self._connections.take(asked)
        finally:
            self._instruments.waited("read", monotonic() - asked)
        has_answered, patience = False, None
        try:
            if self._pooled:
                await connection.execute(_BEGIN)
            if check is not None:
                await check(connection)
            row = await connection.fetchrow(sql, *values)
            if self._pooled:
                await _end(connection)
            if self._observer is not None:
                # asyncpg tells of a statement in the next round of the loop.
                await asyncio.sleep(0)
            has_answered = True
        except asyncio.CancelledError:
            patience = CANCEL_SECONDS
            raise
        except asyncpg.PostgresError as error:
            if is_too_large(error):
                raise AnswerTooLarge(self._max_answer_bytes) from None
            leave_values_out(error)
            raise
        finally:
            if has_answered:
                self._connections.keep(connection)
            else:
                await self._connections.release(connection, patience)
        return row

    async def close(self) -> None:
        """Close every connection, if there are any."""
        if self._connections is not None:
            await self._connections.close()


def is_too_large(error: asyncpg.PostgresError) -> bool:
    """Return whether PostgreSQL failed for the size of a value: it makes none of more than 1 GB.

    Of the codes below this one each has its own class. The message of an allocation is never
    translated.
    """
    if error.sqlstate in ("54000", "53200"):
        return True
    return error.sqlstate == "XX000" and "invalid memory alloc request size" in str(error)


async def _end(connection: "asyncpg.Connection | PooledConnection") -> None:
    """End the transaction of a read, whatever became of it."""
    if connection.is_in_transaction():
        await connection.execute("ROLLBACK")


async def _keep(_connection: "asyncpg.Connection") -> None:
    """Leave a connection as it is."""
