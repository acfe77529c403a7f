"""Batches that meet: over the same tickets in any order, and beside single writes."""

import asyncio
from uuid import UUID

import pytest

from deskgraph.database.ticket_counts.recount import wrong_counts
from models import Ticket
from resolvers.commands import tickets
from resolvers.commands.batches.creates import create_tickets
from resolvers.commands.batches.deletes import delete_tickets
from resolvers.commands.batches.undos import undo_tickets
from resolvers.commands.batches.updates import BatchChange, update_tickets
from resolvers.commands.undo.undo import undo
from resolvers.errors import NotFound, ServiceError
from tests.support import rows
from tests.support.rows import key
from tests.support.world import World

pytestmark = pytest.mark.anyio

MANY = [f"many {n}" for n in range(30)]
ROUNDS = 6
_WAITING = (
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


@pytest.fixture(autouse=True)
async def many(own_world: World) -> None:
    await own_world.add(*(rows.ticket(name) for name in MANY))


async def check(world: World) -> None:
    """Check that the counts are right, and that no ticket's event is missing or doubled."""
    assert not await wrong_counts(world.database)
    versions: dict[str, list[int]] = {}
    for event in await world.events():
        if event.version is not None and event.comment_id is None:
            versions.setdefault(str(event.ticket_id), []).append(event.version)
    assert all(found == [*range(found[0], found[-1] + 1)] for found in versions.values())


async def test_two_in_opposite_order_both_end(own_world: World) -> None:
    context = own_world.context("keith")
    keys = [*map(key, MANY)]

    async def write(ids: list[UUID], who: str) -> None:
        for count in range(ROUNDS):
            change = BatchChange({"subject": f"{who} {count}", "contact": key("john")})
            done = await update_tickets(context, ids, change)
            assert all(one.changed for one in done)

    await asyncio.gather(write(keys, "A"), write([*reversed(keys)], "B"))
    for one in keys:
        assert (await own_world.get(Ticket, one)).version == 1 + 2 * ROUNDS
    await check(own_world)


async def test_two_that_wait_for_a_third_do_not_wait_for_each_other(own_world: World) -> None:
    if own_world.database.is_sqlite:
        pytest.skip("SQLite has one writer: each has all tickets at once")
    context = own_world.context("keith")
    keys = [*map(key, MANY)]
    change = BatchChange({"subject": "N"}, comment={"text": "T"})
    async with own_world.database.transaction() as session:
        await session.get_one(Ticket, sorted(keys)[15], with_for_update=True)
        both = asyncio.gather(
            update_tickets(context, keys, change),
            update_tickets(context, [*reversed(keys)], change),
        )
        async with asyncio.timeout(60):
            while (await own_world.database.fetch_row(_WAITING, []))[0] < 2:
                assert not both.done()
    assert [one.error for done in await both for one in done] == [None] * 60
    await check(own_world)


async def test_a_batch_beside_single_writes(own_world: World) -> None:
    context = own_world.context("keith")
    keys = [*map(key, MANY)]

    async def many_at_once() -> None:
        for count in range(ROUNDS):
            await update_tickets(context, keys, BatchChange({"subject": f"All {count}"}))

    async def one_by_one(start: int) -> None:
        for count in range(ROUNDS):
            one = keys[(start + 7 * count) % len(keys)]
            await tickets.update_ticket(context, one, {"subject": f"One {start} {count}"})

    await asyncio.gather(many_at_once(), *map(one_by_one, range(3)))
    versions = [(await own_world.get(Ticket, one)).version for one in keys]
    assert sum(versions) == len(keys) * (1 + ROUNDS) + 3 * ROUNDS
    await check(own_world)


async def test_a_ticket_that_is_deleted_meanwhile_is_not_found(own_world: World) -> None:
    context = own_world.context("keith")
    keys = [*map(key, MANY)]
    changed, gone = await asyncio.gather(
        update_tickets(context, keys, BatchChange({"subject": "N"})),
        delete_tickets(context, [*reversed(keys[::2])]),
    )
    assert all(one.changed for one in gone)
    missed = [one.id for one in changed if isinstance(one.error, NotFound)]
    assert missed in ([], keys[::2])
    await check(own_world)


async def test_numbers_of_batches_and_of_single_tickets_are_unique(own_world: World) -> None:
    context = own_world.context("keith")
    new = {"subject": "S", "description": "D", "company": key("hilton")}
    await asyncio.gather(
        *(create_tickets(context, [new] * 10) for _ in range(4)),
        *(tickets.create_ticket(context, new) for _ in range(10)),
    )
    numbers = [event.ticket_number for event in await own_world.events()]
    assert sorted(numbers) == [f"T-20251119-{number:04}" for number in range(1, 51)]
    await check(own_world)


async def test_each_change_is_undone_once_however_many_try(own_world: World) -> None:
    context = own_world.context("keith")
    keys = [*map(key, MANY)]
    change = BatchChange({"priority": "low"}, comment={"text": "Done."})

    async def single(event: UUID) -> int:
        try:
            await undo(own_world.context("admin"), event)
        except ServiceError:
            return 0
        return 1

    async def batch(events: list[UUID], who: str) -> int:
        done = await undo_tickets(own_world.context(who), events)
        return sum(one.changed for one in done)

    async def events_after(seq: int) -> list[UUID]:
        return [one.id for one in await own_world.events() if (one.seq or 0) > seq]

    for _ in range(ROUNDS // 2):
        seq = (await own_world.events())[-1].seq if await own_world.events() else 0
        await update_tickets(context, keys, change)
        events = await events_after(seq or 0)
        done = await asyncio.gather(batch(events, "keith"), batch(events[::-1], "admin"))
        assert sum(done) == len(keys)
        for one in keys:
            row = await own_world.get(Ticket, one)
            assert (row.priority, row.first_response_at) == ("medium", None)

    seq = (await own_world.events())[-1].seq or 0
    await delete_tickets(context, keys)
    events = await events_after(seq)
    both = [batch(events, "keith"), batch(events[::-1], "admin")]
    assert sum(await asyncio.gather(*both, *map(single, events))) == len(keys)
    for one in keys:
        assert (await own_world.get(Ticket, one)).id == one
    await check(own_world)
