"""Writes of what others have changed since it was read: refused with the reason, or merged."""

from typing import Any

import pytest
from sqlalchemy import text

from models import Comment, PurgedEvents, Team, Ticket, TicketEvent
from resolvers.commands import comments, tickets
from resolvers.commands.conflicts import ConflictResolution, Merged
from resolvers.errors import Conflict, FieldConflict, Invalid, NotFound
from resolvers.events.history import MAX_VERSIONS
from tests.support.clock import NOON
from tests.support.rows import contact, key
from tests.support.world import World

pytestmark = pytest.mark.anyio

MERGE = ConflictResolution.MERGE
TICKET = key("offline")
KEITH: dict[str, Any] = {"actor_id": str(key("keith")), "actor_name": "Keith Test"}


async def update(
    world: World, who: str = "keith", *, seen: int | None = None, merge: bool = False, **to: Any
) -> Merged | None:
    """Change the ticket; ``seen`` is the version that is expected."""
    how = MERGE if merge else ConflictResolution.FAIL
    return await tickets.update_ticket(world.context(who), TICKET, to, seen, on_conflict=how)


async def refused(world: World, who: str = "admin", **given: Any) -> Conflict:
    """Try a change that nothing may come of."""
    before = await world.dump()
    with pytest.raises(Conflict) as error:
        await update(world, who, **given)
    assert await world.dump() == before
    return error.value


async def ticket(world: World) -> Ticket:
    return await world.get(Ticket, TICKET)


KINDS: list[tuple[str, Any, Any, tuple[str | None, str | None, str | None]]] = [
    ("subject", "Theirs", "Yours", ("Subject of offline", "Theirs", "Yours")),
    ("status", "pending", "resolved", ("assigned", "pending", "resolved")),
    ("priority", "low", "urgent", ("high", "low", "urgent")),
    ("contact", None, key("jim"), (str(key("john")), None, str(key("jim")))),
    ("assigned_to", None, key("admin"), (str(key("keith")), None, str(key("admin")))),
    ("tags", "", "vip", ("vip,zone", "", "vip")),
    (
        "due_date",
        NOON,
        None,
        ("2025-11-19T11:00:00Z", "2025-11-19T12:00:00Z", None),
    ),
]


@pytest.mark.parametrize(("field", "theirs", "yours", "told"), KINDS, ids=[k[0] for k in KINDS])
async def test_a_conflict_tells_each_value_who_and_when(
    world: World, field: str, theirs: Any, yours: Any, told: tuple[str | None, ...]
) -> None:
    await world.add(contact("jim", company_id=key("hilton")))
    world.clock.move(hours=1)
    await update(world, **{field: theirs})
    world.clock.move(hours=1)

    for merge in (False, True):
        conflict = await refused(world, seen=1, merge=merge, **{field: yours})
        assert (conflict.expected, conflict.actual, conflict.known) == (1, 2, True)
        assert conflict.changed == (field,)
        base, now, mine = told
        at = "2025-11-19T13:00:00Z"
        assert conflict.fields == [FieldConflict(field, base, mine, now, at=at, **KEITH)]


@pytest.mark.parametrize(("field", "theirs", "yours", "told"), KINDS, ids=[k[0] for k in KINDS])
async def test_fields_that_nobody_else_touched_are_merged(
    world: World, field: str, theirs: Any, yours: Any, told: object
) -> None:
    await world.add(contact("jim", company_id=key("hilton")))
    await update(world, description="Theirs", category="billing")

    assert await refused(world, seen=1, **{field: yours})
    done = await update(world, "admin", seen=1, merge=True, **{field: yours})

    assert done == Merged(expected=1, actual=2, changed=("description", "category"))
    stored = await ticket(world)
    column = {"contact": "contact_id", "assigned_to": "assigned_to_id"}.get(field, field)
    assert getattr(stored, column) == yours
    assert (stored.description, stored.category, stored.version) == ("Theirs", "billing", 3)


async def test_the_same_value_on_both_sides_is_no_conflict(world: World) -> None:
    await update(world, priority="low", tags="theirs")

    given: dict[str, Any] = {"priority": "low", "subject": "Yours"}
    conflict = await refused(world, seen=1, **given)
    assert (conflict.changed, conflict.fields) == (("priority", "tags"), [])
    assert await update(world, "admin", seen=1, merge=True, **given)
    stored = await ticket(world)
    assert (stored.priority, stored.subject, stored.tags) == ("low", "Yours", "theirs")


