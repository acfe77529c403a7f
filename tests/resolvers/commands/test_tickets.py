"""Tickets: numbers, teams, the times of the final states, versions, and what deleting takes."""

from datetime import UTC, datetime
from typing import Any

import pytest

from models import (
    DayCounter,
    Role,
    Team,
    Ticket,
    TicketCategory,
    TicketStatus,
    User,
)
from resolvers.commands import tickets
from resolvers.errors import Conflict, Forbidden, Invalid, NotFound
from tests.support.clock import NOON
from tests.support.rows import file_key, key
from tests.support.world import World

pytestmark = pytest.mark.anyio

MINIMUM = {"subject": "No music", "description": "Since noon", "company": key("hilton")}


async def create(world: World, who: str = "keith", **more: Any) -> Ticket:
    ticket_id = await tickets.create_ticket(world.context(who), MINIMUM | more)
    return await world.get(Ticket, ticket_id)


async def update(world: World, name: str = "offline", who: str = "keith", **changes: Any) -> Ticket:
    await tickets.update_ticket(world.context(who), key(name), changes)
    return await world.get(Ticket, key(name))


async def test_a_new_ticket_has_the_defaults_and_its_creator(world: World) -> None:
    ticket = await create(world)

    assert (ticket.status, ticket.priority, ticket.category) == ("new", "medium", "general")
    assert (ticket.created_by_id, ticket.assigned_team, ticket.version) == (key("keith"), None, 1)
    assert ticket.created_at == ticket.updated_at == NOON
    assert ticket.tags == ""


async def test_numbers_count_the_days_tickets_in_utc(world: World) -> None:
    world.clock.now = datetime(2025, 12, 31, 23, 59, 59, 999_999, UTC)
    numbers = [(await create(world)).ticket_number, (await create(world)).ticket_number]
    world.clock.move(microseconds=1)
    numbers.append((await create(world)).ticket_number)

    assert numbers == ["T-20251231-0001", "T-20251231-0002", "T-20260101-0001"]


async def test_numbers_grow_longer_after_9999(world: World) -> None:
    async with world.database.transaction() as session:
        session.add(DayCounter(day="20251119", value=9998))

    numbers = [(await create(world)).ticket_number for _ in range(3)]

    assert numbers == ["T-20251119-9999", "T-20251119-10000", "T-20251119-10001"]


async def test_a_refused_ticket_takes_no_number(world: World) -> None:
    with pytest.raises(Invalid):
        await create(world, subject="")
    with pytest.raises(Invalid):
        await create(world, company=key("nothing"))

    assert (await create(world)).ticket_number == "T-20251119-0001"


@pytest.mark.parametrize(
    ("category", "team"),
    [
        ("technical", "Tech"),
        ("billing", "Finance"),
        ("zone_config", "Music"),
        ("account", "Sales"),
        ("feature_request", None),
        ("general", None),
    ],
)
async def test_the_category_decides_the_team(world: World, category: str, team: str | None) -> None:
    assert (await create(world, category=category)).assigned_team == team
    assert (await create(world, category=category, assigned_team="")).assigned_team == team
    assert (await create(world, category=category, assigned_team="Admin")).assigned_team == "Admin"


async def test_any_save_without_a_team_takes_the_categorys(world: World) -> None:
    assert (await update(world, "volume", category="billing")).assigned_team is Team.FINANCE
    # The team stays although the category is another one now.
    assert (await update(world, "volume", category="account")).assigned_team is Team.FINANCE
    assert (await update(world, "volume", assigned_team=None)).assigned_team is Team.SALES


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.CUSTOMER])
async def test_assigning_sets_status_and_the_team_of_the_role(world: World, role: Role) -> None:
    async with world.database.transaction() as session:
        keith = await session.get_one(User, key("keith"))
        keith.role = role

    await tickets.assign_ticket(world.context("admin"), key("volume"), key("keith"))

    ticket = await world.get(Ticket, key("volume"))
    assert (ticket.status, ticket.assigned_to_id) == ("assigned", key("keith"))
    assert (ticket.assigned_team, ticket.version) == (role.value, 2)


@pytest.mark.parametrize(("name", "team"), [("offline", Team.TECH), ("assigned", None)])
async def test_unassigning_sets_new_and_leaves_the_categorys_team(
    world: World, name: str, team: Team | None
) -> None:
    if name == "assigned":
        name = "volume"
        await tickets.assign_ticket(world.context("admin"), key("volume"), key("keith"))

    await tickets.assign_ticket(world.context("admin"), key(name), None)

    ticket = await world.get(Ticket, key(name))
    assert (ticket.status, ticket.assigned_to_id, ticket.assigned_team) == ("new", None, team)


@pytest.mark.parametrize("who", ["nothing", "carla"])
async def test_tickets_are_assigned_to_staff_only(world: World, who: str) -> None:
    before = await world.dump()

    with pytest.raises(NotFound) as refused:
        await tickets.assign_ticket(world.context("admin"), key("offline"), key(who))

    assert (refused.value.kind, refused.value.field) == ("User", "user_id")
    assert await world.dump() == before


@pytest.mark.parametrize(
    ("status", "stamp"), [("resolved", "resolved_at"), ("closed", "closed_at")]
)
async def test_a_final_state_is_stamped_once_and_kept(
    world: World, status: str, stamp: str
) -> None:
    first = await update(world, status=status)
    world.clock.move(hours=1)
    back = await update(world, status="pending")
    again = await update(world, status=status)

    assert [getattr(ticket, stamp) for ticket in (first, back, again)] == [NOON, NOON, NOON]
    assert None in (again.resolved_at, again.closed_at)


