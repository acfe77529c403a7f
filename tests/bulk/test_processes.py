"""Real servers: killed in the middle of a job, others go on with it, and nothing is done twice."""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from uuid import UUID

import pytest

from deskgraph.app import utc_now
from models import BulkJob, BulkJobState, TicketEventType
from resolvers.bulk.jobs import BATCH
from resolvers.bulk.starting import start_update
from resolvers.commands.batches.updates import BatchChange
from tests.bulk.process import STEPS
from tests.support import proofs
from tests.support.processes.environment import child_environment
from tests.support.processes.forked_servers import NONE
from tests.support.processes.launcher import Program, program
from tests.support.rows import company, key, ticket, user
from tests.support.settings import KEY
from tests.support.stored import stored_rows
from tests.support.world import World

pytestmark = pytest.mark.anyio

# Each server that is killed does a batch before the one in which it dies.
COUNT = (2 * len(STEPS) + 2) * BATCH
CHANGE = BatchChange({"priority": "urgent"}, ["bulk"], comment={"text": "We are on it."})
Run = Callable[..., AbstractContextManager[Program]]


@pytest.fixture
async def desk(own_world: World) -> World:
    """Give a desk with two people and no tickets, whose clock is that of the servers."""
    await own_world.clear(company("hilton"), user("keith"), user("admin"))
    own_world.clock.now = utc_now()
    return own_world


@pytest.fixture
def run(desk: World, tmp_path: Path) -> Run:
    """Give a function that runs servers on the desk."""

    def running(*arguments: str) -> AbstractContextManager[Program]:
        environment = child_environment(
            DATABASE_URL=desk.settings.database_url,
            FILES_URL=f"file://{tmp_path / 'media'}",
            SECRET_KEY=KEY,
        )
        command = ["-m", "tests.bulk.process", *arguments]
        return program(command, tmp_path / "server.log", environment=environment)

    return running


async def started(desk: World, who: str, first: int, count: int) -> UUID:
    """Start a job for new tickets."""
    rows = [ticket(f"t{number}", number) for number in range(first, first + count)]
    await desk.add(*rows)
    return await start_update(desk.context(who), [row.id for row in rows], CHANGE)


async def line(running: Program) -> str:
    return await asyncio.to_thread(running.line)


async def until_done(desk: World, *jobs: UUID) -> list[BulkJob]:
    async with asyncio.timeout(60):
        while True:
            found = [await desk.get(BulkJob, job) for job in jobs]
            if all(one.state is BulkJobState.DONE for one in found):
                return found
            await asyncio.sleep(0.05)


async def assert_done_once(desk: World, count: int) -> None:
    """Every ticket has one comment and one change, and events that say so."""
    events = Counter((one.ticket_id, one.type) for one in await desk.events())
    kinds = (TicketEventType.UPDATED, TicketEventType.COMMENT_ADDED)
    assert Counter(kind for _, kind in events) == dict.fromkeys(kinds, count)
    assert set(events.values()) == {1}
    assert len((await stored_rows(desk.database))["comments"]) == count


async def test_a_job_survives_the_kills_of_its_servers(desk: World, run: Run) -> None:
    job = await started(desk, "keith", 1, COUNT)
    with run(*STEPS, NONE) as servers:
        for _ in (0, *STEPS, NONE):
            # The port, and then the id of each server: the next one starts when one is dead.
            assert int(await line(servers))
        [done] = await until_done(desk, job)
    assert (done.done_count, done.changed_count, done.failed_count) == (COUNT, COUNT, 0)
    await assert_done_once(desk, COUNT)


@proofs.on("sqlite")
async def test_several_servers_share_the_jobs(desk: World, run: Run) -> None:
    jobs = [
        await started(desk, "keith", 1, 2 * BATCH),
        await started(desk, "admin", 2 * BATCH + 1, 2 * BATCH),
        await started(desk, "keith", 4 * BATCH + 1, 2 * BATCH),
    ]
    with run("2") as servers:
        assert len((await line(servers)).split()) == 2
        done = await until_done(desk, *jobs)
    assert [one.changed_count for one in done] == [2 * BATCH] * 3
    await assert_done_once(desk, 6 * BATCH)
    # The second job of the same user has waited for the first one.
    first, _, last = done
    assert first.finished_at is not None
    assert last.started_at is not None
    assert first.finished_at <= last.started_at
    assert {one.actor_id for one in await desk.events()} == {key("keith"), key("admin")}
