"""What is older than the settings allow is removed, and nothing that is still needed."""

import logging
from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlmodel import select

from deskgraph.retention import purge as purging
from deskgraph.retention.purge import Purged, Retention, purge
from deskgraph.retention.timer import PurgeTimer
from models import (
    PurgedEvents,
    RefreshToken,
    TicketEvent,
    Webhook,
    WebhookAttempt,
    WebhookDelivery,
    WebhookDeliveryState,
)
from resolvers.errors import CursorExpired, Unavailable
from resolvers.events.subscriber import CommittedEvent, Subscriber
from resolvers.events.subscription import EventFilter, follow
from resolvers.query.execute import GRAPHQL, Query, QueryRoot
from resolvers.query.shapes import Args, Field, Shape
from tests.support.clock import NOON
from tests.support.rows import event, key
from tests.support.world import World

pytestmark = pytest.mark.anyio

DAY = timedelta(days=1)
TEN_DAYS = Retention(events=10 * DAY, deliveries=10 * DAY, sessions=10 * DAY)


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purging, "PAUSE_SECONDS", 0)


async def add_events(world: World, *ages: int) -> list[int]:
    """Add events of so many days ago, and return their numbers in the log."""
    await world.add(*(event(f"e{n}", "offline", at=NOON - age * DAY) for n, age in enumerate(ages)))
    return [seq for one in await world.events() if (seq := one.seq) is not None]


async def kept(world: World) -> list[int]:
    return [seq for one in await world.events() if (seq := one.seq) is not None]


async def purged_to(world: World) -> list[int]:
    async with world.database.transaction() as session:
        return [row.seq for row in (await session.exec(select(PurgedEvents))).all()]


async def test_old_events_go_and_the_place_is_kept(world: World) -> None:
    seqs = await add_events(world, 30, 20, 11, 9, 0)

    assert await purge(world.database, world.services.files, TEN_DAYS, NOON) == Purged(events=3)

    assert await kept(world) == seqs[3:]
    assert await purged_to(world) == [seqs[2]]
    assert await purge(world.database, world.services.files, TEN_DAYS, NOON) == Purged()
    assert await purge(world.database, world.services.files, TEN_DAYS, NOON + 2 * DAY) == Purged(
        events=1
    )
    assert await purged_to(world) == [seqs[3]]


async def test_the_newest_event_stays_however_old_it_is(world: World) -> None:
    seqs = await add_events(world, 30, 20)

    assert (await purge(world.database, world.services.files, TEN_DAYS, NOON)).events == 1
    assert await kept(world) == seqs[1:]


async def test_an_old_event_after_a_young_one_stays_as_imports_append_them(world: World) -> None:
    seqs = await add_events(world, 30, 5, 30, 0)

    assert (await purge(world.database, world.services.files, TEN_DAYS, NOON)).events == 1
    assert await kept(world) == seqs[1:]


async def test_nothing_goes_that_is_kept_for_ever(world: World) -> None:
    seqs = await add_events(world, 3000, 0)
    await add_ended(world)
    before = await world.dump()

    assert await purge(world.database, world.services.files, Retention(), NOON) == Purged()
    assert await world.dump() == before
    assert await kept(world) == seqs


async def test_an_empty_desk_is_left_alone(world: World) -> None:
    assert await purge(world.database, world.services.files, TEN_DAYS, NOON) == Purged()
    assert await purged_to(world) == []


async def test_large_amounts_go_in_batches_that_are_reported(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purging, "BATCH", 3)
    seqs = await add_events(world, *[20] * 8, 0)
    told: list[tuple[str, int, int]] = []

    found = await purge(
        world.database, world.services.files, TEN_DAYS, NOON, lambda *step: told.append(step)
    )

    assert found.events == 8
    assert told == [("events", 3, 0), ("events", 6, 0), ("events", 8, 0)]
    assert await purged_to(world) == [seqs[7]]


def webhook(cursor: int, **more: Any) -> Webhook:
    values: dict[str, Any] = {"id": key("hook"), "url": "https://x.test/", "salt": "00" * 16}
    return Webhook(**values, cursor=cursor, created_at=NOON, updated_at=NOON, **more)


@pytest.mark.parametrize("enabled", [True, False])
async def test_events_that_a_webhook_has_not_taken_stay(
    world: World, caplog: pytest.LogCaptureFixture, enabled: bool
) -> None:
    seqs = await add_events(world, 30, 20, 20, 0)
    await world.add(webhook(seqs[0], enabled=enabled))

    found = await purge(world.database, world.services.files, TEN_DAYS, NOON)

    assert found == Purged(events=1, held_by=key("hook"))
    assert await kept(world) == seqs[1:]
    await PurgeTimer(world.services, TEN_DAYS).step()
    assert f"old events are kept for the webhook {key('hook')}" in caplog.text
    await world.change(Webhook, key("hook"), cursor=seqs[-1])
    assert await purge(world.database, world.services.files, TEN_DAYS, NOON) == Purged(events=2)


async def test_what_is_removed_and_how_far_is_one_transaction(world: World) -> None:
    seqs = await add_events(world, 30, 20, 0)

    def fail(_connection: Any, _cursor: Any, sql: str, *_rest: Any) -> None:
        if sql.startswith("INSERT INTO purged_events"):
            raise RuntimeError("killed")

    engine = world.database.engine.sync_engine
    sa.event.listen(engine, "before_cursor_execute", fail)
    try:
        with pytest.raises(RuntimeError, match="killed"):
            await purge(world.database, world.services.files, TEN_DAYS, NOON)
    finally:
        sa.event.remove(engine, "before_cursor_execute", fail)

    assert await kept(world) == seqs
    assert await purged_to(world) == []


