"""How connections to PostgreSQL are made, and which of its errors' texts may be logged."""

import asyncio
import re
import socket
from asyncio import AbstractEventLoop
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any, ClassVar, TypeVar

import asyncpg

# How often PostgreSQL checks that the client of a running statement is connected, in milliseconds:
# a process that was killed cannot cancel its statements.
CHECK_INTERVAL_MILLISECONDS = 500

# What those who ask a server may get instead of an answer. The driver's internal error comes where
# a connection is lost at a moment that it does not expect.
FAILURES = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
# How long the network may carry nothing before a connection is taken for lost, in seconds: less
# than an operation may take by default, so that clients are told that the database is away.
NETWORK_SECONDS = 7
# The same for commands. A copy of many rows fills the buffers of the network, and the system does
# not tell a server that reads none of them, as while its disk is slow, from a lost network.
COMMAND_NETWORK_SECONDS = 60
# How long a new connection may take, in seconds, with the wait for those of others; and at least.
CONNECT_SECONDS, LEAST_CONNECT_SECONDS = 8.0, 1.0
# A failure to connect that took longer than this is that of others for as long, in seconds: less
# than a connection may take at least.
SHARED_FAILURE_SECONDS = 0.9

# Since when a connection of a pool is waited for, by ``monotonic``.
_ASKED: ContextVar[float | None] = ContextVar("ASKED", default=None)
Made = TypeVar("Made")
# Connections that nobody waits for; the loop alone would let their tasks be collected.
_unwanted: set["asyncio.Task[None]"] = set()

# The parts of messages of PostgreSQL and its driver that repeat values: details have whole rows.
_VALUES = re.compile(
    r"\n(?:DETAIL|HINT):.*|(?<=invalid input)( [^:]*):.*|(?<=out of range): .*", re.DOTALL
)

# Where PostgreSQL's times start counting.
_POSTGRES_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


class PostgresConnection(asyncpg.Connection):
    """A connection that notices when the network loses all that is sent.

    Nothing else would: without an answer, and without a word that there is none, a statement waits
    until the network is back. A server at work answers the probes, however long it works.
    """

    __slots__ = ()
    network_seconds: ClassVar[int] = NETWORK_SECONDS

    def __init__(
        self,
        protocol: Any,  # of asyncpg, which has no type for it
        transport: Any,  # of asyncio or uvloop, by TCP, TLS or a Unix socket
        loop: AbstractEventLoop,
        *more: Any,  # what asyncpg knows of the server
    ) -> None:
        """Take what asyncpg has connected."""
        super().__init__(protocol, transport, loop, *more)
        found = transport.get_extra_info("socket")
        if found.family != getattr(socket, "AF_UNIX", None):
            for level, option, value in _socket_options(self.network_seconds):
                found.setsockopt(level, option, value)
        # The driver would wait for ever until it may go on writing.
        self.add_termination_listener(lambda _connection: protocol.resume_writing())


class CommandConnection(PostgresConnection):
    """The connection of a command."""

    __slots__ = ()
    network_seconds = COMMAND_NETWORK_SECONDS


class Connector:
    """Connects to one server, for a pool.

    While the network is lost each attempt takes ``CONNECT_SECONDS``, and those who wait for one
    would make theirs one after the other. So they share the failure.
    """

    def __init__(self) -> None:
        self._failing_until = 0.0

    async def __call__(
        self,
        dsn: str,
        *,
        loop: AbstractEventLoop | None = None,
        connection_class: type[PostgresConnection] = PostgresConnection,
        pooled: bool = False,
        server_settings: Mapping[str, str],
        **options: Any,  # any other of asyncpg's
    ) -> PostgresConnection:
        """Return a connection; ``pooled``: PgBouncer, which takes few settings, gives it."""
        began = monotonic()
        if began < self._failing_until:
            raise TimeoutError("the server did not answer a moment ago")
        # Those that others had may have been lost, and nobody is to wait for that twice.
        waited = began - (_ASKED.get() or began)
        shared = {} if pooled else _keepalive(connection_class.network_seconds)
        try:
            return await asyncpg.connect(
                dsn,
                loop=loop,
                timeout=max(CONNECT_SECONDS - waited, LEAST_CONNECT_SECONDS),
                connection_class=connection_class,
                server_settings={**shared, **server_settings},
                **options,
            )
        except OSError:
            # Also of a timeout. One that is told at once is one that all can be told.
            if (now := monotonic()) - began > SHARED_FAILURE_SECONDS:
                self._failing_until = now + SHARED_FAILURE_SECONDS
            raise


