"""Connections to PostgreSQL by which a network is noticed that loses everything.

``tests/outages/test_network.py`` has such a network.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import asyncpg
import pytest
import uvloop

from deskgraph.database.database import Database
from deskgraph.database.postgres import connections
from deskgraph.database.postgres.connections import (
    CONNECT_SECONDS,
    LEAST_CONNECT_SECONDS,
    NETWORK_SECONDS,
    PostgresConnection,
)
from deskgraph.database.postgres.reader import READ_CONNECTIONS, PostgresReader
from deskgraph.database.rate_buckets import SharedBuckets
from deskgraph.settings import Settings
from resolvers.services import Instruments
from tests.support.processes.launcher import DEADLINE_SECONDS

DESCRIPTORS = Path("/proc/self/fd")
WAITS = "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $1"
OURS = """SELECT string_agg(application_name || ' ' || client_port, ',') FROM pg_stat_activity
WHERE datname = current_database() AND application_name LIKE 'deskgraph-%'"""
SHOWN = (
    "SELECT current_setting('tcp_keepalives_idle') || ' ' || current_setting('tcp_user_timeout')"
)


@asynccontextmanager
async def opened(url: str, *, command: bool = False) -> AsyncIterator[Database]:
    database = Database(url, command=command)
    await database.open()
    yield database
    await database.close()


def own_sockets() -> Iterator[socket.socket]:
    """Yield the TCP sockets of this process."""
    for descriptor in DESCRIPTORS.iterdir():
        with suppress(OSError), socket.socket(fileno=os.dup(int(descriptor.name))) as found:
            if found.family == socket.AF_INET and found.type == socket.SOCK_STREAM:
                yield found


def told_to_the_system(found: socket.socket) -> tuple[int, ...]:
    tcp = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT, socket.TCP_USER_TIMEOUT)
    kept = found.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    return (kept, *(found.getsockopt(socket.IPPROTO_TCP, option) for option in tcp))


async def options_by_name(url: str) -> dict[str, tuple[int, ...]]:
    """Return what the system was told of each of the server's connections, by its name."""
    async with opened(url) as database:
        buckets = SharedBuckets(database.url)
        await buckets.open()
        await buckets.push("user:one", 0, 1, 0)
        # Woken as soon as it listens.
        await database.event_signal.wait(0)
        async with database.engine.connect():
            names = dict(
                reversed(one.split()) for one in (await database.fetch_row(OURS, []))[0].split(",")
            )
            found = {str(one.getsockname()[1]): told_to_the_system(one) for one in own_sockets()}
        await buckets.close()
    return {name: found[port] for port, name in names.items()}


@pytest.mark.skipif(not DESCRIPTORS.exists(), reason="This system does not list open files.")
@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_the_system_looks_after_every_connection(
    postgres_url: str, loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    with asyncio.Runner(loop_factory=loop) as runner:
        found = runner.run(options_by_name(postgres_url))

    expected = (1, NETWORK_SECONDS // 2, NETWORK_SECONDS // 4, 2, NETWORK_SECONDS * 1000)
    names = ("deskgraph-read", "deskgraph-write", "deskgraph-rates", "deskgraph-listen")
    assert found == dict.fromkeys(names, expected)


@pytest.mark.anyio
@pytest.mark.parametrize(("command", "idle", "most"), [(False, 3, 7000), (True, 30, 60000)])
async def test_so_does_that_of_the_server(
    anyio_backend: str, postgres_url: str, command: bool, idle: int, most: int
) -> None:
    async with opened(postgres_url, command=command) as database, database.engine.connect() as one:
        assert (await one.exec_driver_sql(SHOWN)).scalar_one() == f"{idle} {most}"
        assert (await database.fetch_row(SHOWN, []))[0] == "3 7000"


def test_a_lost_network_is_told_before_an_operation_has_taken_too_long() -> None:
    waits = max(NETWORK_SECONDS + LEAST_CONNECT_SECONDS, CONNECT_SECONDS)
    assert waits < Settings.model_fields["operation_seconds"].default


@pytest.mark.anyio
async def test_a_batch_that_waits_to_be_sent_ends_with_its_connection(
    anyio_backend: str, postgres_url: str
) -> None:
    # More than the buffers on its way hold.
    rows = [("x" * 1_000_000,)] * 30
    writing = await asyncpg.connect(postgres_url, connection_class=PostgresConnection)
    other = await asyncpg.connect(postgres_url)
    pid = writing.get_server_pid()
    await other.execute("SELECT pg_advisory_lock(1)")
    locked = "SELECT pg_advisory_xact_lock(1), length($1)"
    batch = asyncio.create_task(writing.executemany(locked, rows))
    while not await other.fetchval(WAITS, pid):  # noqa: ASYNC110
        await asyncio.sleep(0.01)

    await other.execute("SELECT pg_terminate_backend($1)", pid)

    ended, _ = await asyncio.wait([batch], timeout=DEADLINE_SECONDS)
    assert ended == {batch}
    assert isinstance(batch.exception(), asyncpg.PostgresConnectionError)
    await other.close()


@pytest.mark.anyio
async def test_who_waits_for_a_connection_shares_the_failure_of_others(
    anyio_backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Longer than what counts as slow.
    monkeypatch.setattr(connections, "CONNECT_SECONDS", 1.2)
    tried: list[asyncio.StreamWriter] = []

    def say_nothing(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tried.append(writer)

    silent = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    dsn = f"postgresql://nobody@127.0.0.1:{port}/none"
    reader = PostgresReader(dsn, None, 1000, instruments=Instruments(), first_connections=0)
    await reader.open()

    reads = [reader.fetch_row("SELECT 1", []) for _ in range(10 * READ_CONNECTIONS)]
    failures = await asyncio.gather(*reads, return_exceptions=True)

    assert {type(failure) for failure in failures} == {TimeoutError}
    # By turns, each would have tried.
    assert READ_CONNECTIONS <= len(tried) < len(reads)
    await reader.close()
    for writer in tried:
        writer.close()
    silent.close()
