"""Servers on the database of a world, which a test may kill."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.crashes.faults import Desk, proxy
from tests.support.processes.clusters import Cluster
from tests.support.processes.environment import child_environment
from tests.support.processes.launcher import end, program
from tests.support.settings import KEY
from tests.support.world import World


@asynccontextmanager
async def running(
    world: World, place: Path, cluster: Cluster | None, *, count: int
) -> AsyncIterator[Desk]:
    """Run servers; they reach the database of a cluster through a proxy.

    One in a network of its own is reached directly: a proxy would confirm what is lost behind it.
    """
    async with proxy(0 if cluster is None else cluster.port) as between:
        url = world.settings.database_url
        if cluster is not None and cluster.network is None:
            url = url.replace(f":{cluster.port}/", f":{between.port}/")
        environment = child_environment(
            DATABASE_URL=url,
            FILES_URL=world.settings.files_url,
            SECRET_KEY=KEY,
            RATE_LIMIT="off",
            # How long a lost network is waited for, depends on this machine.
            OPERATION_SECONDS="100",
        )
        command = ["-m", "tests.crashes.servers", str(count)]
        log = place / "servers.log"
        with program(command, log, environment=environment) as servers:
            # In a thread, as they reach the database through this process.
            port, *pids = [int(await asyncio.to_thread(servers.line)) for _ in range(count + 1)]
            disk = place if cluster is None else cluster.folder
            base = f"http://127.0.0.1:{port}"
            yield Desk(base, servers, pids, disk, world.media, cluster, between)
            await asyncio.to_thread(end, servers.process)
