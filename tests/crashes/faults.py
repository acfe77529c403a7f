"""What happens to a desk while its clients write."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import pytest

from tests.crashes.load import Load
from tests.support.processes.clusters import Cluster
from tests.support.processes.launcher import Program

# How many writes fail before what was taken away is given back.
FAILED = 10
MEBIBYTE = b"\0" * 2**20


@dataclass
class Desk:
    """The parts of a running desk that may fail."""

    base: str
    servers: Program
    # The processes that serve.
    pids: list[int]
    # Its file system, if it has one of its own.
    disk: Path | None
    media: Path
    cluster: Cluster | None
    proxy: "Proxy"


Fault = Callable[[Desk, Load], Awaitable[None]]


async def servers_killed(desk: Desk, _load: Load | None = None) -> None:
    """Kill all servers at once; others take their place."""
    for pid in desk.pids:
        os.kill(pid, signal.SIGKILL)
    desk.pids[:] = [int(await asyncio.to_thread(desk.servers.line)) for _ in desk.pids]


async def one_server_killed(desk: Desk, _load: Load | None = None) -> None:
    """Kill one server; another one takes its place."""
    os.kill(desk.pids.pop(0), signal.SIGKILL)
    desk.pids.append(int(await asyncio.to_thread(desk.servers.line)))


async def database_killed(desk: Desk, load: Load) -> None:
    assert desk.cluster is not None
    desk.cluster.kill()
    await load.until_failed(FAILED)
    await asyncio.to_thread(desk.cluster.start)


async def database_restarted(desk: Desk, _load: Load) -> None:
    assert desk.cluster is not None
    await asyncio.to_thread(desk.cluster.stop)
    await asyncio.to_thread(desk.cluster.start)


async def network_cut(desk: Desk, load: Load) -> None:
    """Break all connections to the database, and let no new one through for a while."""
    desk.proxy.cut()
    await load.until_failed(FAILED)
    desk.proxy.open = True


async def network_lost(desk: Desk, load: Load) -> None:
    """Lose all that is sent to the database and back: no connection ends."""
    assert desk.cluster is not None
    assert desk.cluster.network is not None
    desk.cluster.network.lose()
    try:
        await load.until_failed(FAILED)
    finally:
        desk.cluster.network.carry()


async def disk_full(desk: Desk, load: Load) -> None:
    assert desk.disk is not None
    filler = desk.disk / "filler"
    _fill(filler)
    if desk.cluster is not None:
        await _end_by_full_log(desk.cluster)
    await load.until_failed(FAILED)
    filler.unlink()
    if desk.cluster is not None:
        # Its recovery needs room, and it ends where there is none.
        await asyncio.to_thread(desk.cluster.start)


async def _end_by_full_log(cluster: Cluster) -> None:
    """Let a server find no room for a row, and then none for its log, which ends it."""
    connection = await asyncpg.connect(cluster.url_of("desk"))
    with pytest.raises(asyncpg.DiskFullError):
        await connection.execute(
            "CREATE TEMP TABLE filler AS SELECT repeat('x', 1000) FROM generate_series(1, 100000)"
        )
    # A file of the log that was made before has room.
    with suppress(asyncpg.PostgresError, OSError):
        while True:
            await connection.execute("SELECT txid_current(), pg_switch_wal()")
    connection.terminate()


def _fill(filler: Path) -> None:
    with filler.open("wb", buffering=0) as file:
        size = MEBIBYTE
        while size:
            try:
                # A file system that is nearly full takes a part of it.
                file.write(size)
            except OSError:
                size = size[: len(size) // 2]


async def store_away(desk: Desk, load: Load) -> None:
    """Have a file where the folder of the files was."""
    aside = desk.media.with_name("aside")
    desk.media.rename(aside)
    desk.media.touch()
    await load.until_failed(FAILED)
    desk.media.unlink()
    aside.rename(desk.media)


async def clock_set_back(desk: Desk, _load: Load) -> None:
    for pid in desk.pids:
        os.kill(pid, signal.SIGUSR1)


async def nothing(_desk: Desk, _load: Load) -> None:
    """Only have many clients."""


@dataclass
class Proxy:
    """Passes connections on to a port, as long as it is open."""

    to: int
    port: int = 0
    open: bool = True
    writers: set[asyncio.StreamWriter] = field(default_factory=set)

    def cut(self) -> None:
        """Break all connections, and refuse new ones."""
        self.open = False
        for writer in self.writers:
            writer.transport.abort()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one connection on, in both directions, until one side ends it."""
        if not self.open:
            writer.transport.abort()
            return
        try:
            to_reader, to_writer = await asyncio.open_connection("127.0.0.1", self.to)
        except OSError:
            writer.transport.abort()
            return
        both = {writer, to_writer}
        self.writers |= both
        ways = ((reader, to_writer), (to_reader, writer))
        tasks = [asyncio.create_task(_copy(*way)) for way in ways]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for one in both:
            one.transport.abort()
        await asyncio.wait(tasks)
        self.writers -= both


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(2**16):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass


@asynccontextmanager
async def proxy(port: int) -> AsyncIterator[Proxy]:
    """Run a proxy in front of a port."""
    made = Proxy(port)
    server = await asyncio.start_server(made.accept, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        made.cut()
        server.close()
        await server.wait_closed()
