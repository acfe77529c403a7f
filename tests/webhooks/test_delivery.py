"""Events arrive: all of them, in the order of their tickets, whatever receivers do."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from standardwebhooks import Webhook as Verifier

from deskgraph.app import utc_now
from deskgraph.webhooks.deliverer import AT_ONCE, Deliverer
from deskgraph.webhooks.enqueue import BATCH
from deskgraph.webhooks.queue import LEASE, claim, finish
from deskgraph.webhooks.sender import AttemptResult
from deskgraph.webhooks.signing import NotVerified, verify
from models import TicketEventType
from resolvers.commands import tickets, webhooks
from resolvers.query.field_types import MAX_PAGE_BYTES
from resolvers.signing import OldKey, Signer
from tests.support.clock import NOON
from tests.support.rows import key
from tests.support.settings import KEY
from tests.webhooks.conftest import Hooks
from tests.webhooks.receiver import Answer, Received, Receiver

pytestmark = pytest.mark.anyio


async def test_more_events_than_are_taken_at_once_arrive_once_and_in_order(hooks: Hooks) -> None:
    await hooks.create()
    names = ["offline", "volume", "bill"]
    for i in range(BATCH + 20):
        await hooks.happen(names[i % 3])
    await hooks.work()
    assert sorted(hooks.receiver.sequences) == [e.seq for e in await hooks.world.events()]
    for name in names:
        of_ticket = [
            one.sequence
            for one in hooks.receiver.received
            if one.message["data"]["event"]["ticket"] == str(key(name))
        ]
        assert of_ticket == sorted(of_ticket)
        assert of_ticket


async def test_events_are_taken_by_bytes_as_well(hooks: Hooks) -> None:
    long = {"description": "x" * (MAX_PAGE_BYTES // 4)}
    await tickets.update_ticket(hooks.world.context("keith"), key("offline"), long)
    await hooks.create(event_types=[TicketEventType.UPDATED])
    await hooks.happen(count=3)
    # Events that do not concern it lie between what it takes at once.
    await hooks.comment("offline", "Hello")
    await hooks.happen(count=6)
    await hooks.comment("offline", "Goodbye")
    await hooks.deliverer.step()
    assert len(await hooks.deliveries()) == 4
    await hooks.work()
    assert hooks.receiver.sequences == [
        event.seq
        for event in (await hooks.world.events())[1:]
        if event.type is TicketEventType.UPDATED
    ]


async def test_the_library_verifies_signatures(hooks: Hooks) -> None:
    hooks.world.clock.now = utc_now()
    webhook = await hooks.create()
    await hooks.comment("offline", 'Ünïcode "quotes" \U0001f3b5 \\ and\nlines')
    await hooks.work()
    [one] = hooks.receiver.received
    assert Verifier(hooks.secrets[webhook]).verify(one.body, one.headers) == one.message


async def test_both_secrets_sign_during_a_rotation(hooks: Hooks) -> None:
    hooks.world.clock.now = utc_now()
    webhook = await hooks.create()
    admin = hooks.world.context("admin")
    old = hooks.secrets[webhook]
    new = await webhooks.rotate_webhook_secret(admin, webhook, 24)
    await hooks.happen()
    await hooks.work()
    assert old != new
    for secret in (old, new):
        Verifier(secret).verify(
            hooks.receiver.received[-1].body, hooks.receiver.received[-1].headers
        )
    assert len(hooks.receiver.received[-1].headers["webhook-signature"].split()) == 2

    hooks.world.clock.move(hours=24)
    await hooks.happen()
    await hooks.work()
    assert len(hooks.receiver.received[-1].headers["webhook-signature"].split()) == 1

    newest = await webhooks.rotate_webhook_secret(admin, webhook, 0)
    hooks.world.clock.now = utc_now()
    await hooks.happen()
    await hooks.work()
    last = hooks.receiver.received[-1]
    Verifier(newest).verify(last.body, last.headers)
    assert len(last.headers["webhook-signature"].split()) == 1


async def test_secrets_of_both_keys_sign_until_the_old_key_ends(
    hooks: Hooks, deliverers: Callable[..., Deliverer], monkeypatch: pytest.MonkeyPatch
) -> None:
    hooks.world.clock.now = utc_now()
    webhook = await hooks.create()
    of_old_key = hooks.secrets[webhook]
    until = hooks.world.clock.now + timedelta(hours=24)
    signer = Signer("the next key of the server", OldKey(KEY, until, hooks.world.clock))
    services = replace(hooks.world.services, signer=signer)
    monkeypatch.setattr(hooks.world, "services", services)
    deliverer = deliverers()

    async def message() -> Received:
        await hooks.happen()
        await hooks.work(deliverer)
        return hooks.receiver.received[-1]

    def is_signed_by(one: Received, secret: str) -> bool:
        try:
            verify([secret], one.headers, one.body, int(one.headers["webhook-timestamp"]))
        except NotVerified:
            return False
        return True

    first = await message()
    assert is_signed_by(first, of_old_key)
    assert len(first.headers["webhook-signature"].split()) == 2

    # Receivers get the secret of the new key by a rotation of their own.
    admin = hooks.world.context("admin")
    of_new_key = await webhooks.rotate_webhook_secret(admin, webhook, 48)
    second = await message()
    assert is_signed_by(second, of_old_key)
    assert is_signed_by(second, of_new_key)
    hooks.world.clock.now = until
    third = await message()
    assert not is_signed_by(third, of_old_key)
    assert is_signed_by(third, of_new_key)


async def test_a_ticket_waits_for_its_failed_event_and_others_do_not(hooks: Hooks) -> None:
    await hooks.create()
    await hooks.happen("offline", 3)
    await hooks.happen("volume", 2)
    mine = str(key("offline"))

    def answer(received: Received) -> Answer:
        return (503 if received.message["data"]["event"]["ticket"] == mine else 200), {}, b""

    hooks.receiver.answer = answer
    await hooks.work()
    assert await hooks.states() == ["pending"] * 3 + ["delivered"] * 2
    assert hooks.receiver.sequences.count(hooks.receiver.sequences[0]) == 1
    hooks.receiver.answers(200)
    hooks.receiver.received.clear()
    hooks.world.clock.move(seconds=5)
    await hooks.work()
    assert hooks.receiver.sequences == sorted(hooks.receiver.sequences)
    assert len(hooks.receiver.sequences) == 3


async def test_a_slow_receiver_holds_up_neither_writes_nor_others(
    hooks: Hooks, receivers: Callable[[], Receiver]
) -> None:
    other, gate = receivers(), threading.Event()
    waiting = threading.Semaphore(0)
    await hooks.create()
    await hooks.create(url=other.url)

    def wait(_received: Received) -> Answer:
        waiting.release()
        gate.wait(30)
        return 200, {}, b""

    hooks.receiver.answer = wait
    try:
        for name in ("offline", "volume", "bill"):
            await hooks.happen(name, 3)
        while (await hooks.states()).count("delivered") < 9:
            await hooks.deliverer.step()
            # Three of them wait for the gate; any other may have ended by now.
            if len(sending := hooks.deliverer.sending) > 3:
                await asyncio.wait(sending, return_when=asyncio.FIRST_COMPLETED)
        assert len(other.received) == 9
        for _ in range(3):
            assert await asyncio.to_thread(waiting.acquire, timeout=30)
        # One of each ticket is under way to the slow one, and no more.
        assert len(hooks.receiver.received) == 3 <= AT_ONCE
    finally:
        gate.set()
        await hooks.deliverer.sent()
    await hooks.work()
    assert len(hooks.receiver.received) == 9


async def test_requests_to_one_webhook_at_once_are_bounded(hooks: Hooks) -> None:
    gate = threading.Event()
    await hooks.create()

    def wait(_received: Received) -> Answer:
        gate.wait(30)
        return 200, {}, b""

    hooks.receiver.answer = wait
    for i in range(AT_ONCE + 3):
        given = {"subject": f"S{i}", "description": "D", "company": key("hilton")}
        await tickets.create_ticket(hooks.world.context("keith"), given)
    try:
        for _ in range(3):
            await hooks.deliverer.step()
        assert len(hooks.deliverer.sending) == AT_ONCE
    finally:
        gate.set()
        await hooks.deliverer.sent()
    await hooks.work()
    assert len(hooks.receiver.received) == AT_ONCE + 3


async def test_a_claim_that_was_lost_is_made_again_and_the_late_one_counts_for_nothing(
    hooks: Hooks, deliverers: Callable[..., Deliverer]
) -> None:
    webhook = await hooks.create()
    await hooks.happen()
    await hooks.deliverer.step()
    await hooks.deliverer.sent()
    [delivery] = await hooks.deliveries()
    await webhooks.redeliver(hooks.world.context("admin"), delivery.id)
    [dead] = await claim(hooks.world.services, webhook, 10)
    assert await claim(hooks.world.services, webhook, 10) == []
    await hooks.work(deliverers())
    assert len(hooks.receiver.received) == 1
    hooks.world.clock.now += LEASE
    await hooks.work(deliverers())
    assert len(hooks.receiver.received) == 2

    before = await hooks.deliveries()
    await finish(hooks.world.services, dead, NOON, AttemptResult(1, status=500), lambda: 1.0)
    assert await hooks.deliveries() == before


async def test_of_several_processes_one_makes_each_delivery(
    hooks: Hooks, deliverers: Callable[..., Deliverer]
) -> None:
    await hooks.create()
    several = [deliverers() for _ in range(4)]
    for name in ("offline", "volume", "bill"):
        await hooks.happen(name, 10)
    await asyncio.gather(*(hooks.work(each) for each in several))
    # The slower one may have left something that became due in the meantime.
    await hooks.work()
    assert sorted(hooks.receiver.sequences) == [e.seq for e in await hooks.world.events()]
    by_ticket: dict[str, list[int]] = {}
    for one in hooks.receiver.received:
        by_ticket.setdefault(one.message["data"]["event"]["ticket"], []).append(one.sequence)
    assert all(numbers == sorted(numbers) for numbers in by_ticket.values())


async def test_a_deleted_webhook_is_sent_nothing_more(hooks: Hooks) -> None:
    gate = threading.Event()
    webhook = await hooks.create()
    await hooks.happen(count=2)

    def wait(_received: Received) -> Answer:
        gate.wait(30)
        return 200, {}, b""

    hooks.receiver.answer = wait
    await hooks.deliverer.step()
    try:
        await webhooks.delete_webhook(hooks.world.context("admin"), webhook)
    finally:
        gate.set()
        await hooks.deliverer.sent()
    await hooks.work()
    assert len(hooks.receiver.received) <= 1
    assert await hooks.deliveries() == []
    assert await hooks.attempts() == []


async def test_a_webhook_that_is_enabled_again_goes_on_where_it_stopped(hooks: Hooks) -> None:
    webhook = await hooks.create()
    admin = hooks.world.context("admin")
    await webhooks.update_webhook(admin, webhook, {"enabled": False})
    await hooks.happen(count=2)
    await hooks.work()
    assert hooks.receiver.received == []
    await webhooks.update_webhook(admin, webhook, {"enabled": True})
    await hooks.work()
    assert len(hooks.receiver.received) == 2


async def test_what_is_too_much_waits_in_the_log(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deskgraph.webhooks.enqueue.BATCH", 2)
    monkeypatch.setattr("deskgraph.webhooks.deliverer.MAX_WAITING", 3)
    await hooks.create()
    hooks.receiver.answers(500)
    await hooks.happen(count=10)
    await hooks.work()
    assert len(await hooks.deliveries()) == 4
    hooks.receiver.answers(200)
    hooks.world.clock.move(seconds=5)
    await hooks.work()
    assert hooks.receiver.sequences[1:] == [event.seq for event in await hooks.world.events()]


async def test_one_that_fails_is_sent_one_request_at_once(hooks: Hooks) -> None:
    await hooks.create()
    for name in ("offline", "volume", "bill"):
        await hooks.happen(name)
    hooks.receiver.answers(500)
    await hooks.work()
    hooks.world.clock.move(minutes=1)
    for _ in range(3):
        await hooks.deliverer.step()
        assert len(hooks.deliverer.sending) == 1
        await hooks.deliverer.sent()