async def test_a_ticket_may_be_created_in_a_final_state(world: World) -> None:
    assert (await create(world, status="closed")).closed_at == NOON


async def test_the_expected_version_lets_the_change_through(world: World) -> None:
    context = world.context("keith")
    await tickets.update_ticket(context, key("offline"), {"subject": "A"}, 1)
    await tickets.update_ticket(context, key("offline"), {"subject": "B"}, 2)

    ticket = await world.get(Ticket, key("offline"))
    assert (ticket.subject, ticket.version) == ("B", 3)


@pytest.mark.parametrize("expected", [0, 2, -1, 2**31 - 1])
async def test_a_stale_version_is_a_conflict_and_changes_nothing(
    world: World, expected: int
) -> None:
    before = await world.dump()

    with pytest.raises(Conflict) as refused:
        await tickets.update_ticket(
            world.context("keith"), key("offline"), {"subject": "New"}, expected
        )

    assert (refused.value.expected, refused.value.actual) == (expected, 1)
    assert await world.dump() == before


async def test_values_that_stay_the_same_are_no_change(world: World) -> None:
    before = await world.get(Ticket, key("offline"))
    world.clock.move(hours=1)
    ticket = await update(
        world, subject=" Subject of offline ", status="assigned", assigned_to=key("keith")
    )

    assert ticket.version == 1
    assert ticket.updated_at == before.updated_at < NOON
    assert await world.events() == []


async def test_all_fields_of_a_ticket_can_be_changed_at_once(world: World) -> None:
    changes: dict[str, Any] = {
        "subject": "S",
        "description": "D",
        "status": TicketStatus.PENDING,
        "priority": "urgent",
        "category": TicketCategory.ACCOUNT,
        "company": key("centara"),
        "contact": None,
        "assigned_to": key("admin"),
        "assigned_team": "Music",
        "due_date": None,
        "tags": "a,b",
    }
    ticket = await update(world, **changes)

    assert (ticket.status, ticket.priority, ticket.category) == ("pending", "urgent", "account")
    assert (ticket.company_id, ticket.contact_id) == (key("centara"), None)
    assert (ticket.assigned_to_id, ticket.assigned_team) == (key("admin"), "Music")
    assert (ticket.due_date, ticket.tags, ticket.version) == (None, "a,b", 2)


async def test_references_are_checked_with_all_the_other_values(world: World) -> None:
    wrong: dict[str, Any] = {
        "subject": "",
        "company": key("no company"),
        "contact": key("no contact"),
        "assigned_to": key("no user"),
    }
    before = await world.dump()

    with pytest.raises(Invalid) as refused:
        await create(world, **wrong)
    with pytest.raises(Invalid) as change:
        await update(world, **wrong)

    codes = {name: [p.code for p in found] for name, found in refused.value.problems.items()}
    assert codes == {
        "subject": ["blank"],
        "company": ["does_not_exist"],
        "contact": ["does_not_exist"],
        "assigned_to": ["does_not_exist"],
    }
    assert change.value.problems == refused.value.problems
    assert await world.dump() == before


@pytest.mark.parametrize(("field", "name"), [("company", "centara"), ("contact", "jane")])
async def test_for_customers_other_companies_do_not_exist(
    world: World, field: str, name: str
) -> None:
    problems = []
    for value in (key(name), key("nothing")):
        with pytest.raises(Invalid) as refused:
            await create(world, "carla", **{field: value})
        problem = refused.value.problems[field][0]
        problems.append((problem.code, problem.params == {"value": str(value)}))

    assert problems == [("does_not_exist", True)] * 2


@pytest.mark.parametrize("field", ["status", "assigned_to", "assigned_team"])
async def test_customers_do_not_decide_who_works_on_what(world: World, field: str) -> None:
    value = {"status": "closed", "assigned_to": key("keith"), "assigned_team": "Tech"}[field]
    before = await world.dump()

    for attempt in (create(world, "carla", **{field: value}),
                    create(world, "carla", **{field: "garbage"}),
                    update(world, "volume", "carla", **{field: value})):  # fmt: skip
        with pytest.raises(Forbidden, match=field):
            await attempt

    assert await world.dump() == before


async def test_customers_change_what_they_created(world: World) -> None:
    changes: dict[str, Any] = {
        "subject": "S",
        "description": "D",
        "contact": key("john"),
        "tags": "loud",
    }
    ticket = await update(world, "volume", "carla", **changes)

    assert (ticket.subject, ticket.contact_id, ticket.tags) == ("S", key("john"), "loud")
    with pytest.raises(Forbidden, match="created"):
        await update(world, "offline", "carla", subject="S")
    with pytest.raises(Forbidden, match="created"):
        await update(world, "volume", "colin", subject="S")


async def test_deleting_a_ticket_takes_its_comments_attachments_and_files(world: World) -> None:
    await tickets.delete_ticket(world.context("keith", undo_hours=0), key("offline"))

    after = await world.dump()
    by_ticket = {
        "tickets": [row[0] for row in after["tickets"]],
        "comments": [row[1] for row in after["comments"]],
        "attachments": [row[1] for row in after["attachments"]],
    }
    for left in by_ticket.values():
        assert set(left) == {key("volume"), key("bill")}
    assert world.files() == sorted([file_key("scan"), file_key("receipt")])
    with pytest.raises(NotFound):
        await tickets.delete_ticket(world.context("keith"), key("offline"))


@pytest.mark.parametrize("operation", [tickets.update_ticket, tickets.assign_ticket])
async def test_an_unknown_ticket_is_not_found(world: World, operation: Any) -> None:
    with pytest.raises(NotFound) as refused:
        await operation(world.context("admin"), key("nothing"), {})
    assert refused.value == NotFound("Ticket")
