"""Events arrive: all of them, in the order of their tickets, whatever receivers do."""

import asyncio
import json
import threading
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise

import pytest
from standardwebhooks import Webhook as Verifier

from models import Ticket, TicketStatus, WebhookDeliveryState
from resolvers import tickets, webhooks
from server.app import utc_now
from server.webhooks.deliverer import AT_ONCE, Deliverer
from server.webhooks.queue import LEASE, RETENTION, claim
from server.webhooks.sender import MOST_ANSWER
from server.webhooks.taking import BATCH
from tests.viewers.world import NOON, SECRET, key
from tests.webhooks.conftest import Hooks
from tests.webhooks.receiver import Answer, Received, Receiver

pytestmark = pytest.mark.anyio


async def test_an_event_arrives_as_the_feed_has_it(hooks: Hooks) -> None:
    webhook = await hooks.create()
    await tickets.update_ticket(
        hooks.world.context("keith"), key("offline"), {"status": TicketStatus.PENDING}
    )
    await hooks.work()

    [one] = hooks.receiver.received
    [event] = await hooks.world.events(key("offline"))
    assert one.headers["content-type"] == "application/json"
    assert one.id == f"{event.id}_{webhook}"
    message = one.message
    assert list(message) == ["type", "timestamp", "data"]
    assert message["type"] == "ticket.status_changed"
    assert message["timestamp"] == "2025-11-19T12:00:00Z"
    told = message["data"]["event"]
    assert told.pop("cursor")
    assert told == {
        "id": str(event.id),
        "type": "status_changed",
        "at": "2025-11-19T12:00:00Z",
        "actor": str(key("keith")),
        "actor_name": "",
        "via": "graphql",
        "is_internal": False,
        "ticket": str(key("offline")),
        "ticket_number": "T-20251110-0001",
        "comment": None,
        "attachment": None,
        "changes": [{"field": "status", "from": "assigned", "to": "pending"}],
        "sequence": event.seq,
    }
    ticket = message["data"]["ticket"]
    assert (ticket["status"], ticket["company_name"]) == ("pending", "Hilton")
    assert not {"comments", "attachments", "internal_notes_count"} & set(ticket)
    assert message["data"]["comment"] is message["data"]["attachment"] is None
    [delivery] = await hooks.deliveries()
    assert delivery.body.encode() == one.body
    assert delivery.state is WebhookDeliveryState.DELIVERED


async def test_the_feeds_cursor_goes_on_after_a_message(hooks: Hooks) -> None:
    await hooks.create()
    await hooks.happen(count=2)
    await hooks.work()
    first, second = (one.message["data"]["event"] for one in hooks.receiver.received)
    parts = hooks.world.desk.signer.open(first["cursor"])
    assert parts[1:] == [str(first["sequence"]), first["id"]]
    assert first["sequence"] < second["sequence"]


async def test_only_what_happens_after_its_creation_is_sent(hooks: Hooks) -> None:
    await hooks.happen(count=2)
    await hooks.create()
    await hooks.work()
    assert hooks.receiver.received == []
    await hooks.happen()
    await hooks.work()
    assert len(hooks.receiver.received) == 1


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


async def test_event_types_choose(hooks: Hooks) -> None:
    from models import TicketEventType as Kind

    await hooks.create(event_types=[Kind.COMMENT_ADDED, Kind.DELETED])
    await hooks.happen()
    await hooks.comment("offline", "Hello")
    await tickets.delete_ticket(hooks.world.context("keith"), key("offline"))
    await hooks.work()
    assert hooks.receiver.types == ["ticket.comment_added", "ticket.deleted"]


async def test_a_comment_comes_with_its_event(hooks: Hooks) -> None:
    await hooks.create()
    await hooks.comment("offline", "Hello")
    await hooks.work()
    [one] = hooks.receiver.received
    assert one.message["data"]["comment"]["text"] == "Hello"


async def test_internal_notes_leave_no_trace_unless_they_are_wanted(
    hooks: Hooks, receivers: Callable[[], Receiver]
) -> None:
    other = receivers()
    await hooks.create()
    await hooks.create(url=other.url, include_internal=True)
    await hooks.comment("offline", SECRET, internal=True)
    public = await hooks.comment("offline", f"{SECRET}, at last")
    await hooks.world.events()
    from resolvers import comments

    await comments.update_comment(hooks.world.context("keith"), public, {"is_internal": True})
    await hooks.happen()
    await hooks.work()
    assert "ticket.updated" in hooks.receiver.types
    assert SECRET not in str([one.body for one in hooks.receiver.received])
    assert not [one for one in hooks.receiver.received if one.message["data"]["comment"]]
    assert SECRET in str(other.received)
    assert "ticket.comment_added" in other.types


async def test_a_filter_chooses_tickets_and_every_deletion_passes(hooks: Hooks) -> None:
    await hooks.create(filter={"company": {"eq": str(key("centara"))}})
    await hooks.happen("offline")
    await hooks.happen("bill")
    await tickets.delete_ticket(hooks.world.context("keith"), key("offline"))
    await hooks.work()
    # Different tickets may overtake each other.
    received = sorted(hooks.receiver.received, key=lambda one: one.sequence)
    assert [one.message["type"] for one in received] == ["ticket.updated", "ticket.deleted"]
    updated, deleted = (one.message["data"] for one in received)
    assert updated["ticket"]["company_name"] == "Centara"
    assert deleted["ticket"] is None
    assert deleted["event"]["ticket"] == str(key("offline"))


