"""Batches of tickets do what the same single writes do, in their order."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import SQLModel

from deskgraph.database.ticket_counts.recount import wrong_counts
from models import Team, Ticket, TicketCategory, TicketPriority, TicketStatus
from resolvers.commands import comments, tickets
from resolvers.commands.batches.chosen import matching
from resolvers.commands.batches.creates import create_tickets
from resolvers.commands.batches.deletes import delete_tickets
from resolvers.commands.batches.outcomes import BatchMode, Outcome
from resolvers.commands.batches.updates import BatchChange, retagged, update_tickets
from resolvers.context import Context
from resolvers.errors import Aborted, CountMismatch, Forbidden, Invalid, NotFound, ServiceError
from resolvers.query.filters.parse import parse
from resolvers.units.unit import unit_of_work
from tests.support import proofs
from tests.support.clock import NOON
from tests.support.rows import key
from tests.support.world import World

pytestmark = pytest.mark.anyio

Write = Callable[[Context], Awaitable[Any]]
VIEWERS = ("carla", "keith", "admin")
TICKETS = ("offline", "volume", "bill", "nothing")
_WAITING = (
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
)
# What differs between two writes of the same.
OWN = {"id", "seq", "comment_id"}
VALUES = {
    "subject": st.sampled_from(["New", " Subject of volume "]),
    "description": st.just("Other"),
    "status": st.sampled_from(TicketStatus),
    "priority": st.sampled_from(TicketPriority),
    "category": st.sampled_from(TicketCategory),
    "company": st.sampled_from([key("hilton"), key("centara"), key("nothing")]),
    "contact": st.sampled_from([key("john"), key("jane"), key("jim"), key("nothing"), None]),
    "assigned_to": st.sampled_from([key("keith"), key("carla"), None]),
    "assigned_team": st.sampled_from([*Team, None]),
    "due_date": st.sampled_from([NOON, None]),
    "tags": st.sampled_from(["", "vip,zone", "new"]),
}
NEW = {"subject": st.sampled_from(["S", ""]), "description": st.just("D")}


def some(values: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=values)


def kinds(outcomes: Sequence[Outcome]) -> list[type[ServiceError] | None]:
    return [None if one.error is None else type(one.error) for one in outcomes]


async def shown(world: World) -> dict[str, list[Any]]:
    """Return all rows, without what is another one at each write, and how it is counted."""
    found: dict[str, list[Any]] = await world.dump()
    for name, rows in found.items():
        if name != "files":
            names = [column.name for column in SQLModel.metadata.tables[name].columns]
            own = OWN if name in ("comments", "ticket_events") else {"event_id"}
            found[name] = [
                {key: value for key, value in zip(names, row, strict=True) if key not in own}
                for row in rows
            ]
    for name in ("comments", "deleted_comments", "deleted_attachments", "deleted_tickets"):
        found[name].sort(key=repr)
    assert not await wrong_counts(world.database)
    return {name: rows for name, rows in found.items() if not name.startswith("ticket_count")}


async def one_by_one(world: World, who: str, writes: Sequence[Write]) -> list[Any]:
    """Do writes one after the other, each of them whole or not at all; returns their errors."""
    found: list[Any] = []
    for write in writes:
        try:
            async with unit_of_work(world.context(who)) as unit:
                await write(unit.context)
                await unit.commit()
            found.append(None)
        except ServiceError as error:
            found.append(type(error))
    return found


def change_of(world: World, name: str, change: BatchChange) -> Write:
    """Return the single writes that a batch does to a ticket."""

    async def write(context: Context) -> None:
        values = dict(change.values)
        if change.add_tags or change.remove_tags:
            try:
                tags = (await world.get(Ticket, key(name))).tags.split(",")
            except AssertionError:
                tags = []
            kept = [tag for tag in tags if tag and tag not in change.remove_tags]
            kept += [tag for tag in change.add_tags if tag not in kept]
            values["tags"] = ",".join(kept)
        if values or change.comment is None:
            await tickets.update_ticket(context, key(name), values)
        if change.comment is not None:
            await comments.add_comment(context, key(name), change.comment)

    return write


CHANGES = st.builds(
    BatchChange,
    some(VALUES),
    comment=st.none() | st.fixed_dictionaries({"text": st.just("T"), "is_internal": st.booleans()}),
) | st.builds(
    BatchChange,
    some({name: values for name, values in VALUES.items() if name != "tags"}),
    st.lists(st.sampled_from(["vip", "new"]), unique=True),
    st.lists(st.sampled_from(["zone", "other"]), unique=True),
)


@pytest.mark.proof(small=True)
@proofs.examples(small=25, long=300)
@given(
    who=st.sampled_from(VIEWERS),
    names=st.lists(st.sampled_from(TICKETS), min_size=1, unique=True),
    change=CHANGES,
)
async def test_a_batch_of_changes_does_what_single_ones_do(
    world: World, who: str, names: list[str], change: BatchChange
) -> None:
    await world.reset()
    expected = await one_by_one(world, who, [change_of(world, name, change) for name in names])
    single = await shown(world)
    await world.reset()
    found = await update_tickets(world.context(who), [*map(key, names)], change)
    assert kinds(found) == expected
    assert await shown(world) == single


@pytest.mark.proof(small=True)
@proofs.examples(small=15, long=200)
@given(
    who=st.sampled_from(VIEWERS),
    many=st.lists(some(VALUES | NEW), min_size=1, max_size=5),
)
async def test_a_batch_of_new_tickets_does_what_single_ones_do(
    world: World, who: str, many: list[dict[str, Any]]
) -> None:
    async def created() -> list[Any]:
        stored = await shown(world)
        for row in stored["tickets"]:
            row.pop("id")
        for row in stored["ticket_events"]:
            row.pop("ticket_id")
        return [sorted(map(repr, stored["tickets"])), stored["ticket_events"]]

    def create(values: dict[str, Any]) -> Write:
        return lambda context: tickets.create_ticket(context, values)

    await world.reset()
    expected = await one_by_one(world, who, [create(values) for values in many])
    single = await created()
    await world.reset()
    found = await create_tickets(world.context(who), many)
    assert kinds(found) == expected
    assert await created() == single


@pytest.mark.parametrize("who", VIEWERS)
async def test_a_batch_of_deletes_does_what_single_ones_do(world: World, who: str) -> None:
    def delete(name: str) -> Write:
        return lambda context: tickets.delete_ticket(context, key(name))

    expected = await one_by_one(world, who, [delete(name) for name in TICKETS])
    single = await shown(world)
    await world.reset()
    found = await delete_tickets(world.context(who), [*map(key, TICKETS)])
    assert kinds(found) == expected
    assert await shown(world) == single


@pytest.mark.parametrize("who", VIEWERS)
async def test_all_or_nothing(world: World, who: str) -> None:
    before = await world.dump()
    chosen = [key("volume"), key("nothing")]
    for found in (
        await update_tickets(
            world.context(who), chosen, BatchChange({"subject": "N"}), BatchMode.ALL
        ),
        await delete_tickets(world.context(who), chosen, BatchMode.ALL),
        await create_tickets(
            world.context(who),
            [{"subject": "S", "description": "D", "company": key("hilton")}, {}],
            BatchMode.ALL,
        ),
    ):
        assert kinds(found)[0] in (Aborted, Forbidden)
        assert kinds(found)[1] in (NotFound, Invalid)
        assert not any(one.changed for one in found)
    assert await world.dump() == before


async def test_a_filter_is_looked_at_again_once_its_tickets_are_locked(world: World) -> None:
    if world.database.is_sqlite:
        pytest.skip("SQLite has one writer: nothing happens meanwhile")
    context = world.context("keith")
    values: dict[str, object] = {}
    where = parse({"status": {"eq": "assigned"}}, values)
    chosen = await matching(context, where, values, 1)
    async with world.database.transaction() as session:
        offline = await session.get_one(Ticket, key("offline"), with_for_update=True)
        offline.status = TicketStatus.PENDING
        await session.flush()
        changing = asyncio.ensure_future(delete_tickets(context, chosen))
        async with asyncio.timeout(60):
            while not (await world.database.fetch_row(_WAITING, []))[0]:
                assert not changing.done()
    with pytest.raises(CountMismatch):
        await changing
    assert (await world.get(Ticket, key("offline"))).status is TicketStatus.PENDING


@pytest.mark.parametrize(
    ("stored", "add", "remove", "tags"),
    [
        ("a, b", ["a"], ["c"], "a, b"),
        ("a, b", ["c"], [], "a,b,c"),
        ("", [" x ", "x", " "], [], "x"),
        ("a,,b,a", [], ["a"], "b"),
        ("a", [], ["a"], ""),
    ],
)
def test_tags_stay_as_they_are_stored_unless_they_change(
    stored: str, add: list[str], remove: list[str], tags: str
) -> None:
    assert retagged(stored, add, remove) == tags