@pytest.mark.parametrize("shared_url", ["postgres"], indirect=True)
async def test_a_batch_waits_for_no_locked_event_and_leaves_no_gap(world: World) -> None:
    seqs = await add_events(world, 30, 30, 30, 0)
    async with world.database.transaction() as session:
        locked = select(TicketEvent).where(TicketEvent.seq == seqs[1]).with_for_update()
        await session.exec(locked)
        assert (await purge(world.database, world.services.files, TEN_DAYS, NOON)).events == 1
        assert await purged_to(world) == [seqs[0]]

    assert (await purge(world.database, world.services.files, TEN_DAYS, NOON)).events == 2
    assert await purged_to(world) == [seqs[2]]


def delivery(name: str, finished: datetime | None) -> WebhookDelivery:
    ended = finished is not None
    return WebhookDelivery(
        id=key(name),
        webhook_id=key("hook"),
        type="ticket.updated",
        message_id=name,
        body="{}",
        state=WebhookDeliveryState.DELIVERED if ended else WebhookDeliveryState.PENDING,
        created_at=NOON - 90 * DAY,
        finished_at=finished,
    )


def token(name: str, expires: datetime, **more: Any) -> RefreshToken:
    issued = expires - 7 * DAY
    return RefreshToken(
        jti=name, user_id=key("keith"), issued_at=issued, expires_at=expires, family_id=name, **more
    )


def attempt(of: str) -> WebhookAttempt:
    given: dict[str, Any] = {"id": key(f"attempt {of}"), "delivery_id": key(of), "number": 1}
    return WebhookAttempt(**given, url="https://x.test/", at=NOON, duration_ms=1)


async def add_ended(world: World) -> None:
    await world.add(
        webhook(10**9),
        delivery("old", NOON - 11 * DAY),
        delivery("young", NOON - 9 * DAY),
        delivery("pending", None),
        attempt("old"),
        attempt("young"),
        token("expired", NOON - 11 * DAY),
        token("just expired", NOON - 9 * DAY),
        # Without its row it would be good again.
        token("revoked", NOON + DAY, revoked_at=NOON - 20 * DAY),
    )


async def ids(world: World, column: Any) -> set[Any]:
    async with world.database.transaction() as session:
        return set((await session.exec(select(column))).all())


async def test_finished_deliveries_and_expired_tokens_go(world: World) -> None:
    await add_ended(world)

    assert await purge(world.database, world.services.files, TEN_DAYS, NOON) == Purged(
        deliveries=1, sessions=1
    )

    assert await ids(world, WebhookDelivery.id) == {key("young"), key("pending")}
    assert await ids(world, WebhookAttempt.delivery_id) == {key("young")}
    assert await ids(world, RefreshToken.jti) == {"just expired", "revoked"}


async def test_the_timer_logs_what_went(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "deskgraph.retention")
    await add_events(world, 30, 0)
    timer = PurgeTimer(world.services, TEN_DAYS)

    await timer.step()
    await timer.step()

    [record] = [record for record in caplog.records if record.name == "deskgraph.retention"]
    assert record.message == "removed what was old"
    assert vars(record)["events"] == 1


@pytest.mark.parametrize("error", [Unavailable("database"), ValueError("odd")])
async def test_the_timer_survives_a_failure(
    world: World, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    class Failing:
        def transaction(self) -> None:
            raise error

    services: Any = replace(world.services, database=Failing())  # type: ignore[arg-type] # it fails

    await PurgeTimer(services, TEN_DAYS).step()

    unexpected = [record for record in caplog.records if record.exc_info]
    assert bool(unexpected) is isinstance(error, ValueError)


SHAPE = Shape((Field("id", "id"),))
FOLLOWED = Query(QueryRoot.FOLLOWED, "TicketEvent", (("TicketEvent", SHAPE),), GRAPHQL)


async def followed(
    world: World, position: int, *, whole: bool = False
) -> AsyncGenerator[int, None]:
    async def check() -> Any:
        return world.context("keith")

    wanted = EventFilter(FOLLOWED, (Args(),), "test", position, None, whole)
    async for one in follow(world.services, check, wanted):
        yield one.seq


async def test_a_follower_who_is_overtaken_is_told_so(world: World) -> None:
    seqs = await add_events(world, 30, 20, 15, 0)
    follower = followed(world, seqs[0] - 1)
    assert await anext(follower) == seqs[0]
    await follower.aclose()
    await purge(world.database, world.services.files, TEN_DAYS, NOON)

    behind = followed(world, seqs[1])
    with pytest.raises(CursorExpired, match="no longer kept"):
        await anext(behind)
    # The last event that was removed is the last that this one has read.
    assert await anext(followed(world, seqs[2])) == seqs[3]
    assert await anext(followed(world, 0, whole=True)) == seqs[3]
    with pytest.raises(CursorExpired):
        await anext(followed(world, 0))


def test_events_that_went_unseen_are_passed_over_by_nobody() -> None:
    subscriber = Subscriber(5, frozenset({"deleted"}))
    window = [CommittedEvent(9, str(UUID(int=1)), "updated", False)]

    subscriber.notice(window, before=5, purged_to=8)

    assert (subscriber.position, subscriber.woken.is_set()) == (5, True)
    subscriber.woken.clear()
    subscriber.notice(window, before=5, purged_to=5)
    assert (subscriber.position, subscriber.woken.is_set()) == (9, False)