async def test_a_filter_is_about_the_ticket_as_it_is_when_the_event_is_taken(hooks: Hooks) -> None:
    await hooks.create(filter={"status": {"in": ["CLOSED"]}, "open": False})
    await hooks.happen("offline")
    closed = {"status": TicketStatus.CLOSED}
    await tickets.update_ticket(hooks.world.context("keith"), key("offline"), closed)
    await hooks.happen("volume")
    await hooks.work()
    assert hooks.receiver.types == ["ticket.updated", "ticket.status_changed"]


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


async def test_a_failure_is_tried_again_ever_later_and_set_aside_after_a_day(hooks: Hooks) -> None:
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
    assert len({one.id for one in hooks.receiver.received}) == 1
    assert len({one.body for one in hooks.receiver.received}) == 1
    attempts = await hooks.attempts()
    assert [one.number for one in attempts] == list(range(1, len(times) + 1))
    assert {(one.status, one.answer, one.error) for one in attempts} == {
        (500, "out of order", None)
    }


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
    # Nothing was missed but what was set aside.
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


async def test_a_slow_receiver_holds_up_neither_writes_nor_others(
    hooks: Hooks, receivers: Callable[[], Receiver]
) -> None:
    other, gate = receivers(), threading.Event()
    await hooks.create()
    await hooks.create(url=other.url)

    def wait(_received: Received) -> Answer:
        gate.wait(30)
        return 200, {}, b""

    hooks.receiver.answer = wait
    try:
        for name in ("offline", "volume", "bill"):
            await hooks.happen(name, 3)
        while (await hooks.states()).count("delivered") < 9:
            await hooks.deliverer.step()
            await asyncio.wait(hooks.deliverer.sending, return_when=asyncio.FIRST_COMPLETED)
        assert len(other.received) == 9
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
    assert attempt.answer == "\ufffd" + "x" * (MOST_ANSWER - 2)


async def test_a_receiver_that_is_not_there_is_tried_again(hooks: Hooks) -> None:
    await hooks.create(url="http://127.0.0.1:1/")
    await hooks.happen()
    await hooks.work()
    [attempt] = await hooks.attempts()
    assert attempt.error
    assert attempt.error.startswith("The connection failed: ")
    assert await hooks.states() == ["pending"]


async def test_a_claim_that_was_lost_is_made_again_and_the_late_one_counts_for_nothing(
    hooks: Hooks, deliverers: Callable[..., Deliverer]
) -> None:
    webhook = await hooks.create()
    await hooks.happen()
    await hooks.deliverer.step()
    await hooks.deliverer.sent()
    [delivery] = await hooks.deliveries()
    await webhooks.redeliver(hooks.world.context("admin"), delivery.id)
    [dead] = await claim(hooks.world.desk, webhook, 10)
    assert await claim(hooks.world.desk, webhook, 10) == []
    await hooks.work(deliverers())
    assert len(hooks.receiver.received) == 1
    hooks.world.clock.now += LEASE
    await hooks.work(deliverers())
    assert len(hooks.receiver.received) == 2

    from server.webhooks.queue import finish
    from server.webhooks.sender import Outcome

    before = await hooks.deliveries()
    await finish(hooks.world.desk, dead, NOON, Outcome(1, status=500), lambda: 1.0)
    assert await hooks.deliveries() == before


async def test_of_several_processes_one_makes_each_delivery(
    hooks: Hooks, deliverers: Callable[..., Deliverer]
) -> None:
    await hooks.create()
    several = [deliverers() for _ in range(4)]
    for name in ("offline", "volume", "bill"):
        await hooks.happen(name, 10)
    await asyncio.gather(*(hooks.work(each) for each in several))
    # Whoever was slower may have left something that became due in the meantime.
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


async def test_old_deliveries_are_removed_and_pending_ones_stay(hooks: Hooks) -> None:
    await hooks.create()
    await hooks.happen()
    await hooks.work()
    hooks.receiver.answers(500)
    await hooks.happen("volume")
    await hooks.work()
    hooks.world.clock.now += RETENTION - timedelta(seconds=1)
    await hooks.work()
    assert len(await hooks.deliveries()) == 2
    hooks.world.clock.move(hours=2)
    await hooks.deliverer.step()
    await hooks.deliverer.sent()
    assert await hooks.states() == ["pending"]
    assert {one.delivery_id for one in await hooks.attempts()} == {
        one.id for one in await hooks.deliveries()
    }


async def test_what_is_sent_is_json_without_spaces(hooks: Hooks) -> None:
    await hooks.create()
    await hooks.happen()
    await hooks.work()
    [one] = hooks.receiver.received
    plain = json.dumps(one.message, separators=(",", ":"), ensure_ascii=False)
    assert one.body == plain.encode()
    assert (await hooks.world.get(Ticket, key("offline"))).id == key("offline")
