"""Writers that retry, merge, undo and write by the hundred while servers are killed.

In the end each write that was acknowledged is there once, and the history explains the rest.
"""

import asyncio
import secrets
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from pathlib import Path
from random import Random

import httpx
import pytest

from deskgraph.app import utc_now
from deskgraph.bulk.runner import BulkRunner
from models import Role
from resolvers.errors import Unavailable
from tests.crashes import faults
from tests.crashes.explained import explained
from tests.crashes.faults import Desk
from tests.crashes.ledger import Ledger
from tests.crashes.racers import Racer
from tests.crashes.running import running
from tests.support import proofs
from tests.support.rows import company, key, user
from tests.support.world import World, open_world

pytestmark = pytest.mark.anyio

WRITERS, SERVERS = 8, 2
WRITES, HOT, COLD, JOBS, KILLS = (120, 6, 240, 6, 8) if proofs.LONG else (6, 3, 50, 1, 2)
# At once in ``createTickets``.
BATCH = 100
# How long after a batch a job is taken from the process that did it: longer than a lease.
LATER = timedelta(minutes=2)
STEAL_SECONDS = 0.05
CREATE = """mutation($input: CreateTicketsInput!) {
    createTickets(input: $input) { results { id } errors { message } }
}"""


@proofs.on("sqlite")
async def test_each_acknowledged_write_is_there_once_and_the_history_explains_it(
    database_url: str, tmp_path: Path, backend: str, lines: list[str]
) -> None:
    ledger = Ledger()
    async with open_world(database_url, tmp_path / "media") as world:
        await world.clear(company("hilton"), user("admin", Role.ADMIN))
        world.clock.now = utc_now()
        async with running(world, tmp_path, None, count=SERVERS) as desk:
            subjects = await _raced(world, desk, ledger)
        await _finish_jobs(world)
        told = await explained(world, ledger, subjects)
    lines.append(f"race {backend}  {ledger}")
    assert ledger.wrong == []
    assert [*told.wrong, *ledger.mistakes(told.found)] == []
    # It has happened at all. In a small run, others may change nothing between a read and a merge.
    assert ledger.repeated
    assert ledger.replayed
    assert ledger.merged or not proofs.LONG


async def _raced(world: World, desk: Desk, ledger: Ledger) -> dict[str, str]:
    """Let writers write while servers are killed; returns the tickets with their subjects."""
    async with AsyncExitStack() as stack:
        # Each writer has a connection of its own.
        clients = [
            await stack.enter_async_context(
                httpx.AsyncClient(base_url=desk.base, headers=world.headers("admin"), timeout=60)
            )
            for _ in range(WRITERS)
        ]
        subjects = await _tickets(clients[0])
        hot, cold = list(subjects)[:HOT], list(subjects)[HOT:]
        seeds = [Random(secrets.randbits(64)) for _ in clients]
        racers = [Racer(*pair, ledger, hot, cold) for pair in zip(clients, seeds, strict=True)]
        thief = asyncio.create_task(_steal(world))
        async with asyncio.TaskGroup() as group:
            for number, racer in enumerate(racers):
                group.create_task(racer.run(WRITES, jobs=0 if number else JOBS))
            for number in range(KILLS):
                await ledger.until(_share(number))
                kill = faults.servers_killed if number % 2 else faults.one_server_killed
                await kill(desk)
        await _finish_jobs(world)
        async with asyncio.TaskGroup() as group:
            for number, racer in enumerate(racers):
                group.create_task(racer.run(WRITES // 3, jobs=0) if number else racer.undo_jobs())
        thief.cancel()
        with suppress(asyncio.CancelledError):
            await thief
    return subjects


def _share(number: int) -> int:
    """Return after how many actions servers are killed."""
    return (number + 1) * WRITERS * WRITES // (KILLS + 2)


async def _tickets(client: httpx.AsyncClient) -> dict[str, str]:
    """Create tickets; returns their subjects."""
    found: dict[str, str] = {}
    new = {"description": "D", "companyId": str(key("hilton"))}
    for start in range(0, HOT + COLD, BATCH):
        subjects = [f"S {number}" for number in range(start, min(start + BATCH, HOT + COLD))]
        given = {"inputs": [{**new, "subject": one} for one in subjects]}
        body = {"query": CREATE, "variables": {"input": given}}
        made = (await client.post("/graphql", json=body)).json()["data"]["createTickets"]["results"]
        found |= {one["id"]: subject for one, subject in zip(made, subjects, strict=True)}
    return found


async def _steal(world: World) -> None:
    """Do batches of jobs that servers have not finished, as if their leases had ended."""
    runner = BulkRunner(world.services)
    while True:
        await asyncio.sleep(STEAL_SECONDS)
        world.clock.now = utc_now() + LATER
        with suppress(Unavailable):
            await runner.step()


async def _finish_jobs(world: World) -> None:
    """Do what killed servers have left."""
    world.clock.now = utc_now() + 2 * LATER
    runner = BulkRunner(world.services)
    while await runner.step():
        pass
