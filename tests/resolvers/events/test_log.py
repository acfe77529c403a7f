"""The event log: what each write tells, in order, and in the same transaction."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest

from models import TicketEvent
from resolvers.commands import attachments, comments, tickets
from resolvers.context import Context
from resolvers.events import log
from tests.resolvers.commands.test_attachments import pieces
from tests.support.clock import NOON
from tests.support.rows import key
from tests.support.world import World

pytestmark = pytest.mark.anyio

Told = tuple[str, list[tuple[str, object, object]]]


def told(event: TicketEvent) -> Told:
    """Return an event's type and changes."""
    changes = [(entry["field"], entry["from"], entry["to"]) for entry in event.changes]
    assert all(set(entry) == {"field", "from", "to"} for entry in event.changes)
    return event.type.value, changes


async def last(world: World, count: int = 1) -> list[Told]:
    """Return what the only events so far tell."""
    found = await world.events()
    assert len(found) == count
    return [told(event) for event in found]


async def test_a_new_ticket_is_one_event_that_knows_who_when_and_how(world: World) -> None:
    context = world.context("carla", via="rest")
    given = {"subject": "S", "description": "D", "company": key("hilton")}
    ticket_id = await tickets.create_ticket(context, given)

    [event] = await world.events()
    assert told(event) == ("created", [])
    assert (event.ticket_id, event.ticket_number) == (ticket_id, "T-20251119-0001")
    assert (event.company_id, event.actor_id) == (key("hilton"), key("carla"))
    assert (event.via, event.at, event.is_internal) == ("rest", NOON, False)
    assert (event.comment_id, event.attachment_id) == (None, None)


async def test_a_change_is_told_as_status_assignment_and_the_rest(world: World) -> None:
    changes = {
        "subject": "New",
        "status": "resolved",
        "assigned_to": key("admin"),
        "assigned_team": "Music",
        "company": key("centara"),
        "contact": None,
        "due_date": NOON.replace(microsecond=5),
        "priority": "low",
    }
    await tickets.update_ticket(world.context("keith"), key("offline"), changes)

    status, assigned, updated = await last(world, 3)
    assert status == ("status_changed", [("status", "assigned", "resolved")])
    people = ("assigned_to", str(key("keith")), str(key("admin")))
    assert assigned == ("assigned", [people, ("assigned_team", "Tech", "Music")])
    assert updated[0] == "updated"
    assert sorted(updated[1]) == [
        ("company", str(key("hilton")), str(key("centara"))),
        ("contact", str(key("john")), None),
        ("due_date", "2025-11-19T11:00:00Z", "2025-11-19T12:00:00.000005Z"),
        ("priority", "high", "low"),
        ("subject", "Subject of offline", "New"),
    ]
    # Those who may see the ticket now may see what moved it there.
    assert {event.company_id for event in await world.events()} == {key("centara")}


async def test_the_team_of_a_category_is_told_with_it(world: World) -> None:
    await tickets.update_ticket(world.context("keith"), key("volume"), {"category": "billing"})

    assert await last(world, 2) == [
        ("assigned", [("assigned_team", None, "Finance")]),
        ("updated", [("category", "general", "billing")]),
    ]


async def test_assigning_and_unassigning_tell_the_status_first(world: World) -> None:
    await tickets.assign_ticket(world.context("admin"), key("volume"), key("keith"))
    await tickets.assign_ticket(world.context("admin"), key("volume"), key("keith"))
    await tickets.assign_ticket(world.context("admin"), key("volume"), None)

    keith = str(key("keith"))
    assert await last(world, 4) == [
        ("status_changed", [("status", "new", "assigned")]),
        ("assigned", [("assigned_to", None, keith), ("assigned_team", None, "Tech")]),
        ("status_changed", [("status", "assigned", "new")]),
        ("assigned", [("assigned_to", keith, None), ("assigned_team", "Tech", None)]),
    ]


@pytest.mark.parametrize("internal", [False, True])
async def test_comments_tell_what_changed_and_whether_it_is_internal(
    world: World, internal: bool
) -> None:
    context = world.context("keith")
    given = {"text": "A", "is_internal": internal}
    comment_id = await comments.add_comment(context, key("volume"), given)
    await comments.update_comment(context, comment_id, {"text": "A"})
    await comments.update_comment(context, comment_id, {"text": "B"})
    await comments.delete_comment(context, comment_id)

    assert await last(world, 3) == [
        ("comment_added", []),
        ("comment_edited", [("text", "A", "B")]),
        ("comment_deleted", []),
    ]
    for event in await world.events():
        assert (event.comment_id, event.is_internal) == (comment_id, internal)


async def test_a_comment_that_becomes_internal_takes_all_that_was_told_of_it_along(
    world: World,
) -> None:
    context = world.context("keith")
    comment_id = await comments.add_comment(context, key("volume"), {"text": "A"})
    await comments.add_comment(context, key("volume"), {"text": "Another"})
    await comments.update_comment(context, comment_id, {"text": "B"})
    await comments.update_comment(context, comment_id, {"text": "C", "is_internal": True})

    assert await last(world, 4) == [
        ("comment_added", []),
        ("comment_added", []),
        ("comment_edited", [("text", "A", "B")]),
        ("comment_edited", [("text", "B", "C"), ("is_internal", False, True)]),
    ]
    hidden = [event.is_internal for event in await world.events()]
    assert hidden == [True, False, True, True]