async def test_a_value_that_the_field_had_is_no_change_of_it(world: World) -> None:
    """As in a PUT, which sends all fields of what its sender has read."""
    await update(world, priority="low")

    await update(world, "admin", seen=1, merge=True, priority="high", subject="Yours")

    stored = await ticket(world)
    assert (stored.priority, stored.subject, stored.version) == ("low", "Yours", 3)


async def test_what_was_changed_and_changed_back_was_touched(world: World) -> None:
    await update(world, priority="low")
    await update(world, priority="high")

    conflict = await refused(world, seen=1, merge=True, priority="urgent")
    (field,) = conflict.fields
    assert (field.base, field.theirs, field.yours) == ("high", "high", "urgent")


async def test_of_many_versions_the_first_says_what_it_was_and_the_last_who_it_was(
    world: World,
) -> None:
    for number in range(20):
        world.clock.move(minutes=1)
        await update(world, "admin" if number % 2 else "keith", subject=f"No. {number}")
    await update(world, tags="last")

    conflict = await refused(world, seen=6, subject="Yours", tags="mine")
    assert conflict.changed == ("subject", "tags")
    subject, tags = conflict.fields
    assert (subject.base, subject.theirs) == ("No. 4", "No. 19")
    assert (subject.actor_name, subject.at) == ("Admin Test", "2025-11-19T12:20:00Z")
    assert (tags.base, tags.actor_name) == ("vip,zone", "Keith Test")


async def test_a_long_text_is_told_by_an_excerpt_of_what_it_was(world: World) -> None:
    texts = ["a" * 3000 + "b" * 3000, "a" * 3000 + "c" + "b" * 2999, "c" * 10]
    await update(world, description=texts[0])
    await update(world, description=texts[1])

    conflict = await refused(world, seen=2, merge=True, description=texts[2])
    (field,) = conflict.fields
    assert (field.base_start, field.base_length) == (2900, 6000)
    assert field.base == "a" * 100 + "b" * 101
    assert (field.theirs, field.yours) == (texts[1], texts[2])
    # What it was is not known in full, so a client that sends it again may have changed it.
    await refused(world, seen=2, merge=True, description=texts[0])


async def test_an_assignment_is_its_user_its_team_and_the_status(world: World) -> None:
    async def assign(who: str | None, seen: int) -> Merged | None:
        user = key(who) if who else None
        context = world.context("admin")
        return await tickets.assign_ticket(context, TICKET, user, seen, on_conflict=MERGE)

    await update(world, subject="Theirs")
    assert (await assign("admin", 1)) == Merged(1, 2, ("subject",))
    stored = await ticket(world)
    assert (stored.assigned_to_id, stored.assigned_team) == (key("admin"), Team.ADMIN)

    await update(world, status="pending")
    before = await world.dump()
    with pytest.raises(Conflict) as error:
        # It has the status and the team already, and would set the former back.
        await assign("admin", 3)
    assert [one.field for one in error.value.fields] == ["status"]
    assert await world.dump() == before

    await update(world, status="assigned", assigned_to=key("keith"), assigned_team="Tech")
    assert await assign("keith", 4) == Merged(4, 5, ("status", "assigned_to", "assigned_team"))
    assert (await ticket(world)).version == 5
    with pytest.raises(Conflict) as error:
        await assign(None, 4)
    # The team becomes the category's, which it is already.
    assert [one.field for one in error.value.fields] == ["status", "assigned_to"]


async def test_who_works_on_it_is_one_thing(world: World) -> None:
    await update(world, assigned_team="Music")

    conflict = await refused(world, seen=1, merge=True, assigned_to=key("admin"))
    (team,) = conflict.fields
    assert (team.field, team.base, team.yours, team.theirs) == (
        "assigned_team", "Tech", "Tech", "Music")  # fmt: skip


async def test_a_company_and_its_contact_are_one_thing(world: World) -> None:
    await world.add(contact("jim", company_id=key("hilton")))
    await update(world, company=key("centara"))
    moved = ("company", "contact")

    conflict = await refused(world, seen=1, merge=True, contact=key("jim"))
    assert [one.field for one in conflict.fields] == list(moved)
    company, person = conflict.fields
    assert (company.base, company.yours) == (str(key("hilton")), str(key("hilton")))
    assert (person.base, person.theirs) == (str(key("john")), None)

    # Of the whole ticket as it was, only what is another value is a change.
    whole = {"company": key("hilton"), "contact": key("john"), "tags": "yours"}
    assert await update(world, "admin", seen=1, merge=True, **whole) == Merged(1, 2, moved)
    stored = await ticket(world)
    assert (stored.company_id, stored.contact_id, stored.tags) == (key("centara"), None, "yours")


