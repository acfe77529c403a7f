"""Writes with a key over real servers: killed at any step, or several at once, they do it once."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest

from deskgraph.app import utc_now
from tests.concurrency.keyed_process import FATAL, STEPS
from tests.support import proofs
from tests.support.processes.environment import child_environment
from tests.support.processes.forked_servers import NONE
from tests.support.processes.launcher import Program, program
from tests.support.rows import key
from tests.support.settings import KEY
from tests.support.world import World

pytestmark = pytest.mark.anyio

REPLAYED = "Idempotency-Replayed"
CREATE = """mutation($input: CreateTicketInput!) {
  createTicket(input: $input) { ticket { subject } errors { code } }
}"""
BODY = {"subject": FATAL, "description": "D"}
WAYS: dict[str, dict[str, Any]] = {
    "tickets/": {"json": {**BODY, "company": str(key("hilton"))}},
    "ticket-attachments/": {
        "data": {"ticket": str(key("volume"))},
        "files": {"file": (FATAL, b"content")},
    },
    "/graphql": {
        "json": {
            "query": CREATE,
            "variables": {"input": {**BODY, "companyId": str(key("hilton"))}},
        }
    },
}
# In the suite, each step and each way occurs.
KILLS = (
    [(way, step) for way in WAYS for step in STEPS]
    if proofs.LONG
    else list(zip([*WAYS, "tickets/"], STEPS, strict=True))
)

Run = Callable[..., AbstractContextManager[Program]]


@pytest.fixture
def run(own_world: World, tmp_path: Path) -> Run:
    """Give a function that runs a program of servers on the world's desk."""
    own_world.clock.now = utc_now()

    def running(*command: str) -> AbstractContextManager[Program]:
        environment = child_environment(
            DATABASE_URL=own_world.settings.database_url,
            FILES_URL=own_world.settings.files_url,
            SECRET_KEY=KEY,
        )
        return program(["-m", *command], tmp_path / "server.log", environment=environment)

    return running


async def line(running: Program) -> str:
    return await asyncio.to_thread(running.line)


async def fatal_rows(own_world: World) -> int:
    """Return how many tickets and files there are of the name."""
    rows = await own_world.dump()
    found = [row for table in ("tickets", "attachments") for row in rows[table] if FATAL in row]
    # A file without a row is left for the cleanup; a row always has its file.
    assert {row[2] for row in rows["attachments"] if FATAL in row} <= set(rows["files"])
    return len(found)


async def post(client: httpx.AsyncClient, base: str, way: str, name: str) -> httpx.Response:
    url = base + (way if way.startswith("/") else f"/api/v1/{way}")
    return await client.post(url, headers={"Idempotency-Key": name}, **WAYS[way])


@proofs.on("sqlite")
async def test_a_write_is_done_once_whenever_its_server_is_killed(
    own_world: World, run: Run
) -> None:
    headers = own_world.headers("keith")
    steps = [step for _, step in KILLS]
    with run("tests.concurrency.keyed_process", *steps, NONE) as servers:
        base = f"http://127.0.0.1:{int(await line(servers))}"
        async with httpx.AsyncClient(timeout=60, headers=headers) as client:
            for number, (way, step) in enumerate(KILLS):
                name = f"key {number}"
                with pytest.raises(httpx.TransportError):
                    await post(client, base, way, name)
                # The server of the next step would die of it, too: only the last one answers.
                if step in ("taken", "committing"):
                    assert await fatal_rows(own_world) == done_before(number)
                else:
                    assert await fatal_rows(own_world) == done_before(number) + 1
            answers = [
                await post(client, base, way, f"key {number}")
                for number, (way, _) in enumerate(KILLS)
            ]
            for answer, (_, step) in zip(answers, KILLS, strict=True):
                assert answer.status_code in (200, 201), answer.text
                assert FATAL in answer.text
                assert (REPLAYED in answer.headers) == (step in ("committed", "answering")), step
    assert await fatal_rows(own_world) == len(KILLS)
    assert len((await own_world.dump())["idempotency_keys"]) == len(KILLS)


def done_before(number: int) -> int:
    """Return how many of the first writes were committed before their servers were killed."""
    return sum(step in ("committed", "answering") for _, step in KILLS[:number])


@proofs.on("sqlite")
async def test_two_servers_that_get_the_same_request_do_it_once(own_world: World, run: Run) -> None:
    headers = own_world.headers("keith")
    with run("tests.support.processes.forked_servers", "2") as servers:
        bases = [f"http://127.0.0.1:{port}" for port in (await line(servers)).split()]
        async with httpx.AsyncClient(timeout=60, headers=headers) as client:
            for number, way in enumerate(WAYS):
                found = await asyncio.gather(
                    *(post(client, base, way, f"key {number}") for base in bases * 4)
                )
                assert {one.status_code for one in found} <= {200, 201}
                assert len({one.content for one in found}) == 1
                assert sum(REPLAYED in one.headers for one in found) == 7
                assert await fatal_rows(own_world) == number + 1
