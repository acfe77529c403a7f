"""What is taken from the log, and claimed, goes by what its webhook is at that moment."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlmodel import select

from deskgraph.webhooks.enqueue import Enqueued, enqueue
from deskgraph.webhooks.overview import overview
from deskgraph.webhooks.queue import LEASE, claim
from models import WebhookDelivery, WebhookDeliveryState
from models.types import time_text
from resolvers.commands import webhooks
from tests.support.clock import NOON
from tests.support.named_rows import SECRET
from tests.support.rows import key
from tests.webhooks.conftest import Hooks

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "changes",
    [{"include_internal": False}, {"filter": {"company": {"eq": str(key("centara"))}}}],
)
async def test_events_that_were_read_before_a_change_are_read_again(
    hooks: Hooks, changes: Mapping[str, Any]
) -> None:
    webhook = await hooks.create(include_internal=True)
    await hooks.comment("offline", SECRET, internal=True)
    latest, [seen] = await overview(hooks.world.services)
    hooks.world.clock.move(seconds=1)
    await webhooks.update_webhook(hooks.world.context("admin"), webhook, changes)

    assert await enqueue(hooks.world.services, seen, latest) == Enqueued(more=True)

    assert await hooks.deliveries() == []
    await hooks.work()
    assert hooks.receiver.received == []
    assert (await hooks.webhook(webhook)).cursor == latest


async def test_events_that_were_read_are_not_taken_twice(hooks: Hooks) -> None:
    webhook = await hooks.create()
    await hooks.happen(count=2)
    latest, [seen] = await overview(hooks.world.services)
    assert await enqueue(hooks.world.services, seen, latest) == Enqueued(count=2)

    # Another process has read them as well.
    assert await enqueue(hooks.world.services, seen, latest) == Enqueued()

    assert len(await hooks.deliveries(webhook)) == 2


@pytest.mark.parametrize("deleted", [False, True])
async def test_nothing_is_taken_for_a_webhook_that_has_ended(hooks: Hooks, deleted: bool) -> None:
    admin, webhook = hooks.world.context("admin"), await hooks.create()
    await hooks.happen()
    latest, [seen] = await overview(hooks.world.services)
    if deleted:
        await webhooks.delete_webhook(admin, webhook)
    else:
        # At the same moment: nothing else tells of it.
        await webhooks.update_webhook(admin, webhook, {"enabled": False})
        assert time_text((await hooks.webhook(webhook)).updated_at) == seen.updated_at

    assert await enqueue(hooks.world.services, seen, latest) == Enqueued()
    assert await hooks.deliveries() == []


async def _deliver(hooks: Hooks, webhook: UUID, *dues: float) -> None:
    """Add deliveries that are due in so many seconds, in the order of the arguments."""
    async with hooks.world.database.transaction() as session:
        for number, due in enumerate(dues):
            session.add(
                WebhookDelivery(
                    # The later it is added, the lower is its id.
                    id=UUID(int=1000 - number),
                    webhook_id=webhook,
                    type="webhook.ping",
                    message_id=f"{number}",
                    body="{}",
                    next_attempt_at=NOON + timedelta(seconds=due),
                    created_at=NOON,
                )
            )
            await session.flush()


async def _claimed(hooks: Hooks, webhook: UUID, most: int) -> list[str]:
    return [one.message_id for one in await claim(hooks.world.services, webhook, most)]


async def test_what_has_been_due_the_longest_is_claimed_first(hooks: Hooks) -> None:
    webhook = await hooks.create()
    await _deliver(hooks, webhook, -1, -3, 1, -2, -2, 0)
    assert await _claimed(hooks, webhook, 1) == ["1"]
    # At the same moment the lower id.
    assert await _claimed(hooks, webhook, 2) == ["4", "3"]
    assert await _claimed(hooks, webhook, 9) == ["0", "5"]
    assert await _claimed(hooks, webhook, 9) == []
    hooks.world.clock.now += LEASE
    assert set(await _claimed(hooks, webhook, 9)) == {"0", "1", "2", "3", "4", "5"}


async def test_what_another_process_claims_is_passed_over(hooks: Hooks) -> None:
    if hooks.world.database.is_sqlite:
        pytest.skip("it has one writer")
    webhook = await hooks.create()
    await _deliver(hooks, webhook, -2, -1)
    first = select(WebhookDelivery).where(WebhookDelivery.message_id == "0").with_for_update()
    async with hooks.world.database.transaction() as session:
        await session.exec(first)
        async with asyncio.timeout(60):
            assert await _claimed(hooks, webhook, 9) == ["1"]
    assert await _claimed(hooks, webhook, 9) == ["0"]


async def test_of_a_webhook_that_is_disabled_pings_only_are_claimed(hooks: Hooks) -> None:
    admin, webhook = hooks.world.context("admin"), await hooks.create()
    hooks.receiver.answers(500)
    await hooks.happen()
    await hooks.work()
    hooks.world.clock.move(minutes=1)
    await webhooks.update_webhook(admin, webhook, {"enabled": False})
    await _deliver(hooks, webhook, 0)
    assert await _claimed(hooks, webhook, 9) == ["0"]


async def test_old_secrets_sign_until_their_time_is_over(hooks: Hooks) -> None:
    admin, webhook = hooks.world.context("admin"), await hooks.create()
    for _ in range(5):
        await webhooks.rotate_webhook_secret(admin, webhook, 2)
        hooks.world.clock.move(seconds=1)
    await _deliver(hooks, webhook, 0)
    [found] = await claim(hooks.world.services, webhook, 1)
    # The current one and the last three.
    assert len(set(found.secrets)) == 4
    hooks.world.clock.move(hours=2)
    [found] = await claim(hooks.world.services, webhook, 1)
    assert len(found.secrets) == 1


async def test_a_wish_of_a_receiver_has_a_limit(hooks: Hooks) -> None:
    wishes = {
        "86400": 3600,
        "3600": 3600,
        "999999": 3600,
        "60": 60,
        # Its own first delay is longer, and nothing else is a wish.
        "1": 5,
        "9999999": 5,
        "-60": 5,
        "60.5": 5,
        "Wed, 19 Nov 2025 13:00:00 GMT": 5,
    }
    admin = hooks.world.context("admin")
    await hooks.create()
    await hooks.happen()
    for asked, waits in wishes.items():
        hooks.receiver.answers(503, retry_after=asked)
        await hooks.work()
        [delivery] = await hooks.deliveries()
        assert delivery.next_attempt_at == hooks.world.clock.now + timedelta(seconds=waits), asked
        assert delivery.state is WebhookDeliveryState.PENDING
        # Begins anew.
        hooks.world.clock.move(seconds=waits - 1)
        await webhooks.redeliver(admin, delivery.id)


async def test_what_is_enabled_again_begins_anew_but_for_what_waits_or_is_being_sent(
    hooks: Hooks,
) -> None:
    admin, webhook = hooks.world.context("admin"), await hooks.create()
    await hooks.happen(count=2)
    await hooks.happen("volume")
    await hooks.happen("bill")
    hooks.receiver.answers(500)
    await hooks.work()
    hooks.world.clock.move(seconds=5)
    [sending] = await claim(hooks.world.services, webhook, 1)
    before = {one.id: one.next_attempt_at for one in await hooks.deliveries()}
    hooks.world.clock.move(seconds=1)
    for enabled in (False, True):
        await webhooks.update_webhook(admin, webhook, {"enabled": enabled})

    found = await hooks.deliveries()
    now = hooks.world.clock.now
    assert len(found) == 4
    for one in found:
        if one.id == sending.id or before[one.id] is None:
            assert one.next_attempt_at == before[one.id]
        else:
            assert (one.next_attempt_at, one.tries) == (now, 0)
    assert [one.next_attempt_at for one in found].count(None) == 1
    # A second time it is enabled already, and nothing begins.
    hooks.world.clock.move(seconds=1)
    await webhooks.update_webhook(admin, webhook, {"enabled": True})
    assert [one.next_attempt_at for one in await hooks.deliveries()] == [
        one.next_attempt_at for one in found
    ]