async def test_a_company_is_not_changed_under_a_new_contact(world: World) -> None:
    await world.add(contact("jim", company_id=key("hilton")))
    await update(world, contact=key("jim"))

    conflict = await refused(world, seen=1, merge=True, company=key("centara"))
    (person,) = conflict.fields
    assert (person.field, person.theirs) == ("contact", str(key("jim")))
    assert await update(world, "admin", seen=1, merge=True, company=key("hilton"))


@pytest.mark.parametrize("seen", [2, 9, 2**31 - 1, 0, -5])
async def test_a_version_that_there_never_was_is_a_conflict(world: World, seen: int) -> None:
    for merge in (False, True):
        conflict = await refused(world, seen=seen, merge=merge, subject="Yours")
        assert (conflict.expected, conflict.actual, conflict.known) == (seen, 1, False)
        assert conflict.fields == [FieldConflict("subject", None, "Yours", "Subject of offline")]


@pytest.mark.parametrize("gap", ["version = 3", "version IN (2, 4)", "TRUE"])
async def test_what_earlier_releases_wrote_is_not_known(world: World, gap: str) -> None:
    """Their servers write events without versions, also beside those of today."""
    for number in range(3):
        await update(world, priority="low", tags=str(number))
    async with world.database.transaction() as session:
        connection = await session.connection()
        await connection.execute(text(f"UPDATE ticket_events SET version = NULL WHERE {gap}"))

    for merge in (False, True):
        conflict = await refused(world, seen=1, merge=merge, priority="low", tags="x", subject="S")
        assert (conflict.expected, conflict.actual, conflict.known) == (1, 4, False)
        assert conflict.changed == ()
        assert conflict.fields == [
            FieldConflict("subject", None, "S", "Subject of offline"),
            FieldConflict("tags", None, "x", "2"),
        ]


async def test_what_followed_an_earlier_release_is_known(world: World) -> None:
    await update(world, tags="old")
    async with world.database.transaction() as session:
        await (await session.connection()).execute(text("UPDATE ticket_events SET version = NULL"))
    await update(world, priority="low")

    assert await update(world, seen=2, merge=True, tags="yours") == Merged(2, 3, ("priority",))
    assert not (await refused(world, seen=1, merge=True, tags="yours")).known


@pytest.mark.parametrize("removed", [1, 2])
async def test_a_write_whose_first_events_are_removed_is_not_known(
    world: World, removed: int
) -> None:
    await update(world, status="pending", assigned_to=key("admin"), tags="theirs")
    await update(world, priority="low")
    first = (await world.events())[0].seq or 0
    async with world.database.transaction() as session:
        connection = await session.connection()
        last = first + removed - 1
        await connection.execute(text(f"DELETE FROM ticket_events WHERE seq <= {last}"))
        session.add(PurgedEvents(seq=last))

    assert not (await refused(world, seen=1, merge=True, status="resolved")).known
    await update(world, tags="again")
    assert await update(world, seen=3, merge=True, status="resolved")


async def test_more_versions_than_are_looked_at_are_not_known(world: World) -> None:
    await update(world, tags="theirs")
    await world.change(Ticket, TICKET, version=MAX_VERSIONS + 2)

    assert not (await refused(world, seen=1, merge=True, subject="Yours")).known


async def test_a_wrong_value_is_told_before_a_conflict(world: World) -> None:
    await update(world, subject="Theirs")
    before = await world.dump()

    with pytest.raises(Invalid):
        await update(world, seen=1, merge=True, subject="", priority="low")
    with pytest.raises(NotFound):
        await tickets.update_ticket(world.context("keith"), key("nothing"), {}, 1)

    assert await world.dump() == before


async def test_what_is_deleted_meanwhile_is_not_found(world: World) -> None:
    await tickets.delete_ticket(world.context("admin"), TICKET, expected_version=1)
    with pytest.raises(NotFound):
        await update(world, seen=1, merge=True, subject="Yours")


async def test_deleting_and_commenting_may_expect_a_version(world: World) -> None:
    await update(world, subject="Theirs")
    before = await world.dump()
    context = world.context("admin")

    with pytest.raises(Conflict) as error:
        await tickets.delete_ticket(context, TICKET, expected_version=1)
    assert (error.value.changed, error.value.fields) == (("subject",), [])
    with pytest.raises(Conflict):
        await comments.add_comment(context, TICKET, {"text": "Mine"}, expected_version=1)
    with pytest.raises(Conflict):
        await comments.delete_comment(context, key("public"), expected_version=2)

    assert await world.dump() == before
    await comments.add_comment(context, TICKET, {"text": "Mine"}, expected_version=2)
    await comments.delete_comment(context, key("public"), expected_version=1)
    await tickets.delete_ticket(context, TICKET, expected_version=2)


