"""Whatever was done: undone in reverse order, everything is as it was, but for versions."""

from collections.abc import Awaitable, Callable
from random import Random
from typing import Any
from uuid import UUID

import pytest

from models import Attachment, Comment, Ticket
from resolvers.commands import attachments, comments, tickets
from resolvers.commands.undo.undo import undo
from resolvers.errors import NotFound
from tests.support import proofs
from tests.support.rows import contact, key
from tests.support.world import World

pytestmark = pytest.mark.anyio

LONG = "A long text. " * 400
RUNS, CHANGES = (60, 12) if proofs.LONG else (6, 8)
VALUES: dict[str, list[Any]] = {
    "subject": ["A", "B", "C"],
    "description": ["short", LONG, LONG + "end", "x" + LONG],
    "status": ["new", "assigned", "in_progress", "pending", "resolved", "closed"],
    "priority": ["low", "medium", "high", "urgent"],
    "category": ["technical", "general", "billing"],
    "company": [key("hilton"), key("centara")],
    "contact": [None, key("john"), key("jane"), key("jim")],
    "assigned_to": [None, key("keith"), key("admin")],
    "assigned_team": [None, "Tech", "Sales"],
    "tags": ["", "a", "a,b"],
}
COMPANY_OF = {key("john"): key("hilton"), key("jim"): key("hilton"), key("jane"): key("centara")}


async def state(world: World) -> Any:
    """Return what was changed, and all that belongs to it."""
    dump: list[Any] = []
    async with world.database.transaction() as session:
        for model, names in ((Ticket, ["offline"]), (Comment, ["public", "internal"])):
            for name in names:
                row = await session.get(model, key(name))
                left_out = {"version", "updated_at", "search_text"}
                dump.append(None if row is None else row.model_dump(exclude=left_out))
        photo = await session.get(Attachment, key("photo"))
        dump.append(None if photo is None else photo.model_dump(exclude={"updated_at"}))
    return dump, world.files()


def ticket_change(random: Random) -> dict[str, Any]:
    fields = random.sample(sorted(VALUES), random.randint(1, 4))
    change = {name: random.choice(VALUES[name]) for name in fields}
    chosen = change.get("contact")
    if chosen is not None:
        change["company"] = COMPANY_OF[chosen]
    return change


async def change_something(world: World, random: Random) -> None:
    context = world.context(random.choice(["keith", "admin"]))
    choices: list[Callable[[], Awaitable[object]]] = [
        lambda: tickets.update_ticket(context, key("offline"), ticket_change(random)),
        lambda: tickets.assign_ticket(
            context, key("offline"), random.choice([None, key("keith"), key("admin")])
        ),
        lambda: comments.update_comment(
            context,
            key(random.choice(["public", "internal"])),
            {"text": random.choice(["x", "y", LONG]), "is_internal": random.random() < 0.5},
        ),
        lambda: attachments.update_attachment(
            context, key("photo"), {"name": random.choice(["a.txt", "b.txt"])}
        ),
        lambda: comments.delete_comment(context, key(random.choice(["public", "internal"]))),
        lambda: attachments.delete_attachment(context, key("photo")),
        lambda: tickets.delete_ticket(context, key("offline")),
    ]
    await random.choices(choices, weights=[8, 3, 4, 2, 1, 1, 1])[0]()


async def newest(world: World, seen: int) -> UUID | None:
    """Return the event to undo of those after the first ones, None where nothing was written."""
    events = (await world.events())[seen:]
    # A note that becomes public is a new comment to customers; the edit is the change. What was
    # restored is not undone.
    added = ("created", "comment_added", "attachment_added")
    undone = [one for one in events if one.type not in added]
    return undone[-1].id if undone else None


@pytest.mark.parametrize("seed", range(RUNS))
async def test_changes_are_undone_in_reverse_order(world: World, seed: int) -> None:
    random = Random(seed)
    await world.add(contact("jim", company_id=key("hilton")))
    await world.change(Ticket, key("offline"), first_response_at=world.clock.now)
    states, events = [], []
    for _ in range(CHANGES):
        world.clock.move(minutes=1)
        before, seen = await state(world), len(await world.events())
        try:
            await change_something(world, random)
        except NotFound:
            # It was deleted before.
            continue
        event = await newest(world, seen)
        if event is not None:
            states.append(before)
            events.append(event)
    for before, event in zip(reversed(states), reversed(events), strict=True):
        world.clock.move(minutes=1)
        changed, seen = await state(world), len(await world.events())
        await undo(world.context("admin"), event)
        assert await state(world) == before
        for expected in (changed, before):
            # It is a change like any other, which can be undone, and that again.
            again = await newest(world, seen)
            if again is not None:
                await undo(world.context("keith"), again)
                assert await state(world) == expected