async def test_a_note_that_is_published_is_a_new_comment_without_a_past(world: World) -> None:
    changes = {"is_internal": False, "text": "New"}
    await comments.update_comment(world.context("keith"), key("internal"), changes)

    edited, added = await world.events()
    assert told(edited)[1][1] == ("is_internal", True, False)
    assert edited.is_internal
    assert told(added) == ("comment_added", [])
    assert (added.is_internal, added.comment_id) == (False, key("internal"))


async def test_what_is_told_of_a_ticket_follows_it_to_another_company(world: World) -> None:
    context = world.context("keith")
    for name in ("offline", "volume"):
        await comments.add_comment(context, key(name), {"text": "T"})
    await tickets.update_ticket(context, key("offline"), {"company": key("centara")})

    companies = [(event.ticket_id, event.company_id) for event in await world.events()]
    moved = (key("offline"), key("centara"))
    assert companies == [moved, (key("volume"), key("hilton")), moved]


async def test_attachments_tell_their_names(world: World) -> None:
    context = world.context("keith")
    attachment_id = await attachments.add_attachment(
        context, key("volume"), "a.txt", pieces(b"content")
    )
    await attachments.update_attachment(context, attachment_id, {"name": "a.txt"})
    await attachments.update_attachment(context, attachment_id, {"name": "b.txt"})
    await attachments.delete_attachment(context, attachment_id)

    assert await last(world, 3) == [
        ("attachment_added", [("name", None, "a.txt")]),
        ("attachment_renamed", [("name", "a.txt", "b.txt")]),
        ("attachment_deleted", [("name", "b.txt", None)]),
    ]
    assert {event.attachment_id for event in await world.events()} == {attachment_id}


async def test_the_last_event_of_a_ticket_outlives_it(world: World) -> None:
    context = world.context("keith")
    await tickets.update_ticket(context, key("offline"), {"subject": "New"})
    await tickets.delete_ticket(context, key("offline"))

    assert [kind for kind, _ in await last(world, 2)] == ["updated", "deleted"]
    assert {event.ticket_number for event in await world.events()} == {"T-20251109-0001"}


async def test_seq_counts_up_over_all_tickets(world: World) -> None:
    context = world.context("keith")
    for name in ("offline", "volume", "bill", "offline"):
        await comments.add_comment(context, key(name), {"text": "Hello"})
    await tickets.delete_ticket(context, key("bill"))

    found = await world.events()
    numbers = [event.seq for event in found if event.seq is not None]
    assert numbers == list(range(numbers[0], numbers[0] + 5))
    names = ("offline", "volume", "bill", "offline", "bill")
    assert [event.ticket_id for event in found] == [key(name) for name in names]


async def _upload(context: Context) -> UUID:
    return await attachments.add_attachment(context, key("offline"), "a", pieces(b"x"))


Operation = Callable[[Context], Awaitable[Any]]
OPERATIONS: dict[str, Operation] = {
    "create_ticket": lambda context: tickets.create_ticket(
        context, {"subject": "S", "description": "D", "company": key("hilton")}
    ),
    "update_ticket": lambda context: tickets.update_ticket(
        context, key("offline"), {"status": "closed", "subject": "S"}
    ),
    "assign_ticket": lambda context: tickets.assign_ticket(context, key("offline"), None),
    "delete_ticket": lambda context: tickets.delete_ticket(context, key("offline")),
    "add_comment": lambda context: comments.add_comment(context, key("offline"), {"text": "T"}),
    "create_comment": lambda context: comments.create_comment(
        context, {"ticket": key("offline"), "text": "T"}
    ),
    "update_comment": lambda context: comments.update_comment(
        context, key("public"), {"text": "T"}
    ),
    "delete_comment": lambda context: comments.delete_comment(context, key("public")),
    "add_attachment": _upload,
    "update_attachment": lambda context: attachments.update_attachment(
        context, key("photo"), {"name": "new"}
    ),
    "delete_attachment": lambda context: attachments.delete_attachment(context, key("photo")),
}


@pytest.mark.parametrize("name", OPERATIONS)
async def test_a_write_and_its_events_happen_together_or_not_at_all(
    world: World, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await world.dump()

    def fail(*_: object) -> None:
        raise RuntimeError("planted")

    with monkeypatch.context() as patched:
        patched.setattr(log, "Via", fail)
        with pytest.raises(RuntimeError, match="planted"):
            await OPERATIONS[name](world.context("keith"))
    assert await world.dump() == before

    await OPERATIONS[name](world.context("keith", via="rest"))
    found = await world.events()
    assert found
    assert {(event.via, event.actor_id) for event in found} == {("rest", key("keith"))}