async def edit(world: World, who: str = "keith", *, seen: int | None = None, **to: Any) -> Any:
    context = world.context(who)
    return await comments.update_comment(context, key("public"), to, seen, on_conflict=MERGE)


async def test_comments_are_merged_by_their_own_versions(world: World) -> None:
    await update(world, subject="Another thing")
    await edit(world, is_internal=True)

    assert await edit(world, "admin", seen=1, text="Yours") == Merged(1, 2, ("is_internal",))
    stored = await world.get(Comment, key("public"))
    assert (stored.text, stored.is_internal, stored.version) == ("Yours", True, 3)

    before = await world.dump()
    with pytest.raises(Conflict) as error:
        await edit(world, seen=1, text="Mine", is_internal=False)
    (field,) = error.value.fields
    assert (field.field, field.base, field.theirs) == ("text", "Text of public", "Yours")
    assert field.actor_name == "Admin Test"
    assert await world.dump() == before


async def test_customers_learn_nothing_of_internal_edits(world: World) -> None:
    """Neither who, nor what: all of it was among staff, and what they see now is the result."""
    own = key("own")
    hidden, public = {"is_internal": True}, {"text": "Said", "is_internal": False}
    for changes in (hidden, {"text": "Between us"}, public):
        await comments.update_comment(world.context("keith"), own, changes)
    before = await world.dump()

    for seen in (1, 2, 3):
        with pytest.raises(Conflict) as error:
            await comments.update_comment(
                world.context("carla"), own, {"text": "Mine"}, seen, on_conflict=MERGE
            )
        conflict = error.value
        assert (conflict.known, conflict.changed) == (False, ())
        assert conflict.fields == [FieldConflict("text", None, "Mine", "Said")]
    assert await world.dump() == before


@pytest.mark.parametrize(
    ("who", "name"), [("keith", "Keith Test"), ("colin", "Colin Test"), ("olga", None)]
)
async def test_customers_are_told_of_staff_and_colleagues(
    world: World, who: str, name: str | None
) -> None:
    """The user of another company has changed it when it was that company's ticket."""
    mine = key("volume")
    await tickets.update_ticket(world.context("keith"), mine, {"subject": "Theirs"})
    (event,) = await world.events()
    await world.change(TicketEvent, event.seq, actor_id=key(who))
    before = await world.dump()

    with pytest.raises(Conflict) as error:
        await tickets.update_ticket(world.context("carla"), mine, {"subject": "Mine"}, 1)

    (field,) = error.value.fields
    assert (field.base, field.theirs, field.at) == (
        "Subject of volume",
        "Theirs",
        "2025-11-19T12:00:00Z",
    )
    assert (field.actor_id, field.actor_name) == (name and str(key(who)), name)
    assert await world.dump() == before


async def test_customers_are_not_told_whose_ticket_it_was(world: World) -> None:
    mine = key("volume")
    await world.change(Ticket, mine, company_id=key("centara"), contact_id=key("jane"))
    moved = {"company": key("hilton"), "contact": key("john")}
    await tickets.update_ticket(world.context("keith"), mine, moved)
    carla = world.context("carla")

    with pytest.raises(Conflict) as error:
        await tickets.update_ticket(carla, mine, {"contact": None}, 1, on_conflict=MERGE)
    company, person = error.value.fields
    assert (company.base, company.theirs) == (None, str(key("hilton")))
    # It was somebody of the other company, which is not to be taken for nobody.
    assert (person.base, person.yours, person.theirs) == (None, None, str(key("john")))

    same = {"contact": key("john"), "subject": "Mine"}
    done = await tickets.update_ticket(carla, mine, same, 1, on_conflict=MERGE)
    assert done == Merged(1, 2, ("company", "contact"))


async def test_a_reference_is_not_told_where_nothing_is_known(world: World) -> None:
    mine = key("volume")
    await world.change(Ticket, mine, contact_id=key("jane"), version=2)

    with pytest.raises(Conflict) as error:
        await tickets.update_ticket(world.context("carla"), mine, {"contact": key("john")}, 1)
    assert error.value.fields == [FieldConflict("contact", None, str(key("john")), None)]
