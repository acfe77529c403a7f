"""Failures: what counts as one, when there is a further attempt, and when there is none."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from deskgraph.webhooks.deliverer import Deliverer
from deskgraph.webhooks.sender import MAX_RESPONSE_BYTES
from models import WebhookDeliveryState
from resolvers.commands import webhooks
from tests.deskgraph.observability.instruments import Recorded
from tests.support.clock import NOON
from tests.support.world import World
from tests.webhooks.conftest import Hooks
from tests.webhooks.receiver import Answer, Received, Receiver

pytestmark = pytest.mark.anyio


async def test_a_failure_is_tried_again_ever_later_and_set_aside_after_a_day(
    hooks: Hooks, caplog: pytest.LogCaptureFixture
) -> None:
    await hooks.create()
    await hooks.happen()
    hooks.receiver.answers(500, b"out of order")
    times = []
    for _ in range(20):
        before = len(hooks.receiver.received)
        due = await hooks.deliverer.step()
        await hooks.deliverer.sent()
        if len(hooks.receiver.received) > before:
            times.append(hooks.world.clock.now)
        if due is None or due <= hooks.world.clock.now:
            due = await hooks.deliverer.step()
        if due is None:
            break
        assert due > hooks.world.clock.now
        hooks.world.clock.now = due
    delays = [(b - a).total_seconds() for a, b in pairwise(times)]
    assert delays == [5, 30, 120, 600, 1800, 3600, 7200, 14400, 28800, 28800]
    assert times[-1] - NOON < timedelta(days=1)
    assert await hooks.states() == ["set_aside"]
    assert caplog.text.count(f"has failed, attempts: {len(times)}") == 1
    assert caplog.text.count("has failed") == 1
    assert len({one.id for one in hooks.receiver.received}) == 1
    assert len({one.body for one in hooks.receiver.received}) == 1
    attempts = await hooks.attempts()
    assert [one.number for one in attempts] == list(range(1, len(times) + 1))
    assert {(one.status, one.answer, one.error) for one in attempts} == {
        (500, "out of order", None)
    }


async def test_what_comes_of_attempts_is_counted(
    private_world: World, deliverers: Callable[..., Deliverer], receiver: Receiver
) -> None:
    recorded = Recorded()
    private_world.services = replace(private_world.services, instruments=recorded)
    hooks = Hooks(private_world, deliverers(), receiver, {})
    await hooks.create()
    await hooks.happen()
    for status in (500, 302, 204):
        receiver.answers(status)
        hooks.world.clock.move(hours=1)
        await hooks.work()
    await hooks.create(url="http://127.0.0.1:1/")
    await hooks.happen("volume")
    receiver.answers(200)
    await hooks.work()
    assert recorded.attempts[:3] == ["rejected", "rejected", "delivered"]
    # Those of two webhooks, at the same time.
    assert sorted(recorded.attempts[3:]) == ["delivered", "failed"]


async def test_what_was_set_aside_is_sent_again_when_it_is_asked_for(hooks: Hooks) -> None:
    await hooks.create()
    await hooks.happen()
    hooks.receiver.answers(410)
    await hooks.work()
    [delivery] = await hooks.deliveries()
    assert delivery.state is WebhookDeliveryState.SET_ASIDE

    hooks.receiver.answers(200)
    admin = hooks.world.context("admin")
    await webhooks.update_webhook(admin, delivery.webhook_id, {"enabled": True})
    await hooks.work()
    assert len(hooks.receiver.received) == 1
    await webhooks.redeliver(admin, delivery.id)
    await hooks.work()
    assert await hooks.states() == ["delivered"]
    assert [one.id for one in hooks.receiver.received] == [delivery.message_id] * 2
    # What has arrived can be sent again, too.
    await webhooks.redeliver(admin, delivery.id)
    await hooks.work()
    assert len(hooks.receiver.received) == 3


async def test_a_receiver_says_when_it_wants_to_be_asked_again(hooks: Hooks) -> None:
    await hooks.create()
    await hooks.happen()
    hooks.receiver.answers(429, retry_after="120")
    await hooks.work()
    assert (await hooks.deliveries())[0].next_attempt_at == NOON + timedelta(seconds=120)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_redirects_are_not_followed(
    hooks: Hooks, receivers: Callable[[], Receiver], status: int
) -> None:
    other = receivers()
    await hooks.create()
    await hooks.happen()
    hooks.receiver.answers(status, location=other.url)
    await hooks.work()
    assert other.received == []
    assert [one.status for one in await hooks.attempts()] == [status]
    assert await hooks.states() == ["pending"]


async def test_gone_ends_a_webhook(hooks: Hooks) -> None:
    webhook = await hooks.create()
    await hooks.happen(count=2)
    hooks.receiver.answers(410)
    await hooks.work()
    found = await hooks.webhook(webhook)
    assert (found.enabled, found.disabled_reason) == (False, "The receiver answered 410 Gone.")
    assert len(hooks.receiver.received) == 1
    await hooks.happen("volume")
    await hooks.work()
    assert len(hooks.receiver.received) == 1

    hooks.receiver.answers(200)
    await webhooks.update_webhook(hooks.world.context("admin"), webhook, {"enabled": True})
    await hooks.work()
    # Only what has failed was missed.
    assert await hooks.states() == ["set_aside", "delivered", "delivered"]
    found = await hooks.webhook(webhook)
    assert (found.disabled_reason, found.failing_since) == (None, None)


async def test_a_webhook_that_has_failed_for_days_is_disabled(hooks: Hooks) -> None:
    webhook = await hooks.create()
    hooks.receiver.answers(404)
    days = 0
    while (await hooks.webhook(webhook)).enabled:
        days += 1
        await hooks.happen()
        for _ in range(12):
            await hooks.work()
            hooks.world.clock.move(hours=2)
    assert 5 <= days <= 7
    found = await hooks.webhook(webhook)
    assert found.disabled_reason == "Every attempt failed for 5 days."


async def test_no_answer_in_time_is_a_failure(
    hooks: Hooks, deliverers: Callable[..., Deliverer]
) -> None:
    gate = threading.Event()
    await hooks.create()
    await hooks.happen()

    def wait(_received: Received) -> Answer:
        gate.wait(30)
        return 200, {}, b""

    hooks.receiver.answer = wait
    try:
        await hooks.work(deliverers(patience=0.3))
    finally:
        gate.set()
    [attempt] = await hooks.attempts()
    assert (attempt.status, attempt.error) == (None, "There was no answer within 0.3 seconds.")


async def test_of_an_answer_only_the_beginning_is_kept(hooks: Hooks) -> None:
    await hooks.create()
    await hooks.happen()
    hooks.receiver.answers(200, b"\0\xff" + b"x" * 10_000_000)
    await hooks.work()
    [attempt] = await hooks.attempts()
    assert attempt.answer == "\ufffd" + "x" * (MAX_RESPONSE_BYTES - 2)


async def test_a_receiver_that_is_not_there_is_tried_again(hooks: Hooks) -> None:
    await hooks.create(url="http://127.0.0.1:1/")
    await hooks.happen()
    await hooks.work()
    [attempt] = await hooks.attempts()
    assert attempt.error
    assert attempt.error.startswith("The connection failed: ")
    assert await hooks.states() == ["pending"]


async def test_a_ping_is_sent_once_also_by_a_disabled_webhook(hooks: Hooks) -> None:
    webhook = await hooks.create(enabled=False)
    await hooks.happen()
    hooks.receiver.answers(500)
    key_ = await webhooks.ping_webhook(hooks.world.context("admin"), webhook)
    await hooks.work()
    hooks.world.clock.move(days=2)
    await hooks.work()
    [one] = hooks.receiver.received
    assert one.message["type"] == "webhook.ping"
    assert one.message["data"] == {"webhook": str(webhook)}
    assert one.id == f"ping_{key_}"
    assert await hooks.states() == ["set_aside"]
    assert (await hooks.webhook(webhook)).failing_since is None
