"""Imports by real servers: killed in the middle, every row becomes one ticket; in flat memory."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from deskgraph.app import utc_now
from models import BulkJob, BulkJobState, ImportReject, TicketEventType
from resolvers.bulk.jobs import BATCH
from resolvers.imports.start import NewImport, start_import
from tests.bulk.importing import csv_of
from tests.bulk.process import STEPS
from tests.support.processes.environment import child_environment
from tests.support.processes.forked_servers import NONE
from tests.support.processes.launcher import Program, program
from tests.support.rows import company, user
from tests.support.settings import KEY
from tests.support.stored import stored_rows
from tests.support.world import World

pytestmark = pytest.mark.anyio

# Each server that is killed does a batch before the one in which it dies.
COUNT = (2 * len(STEPS) + 2) * BATCH
# Of the proof of memory: a server may take so much more for many rows than for a few, in bytes.
MANY, GROWTH = 50_000, 30 * 1024 * 1024
HEADER = "subject,description,company_name"


@pytest.fixture
async def desk(own_world: World) -> World:
    """Give a desk without tickets, whose clock is that of the servers."""
    await own_world.clear(company("hilton"), user("keith"))
    own_world.clock.now = utc_now()
    return own_world


@contextmanager
def servers(desk: World, folder: Path, *steps: str) -> Iterator[Program]:
    environment = child_environment(
        DATABASE_URL=desk.settings.database_url,
        FILES_URL=desk.settings.files_url,
        SECRET_KEY=KEY,
    )
    command = ["-m", "tests.bulk.process", *steps]
    with program(command, folder / "server.log", environment=environment) as running:
        yield running


async def pieces(content: str) -> AsyncIterator[bytes]:
    raw = content.encode()
    for at in range(0, len(raw), 64 * 1024):
        yield raw[at : at + 64 * 1024]


async def imported(desk: World, *rows: str, seconds: float = 60) -> BulkJob:
    """Import rows, and return the job once it is done."""
    given = NewImport("tickets.csv", pieces(csv_of(HEADER, *rows)))
    job = await start_import(desk.context("keith"), given)
    async with asyncio.timeout(seconds):
        while True:
            found = await desk.get(BulkJob, job)
            if found.state is BulkJobState.DONE:
                return found
            await asyncio.sleep(0.05)


async def test_an_import_survives_the_kills_of_its_servers(desk: World, tmp_path: Path) -> None:
    # Every tenth row is refused.
    rows = [f"S{n},D,{'nobody' if n % 10 == 0 else 'hilton'}" for n in range(COUNT)]
    with servers(desk, tmp_path, *STEPS, NONE):
        done = await imported(desk, *rows)
    refused = COUNT // 10
    assert (done.changed_count, done.failed_count) == (COUNT - refused, refused)
    stored = await stored_rows(desk.database)
    assert Counter(str(row[2]) for row in stored["tickets"]) == Counter(
        f"S{n}" for n in range(COUNT) if n % 10
    )
    assert Counter(one.type for one in await desk.events()) == {
        TicketEventType.CREATED: COUNT - refused
    }
    async with desk.database.transaction() as session:
        kept = [await session.get(ImportReject, (done.id, n)) for n in range(COUNT)]
    assert [n for n, one in enumerate(kept) if one is not None] == list(range(0, COUNT, 10))
    assert stored["import_files"] == []
    assert desk.files() == []


@pytest.mark.proof
@pytest.mark.parametrize("backend", ["postgres"], indirect=True)
async def test_many_rows_take_no_more_memory_than_a_few(desk: World, tmp_path: Path) -> None:
    with servers(desk, tmp_path, NONE) as running:
        port = int(await asyncio.to_thread(running.line))
        process = int(await asyncio.to_thread(running.line))
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=600) as client:
            await imported(desk, *["S,D,hilton"] * 500)
            await exported(desk, client)
            before = high_water(process)
            done = await imported(desk, *["S,D,hilton"] * MANY, seconds=1000)
            assert done.changed_count == MANY
            assert high_water(process) - before < GROWTH
            assert await exported(desk, client) == MANY + 500 + 1
            assert high_water(process) - before < GROWTH


async def exported(desk: World, client: httpx.AsyncClient) -> int:
    """Export all tickets; returns how many lines came."""
    answer = await client.post(
        "/graphql",
        json={"query": "{ exportTickets(fields: [ID, SUBJECT, COMPANY_NAME]) { url } }"},
        headers=desk.headers("keith"),
    )
    count = 0
    url = answer.json()["data"]["exportTickets"]["url"]
    async with client.stream("GET", url) as response:
        async for chunk in response.aiter_raw():
            count += chunk.count(b"\n")
    return count


def high_water(process: int) -> int:
    """Return the most memory that a process has had, in bytes."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    assert found
    return int(found[1]) * 1024
