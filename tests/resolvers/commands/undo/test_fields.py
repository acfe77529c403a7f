"""Undoing changes of fields: of tickets, of comments, of the names of files."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from models import Attachment, Comment, Company, Contact, Ticket, TicketEvent, UndoRecord
from resolvers.commands import attachments, comments, tickets
from resolvers.commands.undo.undo import undo
from resolvers.errors import Conflict, FieldConflict, Invalid, NotFound
from resolvers.query.undo.reasons import UndoRefusalReason, UndoRefused
from tests.support.clock import NOON
from tests.support.rows import contact, key
from tests.support.world import World

pytestmark = pytest.mark.anyio

TICKET = key("offline")
LONG = "A long text. " * 400


async def last(world: World, ticket: str = "offline") -> TicketEvent:
    return (await world.events(key(ticket)))[-1]


async def undo_last(world: World, who: str = "keith", ticket: str = "offline") -> None:
    await undo(world.context(who), (await last(world, ticket)).id)


async def update(world: World, who: str = "keith", **to: Any) -> None:
    await tickets.update_ticket(world.context(who), TICKET, to)


async def stored(world: World) -> dict[str, Any]:
    """Return the ticket without what every change moves."""
    return (await world.get(Ticket, TICKET)).model_dump(exclude={"version", "updated_at"})


async def refused(world: World, event: UUID, who: str = "keith") -> UndoRefusalReason:
    """Try to undo an event, which nothing may come of."""
    before = await world.dump()
    with pytest.raises(UndoRefused) as error:
        await undo(world.context(who), event)
    assert await world.dump() == before
    return error.value.reason


CHANGES: list[dict[str, Any]] = [
    {"subject": "Another one"},
    {"description": "Short"},
    {"description": LONG},
    {"priority": "low", "tags": ""},
    {"status": "pending"},
    {"status": "resolved"},
    {"status": "closed", "priority": "urgent"},
    {"category": "general", "assigned_team": None},
    {"company": key("centara")},
    {"company": key("centara"), "contact": key("jane")},
    {"contact": None},
    {"assigned_to": key("admin"), "assigned_team": "Admin"},
    {"assigned_to": None},
    {"due_date": None},
    {"due_date": NOON + timedelta(microseconds=7)},
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda one: ",".join(one))
async def test_an_undo_writes_what_was_there_before(world: World, change: dict[str, Any]) -> None:
    before = await stored(world)
    world.clock.move(hours=1)
    await update(world, **change)
    changed = await stored(world)
    events = await world.events(TICKET)
    world.clock.move(hours=1)
    await undo_last(world, "admin")

    assert await stored(world) == before != changed
    ticket = await world.get(Ticket, TICKET)
    assert (ticket.version, ticket.updated_at) == (3, NOON + timedelta(hours=2))
    undone = (await world.events(TICKET))[len(events) :]
    assert {one.actor_id for one in undone} == {key("admin")}
    assert {one.version for one in undone} == {3}
    turned = {
        (entry["field"], entry["to"]): entry["from"] for one in events for entry in one.changes
    }
    for one in undone:
        for entry in one.changes:
            if entry["field"] not in ("resolved_at", "closed_at"):
                assert turned[entry["field"], entry["from"]] == entry["to"]

    # It is a change like any other.
    world.clock.move(hours=1)
    await undo_last(world)
    assert await stored(world) == changed
    await undo_last(world)
    assert await stored(world) == before


async def test_an_assignment_is_undone_with_its_status(world: World) -> None:
    await tickets.assign_ticket(world.context("keith"), key("volume"), key("admin"))
    status, assigned = await world.events(key("volume"))
    assert (status.type, assigned.type) == ("status_changed", "assigned")

    await undo(world.context("keith"), status.id)

    ticket = await world.get(Ticket, key("volume"))
    assert (ticket.status, ticket.assigned_to_id, ticket.assigned_team) == ("new", None, None)
    for one in (status, assigned):
        with pytest.raises(Conflict):
            await undo(world.context("keith"), one.id)


async def test_only_the_time_that_a_change_has_set_is_taken_back(world: World) -> None:
    await update(world, status="resolved")
    world.clock.move(hours=1)
    await update(world, status="pending")
    world.clock.move(hours=1)
    await update(world, status="resolved")
    await undo_last(world)

    ticket = await world.get(Ticket, TICKET)
    assert (ticket.status, ticket.resolved_at) == ("pending", NOON)
    # Undoing that it was opened again does not resolve it for the first time.
    await undo(world.context("keith"), (await world.events(TICKET))[1].id)
    ticket = await world.get(Ticket, TICKET)
    assert (ticket.status, ticket.resolved_at) == ("resolved", NOON)


async def test_other_fields_may_have_changed_since(world: World) -> None:
    await update(world, priority="low")
    event = await last(world)
    await update(world, "admin", subject="Theirs")
    await undo(world.context("keith"), event.id)

    ticket = await world.get(Ticket, TICKET)
    assert (ticket.priority, ticket.subject, ticket.version) == ("high", "Theirs", 4)


async def test_a_field_that_changed_since_is_a_conflict_that_tells_who_and_when(
    world: World,
) -> None:
    await update(world, priority="low", tags="mine")
    event = await last(world)
    world.clock.move(hours=1)
    await update(world, "admin", priority="urgent")
    await update(world, "admin", subject="Theirs")
    before = await world.dump()

    with pytest.raises(Conflict) as error:
        await undo(world.context("keith"), event.id)

    assert await world.dump() == before
    conflict = error.value
    assert (conflict.expected, conflict.actual, conflict.known) == (2, 4, True)
    assert conflict.changed == ("priority", "subject")
    at = "2025-11-19T13:00:00Z"
    admin: dict[str, Any] = {"actor_id": str(key("admin")), "actor_name": "Admin Test", "at": at}
    assert conflict.fields == [FieldConflict("priority", "low", "high", "urgent", **admin)]


async def test_a_value_that_is_there_again_can_be_undone(world: World) -> None:
    await update(world, priority="low")
    event = await last(world)
    await update(world, "admin", priority="urgent")
    await update(world, "admin", priority="low")
    await undo(world.context("keith"), event.id)
    assert (await world.get(Ticket, TICKET)).priority == "high"


async def test_a_long_text_is_compared_in_full(world: World) -> None:
    await update(world, description=LONG + "end")
    event = await last(world)
    middle = len(LONG) // 2
    await update(world, description=LONG[:middle] + "!" + LONG[middle + 1 :] + "end")
    with pytest.raises(Conflict):
        await undo(world.context("keith"), event.id)


async def test_the_contact_that_others_chose_is_not_lost(world: World) -> None:
    await world.add(contact("jim", company_id=key("centara")))
    await update(world, contact=None)
    await update(world, company=key("centara"))
    event = await last(world)
    await update(world, "admin", contact=key("jim"))
    before = await world.dump()
    with pytest.raises(Conflict) as error:
        await undo(world.context("keith"), event.id)
    assert [one.field for one in error.value.fields] == ["contact"]
    assert await world.dump() == before


async def test_what_is_referred_to_must_still_fit(world: World) -> None:
    await update(world, contact=None)
    event = await last(world)
    await world.change(Contact, key("john"), company_id=key("centara"))
    before = await world.dump()
    with pytest.raises(Invalid) as error:
        await undo(world.context("keith"), event.id)
    assert list(error.value.problems) == ["contact"]
    assert await world.dump() == before


async def test_somebody_who_was_deactivated_is_assigned_again(world: World) -> None:
    await update(world, assigned_to=key("gone"))
    await update(world, assigned_to=key("keith"))
    await world.change(Company, key("hilton"), is_active=False)
    await undo_last(world)
    assert (await world.get(Ticket, TICKET)).assigned_to_id == key("gone")


async def test_edits_of_comments_are_undone(world: World) -> None:
    comment = key("public")
    before = (await world.get(Comment, comment)).model_dump(exclude={"version", "updated_at"})
    for change in ({"text": LONG}, {"text": "x", "is_internal": True}, {"is_internal": True}):
        world.clock.move(hours=1)
        await comments.update_comment(world.context("keith"), comment, change)
        await undo_last_of_comment(world)
        found = (await world.get(Comment, comment)).model_dump(exclude={"version", "updated_at"})
        assert found == before


async def undo_last_of_comment(world: World) -> None:
    found = [one for one in await world.events(TICKET) if one.type == "comment_edited"]
    await undo(world.context("keith"), found[-1].id)


async def test_a_note_is_internal_again_with_the_first_response_taken_back(world: World) -> None:
    assert (await world.get(Ticket, TICKET)).first_response_at is None
    await comments.update_comment(world.context("keith"), key("internal"), {"is_internal": False})
    assert (await world.get(Ticket, TICKET)).first_response_at == NOON
    world.clock.move(hours=1)
    await undo_last_of_comment(world)
    assert (await world.get(Ticket, TICKET)).first_response_at is None
    assert (await world.get(Comment, key("internal"))).is_internal
    assert all(one.is_internal for one in await world.events(TICKET))


async def test_a_conflict_of_a_comment(world: World) -> None:
    await comments.update_comment(world.context("keith"), key("public"), {"text": "One"})
    event = await last(world)
    await comments.update_comment(world.context("admin"), key("public"), {"text": "Two"})
    with pytest.raises(Conflict) as error:
        await undo(world.context("keith"), event.id)
    [one] = error.value.fields
    assert (one.base, one.yours, one.theirs) == ("One", "Text of public", "Two")
    assert (one.actor_name, error.value.known) == ("Admin Test", True)


async def test_the_name_of_a_file(world: World) -> None:
    await attachments.update_attachment(world.context("keith"), key("photo"), {"name": "a.txt"})
    event = await last(world)
    await attachments.update_attachment(world.context("admin"), key("photo"), {"name": "b.txt"})
    with pytest.raises(Conflict) as error:
        await undo(world.context("keith"), event.id)
    [one] = error.value.fields
    assert (one.base, one.yours, one.theirs) == ("a.txt", "photo.txt", "b.txt")
    assert (one.actor_name, one.at) == ("Admin Test", "2025-11-19T12:00:00Z")

    await undo_last(world)
    await undo(world.context("keith"), event.id)
    assert (await world.get(Attachment, key("photo"))).name == "photo.txt"


async def test_what_is_not_undone_says_why(world: World) -> None:
    reasons = UndoRefusalReason
    ticket = await tickets.create_ticket(
        world.context("keith"),
        {"subject": "New", "description": "New", "company": key("hilton")},
    )
    created = (await world.events(ticket))[-1].id
    assert await refused(world, created) is reasons.CREATED
    await comments.add_comment(world.context("keith"), ticket, {"text": "Hello"})
    assert await refused(world, (await world.events(ticket))[-1].id) is reasons.CREATED
    await tickets.update_ticket(world.context("keith"), ticket, {"priority": "low"})
    event = (await world.events(ticket))[-1].id
    await tickets.delete_ticket(world.context("keith"), ticket)
    assert await refused(world, event) is reasons.DELETED
    await update(world, priority="low")
    event = (await last(world)).id
    world.clock.move(hours=24)
    assert await refused(world, event) is reasons.TOO_OLD


async def test_a_long_text_that_was_not_kept(world: World) -> None:
    await update(world, description=LONG)
    await update(world, priority="low")
    event = (await world.events(TICKET))[0].id
    async with world.database.transaction() as session:
        await session.delete(await session.get_one(UndoRecord, event))
    assert await refused(world, event) is UndoRefusalReason.NOT_KEPT


async def test_there_is_no_such_event(world: World) -> None:
    for who in ("keith", "carla"):
        with pytest.raises(NotFound):
            await undo(world.context(who), key("nothing"))


async def test_ordinary_changes_keep_nothing(world: World) -> None:
    await update(world, priority="low", subject="Other", status="closed")
    await comments.update_comment(world.context("keith"), key("public"), {"text": "Short"})
    async with world.database.transaction() as session:
        assert await session.get(UndoRecord, (await last(world)).id) is None
    assert (await world.dump())["undo_records"] == []
