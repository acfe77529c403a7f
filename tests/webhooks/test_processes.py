"""Real servers: killed at every step they lose nothing, and several of them share the work."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlmodel import col, select

from deskgraph.app import utc_now
from models import WebhookAttempt, WebhookDelivery
from resolvers.commands import webhooks
from tests.support import proofs
from tests.support.processes.environment import child_environment
from tests.support.processes.forked_servers import NONE
from tests.support.processes.launcher import Program, program
from tests.support.rows import key
from tests.support.settings import KEY
from tests.support.world import World
from tests.webhooks.process import STEPS
from tests.webhooks.receiver import Received, Receiver, ok

pytestmark = pytest.mark.anyio

CHANGES, SERVERS = (15, 3) if proofs.LONG else (4, 2)
# The last one has finished its delivery, so that nothing happens after the last kill.
KILLED = STEPS if proofs.LONG else ("sent", "finished")
# Killed after the receiver had it: those are repeats.
REPEATED = len({"sent", "finishing"}.intersection(KILLED))


@pytest.fixture(autouse=True)
def _now_and_here(own_world: World) -> None:
    """Let it be as in the servers: their clocks run, and webhooks go to this machine."""
    own_world.services = replace(own_world.services, private_webhooks=True)
    own_world.clock.now = utc_now()


Run = Callable[..., AbstractContextManager[Program]]


@pytest.fixture
def run(own_world: World, tmp_path: Path) -> Run:
    """Give a function that runs a program of servers on the world's desk."""

    def running(*command: str) -> AbstractContextManager[Program]:
        environment = child_environment(
            DATABASE_URL=own_world.settings.database_url,
            FILES_URL=f"file://{tmp_path / 'media'}",
            SECRET_KEY=KEY,
            WEBHOOK_PRIVATE_ADDRESSES="allow",
        )
        return program(["-m", *command], tmp_path / "server.log", environment=environment)

    return running


async def line(running: Program) -> str:
    return await asyncio.to_thread(running.line)


async def change(own_world: World, base: str, ticket: str, subject: str) -> int:
    headers = own_world.headers("keith")
    url = f"{base}/api/v1/tickets/{key(ticket)}/"
    async with httpx.AsyncClient(timeout=60) as client:
        answer = await client.patch(url, json={"subject": subject}, headers=headers)
    return answer.status_code


@proofs.on("sqlite")
async def test_a_server_that_is_killed_at_any_step_loses_nothing(
    own_world: World, run: Run, receiver: Receiver
) -> None:
    await webhooks.create_webhook(own_world.context("admin"), {"url": receiver.url})
    with run("tests.webhooks.process", *KILLED, NONE) as servers:
        base = f"http://127.0.0.1:{int(await line(servers))}"
        assert int(await line(servers))
        # The write is committed, its answer may be lost.
        with suppress(httpx.HTTPError):
            assert await change(own_world, base, "offline", "new") == 200
        for _ in KILLED:
            # The next one starts when one is dead.
            assert int(await line(servers))
        [event] = await own_world.events()
        async with own_world.database.transaction() as session:
            [delivery] = (await session.exec(select(WebhookDelivery))).all()
            [attempt] = (await session.exec(select(WebhookAttempt))).all()
    assert delivery.state.value == "delivered"
    assert (attempt.number, attempt.status) == (1, 204)
    # What is repeated can be told by its id.
    assert len(receiver.received) == 1 + REPEATED
    assert {one.id for one in receiver.received} == {f"{event.id}_{delivery.webhook_id}"}
    assert len({one.body for one in receiver.received}) == 1


@proofs.on("postgres")
async def test_several_servers_make_each_delivery_once_and_in_order(
    own_world: World, run: Run, receiver: Receiver
) -> None:
    await webhooks.create_webhook(own_world.context("admin"), {"url": receiver.url})
    names = ("offline", "volume", "bill")
    whole = asyncio.Event()
    loop = asyncio.get_running_loop()

    def count(received: Received) -> Any:
        if len(receiver.received) == CHANGES * len(names):
            loop.call_soon_threadsafe(whole.set)
        return ok(received)

    receiver.answer = count
    with run("tests.support.processes.forked_servers", str(SERVERS)) as servers:
        bases = [f"http://127.0.0.1:{port}" for port in (await line(servers)).split()]

        async def write(i: int) -> None:
            for n in range(CHANGES):
                base = bases[(i + n) % len(bases)]
                assert await change(own_world, base, names[i], f"change {n}") == 200

        await asyncio.gather(*map(write, range(len(names))))
        async with asyncio.timeout(60):
            await whole.wait()
    assert sorted(receiver.sequences) == [event.seq for event in await own_world.events()]
    for name in names:
        mine = [
            one.message["data"]["event"]["changes"][0]["to"]
            for one in receiver.received
            if one.message["data"]["event"]["ticket"] == str(key(name))
        ]
        assert mine == [f"change {n}" for n in range(CHANGES)]
    async with own_world.database.transaction() as session:
        left = select(WebhookDelivery).where(col(WebhookDelivery.attempt_count) != 1)
        assert (await session.exec(left)).all() == []
