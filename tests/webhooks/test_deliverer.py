"""The deliverer of a process: wakes by itself, costs nothing without webhooks, stops cleanly."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from deskgraph.database.event_signal import EventSignal
from deskgraph.webhooks import deliverer as module
from deskgraph.webhooks.deliverer import Deliverer
from deskgraph.webhooks.sender import Sender
from resolvers.commands import webhooks
from resolvers.write_statements import Step, Transaction
from tests.support.world import World, open_world
from tests.webhooks.conftest import Hooks
from tests.webhooks.receiver import Answer, Received, Receiver

pytestmark = pytest.mark.anyio


async def arrival(receiver: Receiver) -> None:
    assert await asyncio.to_thread(receiver.arrived.wait, 60)
    receiver.arrived.clear()


@pytest.fixture
def blocked(receiver: Receiver) -> Any:
    """Let the receiver answer nothing until the test is over."""
    gate = threading.Event()

    def wait(_received: Received) -> Answer:
        gate.wait(60)
        return 200, {}, b""

    receiver.answer = wait
    yield gate
    gate.set()


async def test_it_wakes_for_events_of_this_process_and_of_others(
    hooks: Hooks, shared_url: str, tmp_path: Any
) -> None:
    await hooks.create()
    await hooks.deliverer.start()
    await hooks.happen()
    await arrival(hooks.receiver)
    async with open_world(shared_url, tmp_path / "media") as other:
        elsewhere = Hooks(other, hooks.deliverer, hooks.receiver, {})
        await elsewhere.happen("volume")
    await arrival(hooks.receiver)
    await hooks.deliverer.stop()
    assert len(hooks.receiver.received) == 2


async def test_it_begins_with_what_happened_while_no_process_ran(hooks: Hooks) -> None:
    await hooks.create()
    await hooks.happen(count=2)
    await hooks.deliverer.start()
    await arrival(hooks.receiver)
    await hooks.deliverer.stop()


class Silence:
    """A signal of a log that nothing is appended to; tells when it is waited for."""

    def __init__(self) -> None:
        self.count = 0
        self.waited = asyncio.Event()

    async def wait(self, seen: int) -> int:
        self.waited.set()
        await asyncio.Event().wait()
        return seen


async def test_it_wakes_when_an_attempt_is_due_again(hooks: Hooks) -> None:
    """By the due time alone: nothing happens that could wake it otherwise."""
    await hooks.create()
    await hooks.happen()
    hooks.receiver.answers(500)
    await hooks.work()
    due = await hooks.deliverer.step()
    assert due == hooks.world.clock.now + timedelta(seconds=5)
    hooks.receiver.arrived.clear()
    silence = Silence()
    deliverer = Deliverer(replace(hooks.world.services, event_signal=silence), Sender(private=True))
    hooks.world.clock.now = due - timedelta(milliseconds=1)
    await deliverer.start()
    async with asyncio.timeout(60):
        await silence.waited.wait()
    assert not hooks.receiver.arrived.is_set()
    hooks.world.clock.now = due
    await arrival(hooks.receiver)
    await deliverer.stop()


async def test_without_webhooks_it_listens_to_nothing_until_there_is_one(
    anyio_backend: str, database_url: str, tmp_path: Any, receiver: Receiver
) -> None:
    async with open_world(database_url, tmp_path / "media") as world:
        await world.reset()
        world.services = replace(world.services, private_webhooks=True)
        deliverer, asked = Deliverer(world.services), _statements(world)
        await deliverer.start()
        hooks = Hooks(world, deliverer, receiver, {})
        await hooks.happen()
        for _ in range(20):
            await asyncio.sleep(0)
        assert not world.database.event_signal.is_listening
        assert not [one for one in asked if "webhook" in one]
        await hooks.create()
        await hooks.happen()
        await arrival(receiver)
        assert world.database.event_signal.is_listening
        await deliverer.stop()


def _statements(world: World) -> list[str]:
    found: list[str] = []
    event.listen(
        world.database.engine.sync_engine,
        "before_cursor_execute",
        lambda _conn, _cursor, sql, *_rest: found.append(sql),
    )
    write = world.database.write

    @asynccontextmanager
    async def seen(*, fresh: bool = False, checks: bool = False) -> AsyncIterator[Transaction]:
        async with write(fresh=fresh, checks=checks) as transaction:
            execute = transaction.execute

            async def execute_seen(*steps: Step) -> None:
                found.extend(str(statement.build("sqlite")) for statement, _ in steps)
                await execute(*steps)

            transaction.execute = execute_seen  # type: ignore[method-assign] # it calls it
            yield transaction

    world.database.write = seen  # type: ignore[method-assign] # it calls the one it replaces
    return found


async def test_a_write_does_nothing_for_webhooks_but_append(
    anyio_backend: str, database_url: str, tmp_path: Any, receiver: Receiver, blocked: Any
) -> None:
    async with open_world(database_url, tmp_path / "media") as world:
        await world.reset()
        world.services = replace(world.services, private_webhooks=True)
        hooks = Hooks(world, Deliverer(world.services), receiver, {})
        await hooks.create()
        await hooks.happen()
        await hooks.deliverer.step()
        await arrival(receiver)
        asked = _statements(world)
        # The receiver has not answered yet.
        await hooks.happen("offline", 3)
        assert len(hooks.deliverer.sending) == 1
        assert [one for one in asked if "INSERT INTO ticket_events" in one]
        assert not [one for one in asked if "webhook" in one]
        blocked.set()
        await hooks.deliverer.sent()
        await hooks.deliverer.stop()


async def test_a_process_that_ends_gives_back_what_it_has_not_finished(
    hooks: Hooks,
    monkeypatch: pytest.MonkeyPatch,
    blocked: Any,
    deliverers: Callable[..., Deliverer],
) -> None:
    monkeypatch.setattr(module, "STOP_SECONDS", 0.01)
    await hooks.create()
    await hooks.happen()
    await hooks.deliverer.start()
    await arrival(hooks.receiver)
    await hooks.deliverer.stop()
    [left] = await hooks.deliveries()
    assert (left.claim, left.next_attempt_at) == (None, hooks.world.clock.now)
    assert left.attempt_count == 0
    blocked.set()
    await hooks.work(deliverers())
    assert await hooks.states() == ["delivered"]


async def test_a_process_that_ends_lets_requests_end_for_a_moment(
    hooks: Hooks, blocked: Any
) -> None:
    await hooks.create()
    await hooks.happen()
    await hooks.deliverer.start()
    await arrival(hooks.receiver)
    blocked.set()
    await hooks.deliverer.stop()
    assert await hooks.states() == ["delivered"]


async def test_trouble_with_the_database_is_told_and_tried_again(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    await hooks.create()
    await hooks.deliverer.start()
    failed = asyncio.Event()
    real = vars(module)["overview"]

    async def fail(_services: Any) -> Any:
        failed.set()
        raise OSError("no database")

    monkeypatch.setattr(module, "FIRST_RETRY_SECONDS", 0.01)
    monkeypatch.setattr(module, "overview", fail)
    await hooks.happen()
    async with asyncio.timeout(60):
        await failed.wait()
    monkeypatch.setattr(module, "overview", real)
    await arrival(hooks.receiver)
    await hooks.deliverer.stop()
    assert "cannot look for deliveries" in caplog.text


class SilentBell(EventSignal):
    """Rings only when it is rung, and is waited for as long as it takes."""

    async def _listen(self) -> None:
        await asyncio.Event().wait()


async def test_what_happens_while_it_looks_is_noticed(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    await hooks.create()
    event_signal, looks = SilentBell(patience=300), 0
    real = vars(module)["overview"]

    async def happens_after(services: Any) -> Any:
        nonlocal looks
        found = await real(services)
        looks += 1
        # The first is that of the start, after which it looks again in any case.
        if looks == 2:
            await hooks.happen()
            event_signal.notify()
        return found

    monkeypatch.setattr(module, "overview", happens_after)
    deliverer = Deliverer(
        replace(hooks.world.services, event_signal=event_signal), Sender(private=True)
    )
    await deliverer.start()
    try:
        assert await asyncio.to_thread(hooks.receiver.arrived.wait, 30)
    finally:
        await deliverer.stop()
        await event_signal.close()


async def test_what_is_logged_names_no_address(
    hooks: Hooks, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "deskgraph")
    webhook = await hooks.create(url=f"{hooks.receiver.url}?token=between-us")
    await hooks.happen()
    hooks.receiver.answers(410)
    await hooks.work()
    assert f"webhook {webhook} is disabled" in caplog.text
    assert "between-us" not in caplog.text
    assert hooks.receiver.received[0].path == "/hook?token=between-us"
    await webhooks.delete_webhook(hooks.world.context("admin"), webhook)