@contextmanager
def waiting_since(asked: float) -> Iterator[None]:
    """Give a block that waits for a connection of a pool, since a time of ``monotonic``."""
    token = _ASKED.set(asked)
    try:
        yield
    finally:
        _ASKED.reset(token)


def _socket_options(seconds: int) -> list[tuple[int, int, int]]:
    """Return the options with which a lost network is noticed, as far as this platform has them.

    Probes are for a connection on which an answer is waited for, or nothing. What was sent and not
    confirmed is only covered by the last one.
    """
    wanted = {
        "TCP_KEEPIDLE": seconds // 2,
        "TCP_KEEPINTVL": seconds // 4,
        "TCP_KEEPCNT": 2,
        "TCP_USER_TIMEOUT": seconds * 1000,
    }
    tcp = [
        (socket.IPPROTO_TCP, getattr(socket, name), value)
        for name, value in wanted.items()
        if hasattr(socket, name)
    ]
    return [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1), *tcp]


def _keepalive(seconds: int) -> dict[str, str]:
    """Return the same for the other end: the locks of a client that is lost are given back."""
    return {
        "tcp_keepalives_idle": str(seconds // 2),
        "tcp_keepalives_interval": str(seconds // 4),
        "tcp_keepalives_count": "2",
        "tcp_user_timeout": str(seconds * 1000),
    }


async def prepare_postgres(connection: "asyncpg.Connection", *, pooled: bool = False) -> None:
    """Prepare a new connection of asyncpg.

    ``pooled``: PgBouncer gives it another connection to the server for each transaction. What is
    set there would stay for others, and no statement is prepared outside of a transaction.
    """
    if pooled:
        async with connection.transaction():
            await _take_all_times(connection)
        return
    await _take_all_times(connection)
    # Not every platform supports it.
    with suppress(asyncpg.PostgresError):
        await connection.execute(
            f"SET client_connection_check_interval = {CHECK_INTERVAL_MILLISECONDS}"
        )


async def made_whole(making: Awaitable[Made], dispose: Callable[[Made], Awaitable[None]]) -> Made:
    """Wait for a connection; where its waiter is cancelled, it is made and then disposed of.

    asyncpg leaves an error behind, which is logged later, where it is cancelled while it
    negotiates TLS.
    """
    task = asyncio.ensure_future(making)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        unwanted = asyncio.create_task(_dispose(task, dispose))
        _unwanted.add(unwanted)
        unwanted.add_done_callback(_unwanted.discard)
        raise


async def _dispose(
    made: "asyncio.Future[Made]", dispose: Callable[[Made], Awaitable[None]]
) -> None:
    with suppress(*FAILURES):
        await dispose(await made)


async def _take_all_times(connection: "asyncpg.Connection") -> None:
    """Store every time as itself: asyncpg writes the first and the last one as infinite."""
    await connection.set_type_codec(
        "timestamptz",
        schema="pg_catalog",
        format="tuple",
        encoder=lambda time: ((time - _POSTGRES_EPOCH) // timedelta(microseconds=1),),
        decoder=lambda stored: _POSTGRES_EPOCH + timedelta(microseconds=stored[0]),
    )


def leave_values_out(error: BaseException | None) -> None:
    """Remove values from the texts of an error and of its causes, because they are logged."""
    while error is not None:
        if isinstance(error, asyncpg.PostgresError):
            error.detail = None
            # It has the value that could not be converted.
            error.__cause__, error.__suppress_context__ = None, True
        error.args = tuple(
            _VALUES.sub(r"\1", arg) if isinstance(arg, str) else arg for arg in error.args
        )
        error = error.__cause__
