"""What is sent: the events that a webhook chooses, as the feed has them."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from models import Ticket, TicketEventType, TicketStatus, Webhook, WebhookDeliveryState
from resolvers.commands import comments, tickets
from tests.support.named_rows import SECRET
from tests.support.rows import key
from tests.webhooks.conftest import Hooks
from tests.webhooks.receiver import Receiver

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
        "actor_name": "Keith Test",
        "via": "graphql",
        "is_internal": False,
        "ticket": str(key("offline")),
        "ticket_number": "T-20251109-0001",
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
    parts = hooks.world.services.signer.open(first["cursor"])
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


async def test_event_types_choose(hooks: Hooks) -> None:
    await hooks.create(event_types=[TicketEventType.COMMENT_ADDED, TicketEventType.DELETED])
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


@pytest.mark.parametrize(
    "filter_", [{"not": {"assignedTo": {}}}, {"or": [{}, {"search": ""}]}, {"not": {"search": ","}}]
)
async def test_a_filter_without_conditions_lets_all_pass(hooks: Hooks, filter_: Any) -> None:
    await hooks.create(filter=filter_)
    await hooks.happen("offline")
    await hooks.work()
    assert hooks.receiver.types == ["ticket.updated"]


async def test_a_filter_that_can_no_longer_be_used_disables_its_webhook_only(hooks: Hooks) -> None:
    unusable = await hooks.create(filter={"open": True})
    async with hooks.world.database.transaction() as session:
        webhook = await session.get(Webhook, unusable)
        assert webhook is not None
        webhook.filter = {"search": "before\0"}
    await hooks.create()
    await hooks.happen("offline")
    await hooks.work()
    assert hooks.receiver.types == ["ticket.updated"]
    webhook = await hooks.world.get(Webhook, unusable)
    assert not webhook.enabled
    assert webhook.disabled_reason is not None
    assert webhook.disabled_reason.startswith(
        "Its filter can no longer be used: A text in a filter"
    )


async def test_a_filter_is_about_the_ticket_as_it_is_when_the_event_is_taken(hooks: Hooks) -> None:
    await hooks.create(filter={"status": {"in": ["CLOSED"]}, "open": False})
    await hooks.happen("offline")
    closed = {"status": TicketStatus.CLOSED}
    await tickets.update_ticket(hooks.world.context("keith"), key("offline"), closed)
    await hooks.happen("volume")
    await hooks.work()
    assert hooks.receiver.types == ["ticket.updated", "ticket.status_changed"]


async def test_what_is_sent_is_json_without_spaces(hooks: Hooks) -> None:
    await hooks.create()
    await hooks.happen()
    await hooks.work()
    [one] = hooks.receiver.received
    plain = json.dumps(one.message, separators=(",", ":"), ensure_ascii=False)
    assert one.body == plain.encode()
    assert (await hooks.world.get(Ticket, key("offline"))).id == key("offline")
