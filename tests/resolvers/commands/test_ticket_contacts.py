"""A ticket's contact is one of its company, and a ticket that moves leaves its people behind."""

from typing import Any

import pytest

from models import Contact, Ticket, TicketEvent
from resolvers.commands import contacts, tickets
from resolvers.errors import Invalid
from tests.support.rows import key
from tests.support.world import World

pytestmark = pytest.mark.anyio

NEW = {"subject": "No music", "description": "Since noon", "company": key("hilton")}


async def codes(operation: Any) -> dict[str, list[str]]:
    with pytest.raises(Invalid) as refused:
        await operation
    return {name: [one.code for one in found] for name, found in refused.value.problems.items()}


async def state(world: World) -> tuple[Any, int]:
    ticket = await world.get(Ticket, key("offline"))
    return ticket.model_dump(), len(await world.events())


@pytest.mark.parametrize(
    "changes",
    [
        {"contact": key("jane")},
        {"company": key("centara"), "contact": key("john")},
        {"company": key("hilton"), "contact": key("jane"), "subject": "New"},
    ],
)
async def test_a_contact_of_another_company_is_refused(
    world: World, changes: dict[str, Any]
) -> None:
    before = await state(world)

    found = await codes(tickets.update_ticket(world.context("keith"), key("offline"), changes))

    assert found == {"contact": ["contact_of_other_company"]}
    assert await state(world) == before


async def test_a_new_ticket_takes_a_contact_of_its_company_only(world: World) -> None:
    context = world.context("keith")
    count = len((await world.dump())["tickets"])
    found = await codes(tickets.create_ticket(context, NEW | {"contact": key("jane")}))
    assert found == {"contact": ["contact_of_other_company"]}
    # To a customer there is no such contact at all.
    customer = world.context("carla")
    found = await codes(tickets.create_ticket(customer, NEW | {"contact": key("jane")}))
    assert found == {"contact": ["does_not_exist"]}
    assert len((await world.dump())["tickets"]) == count

    ticket_id = await tickets.create_ticket(context, NEW | {"contact": key("john")})
    assert (await world.get(Ticket, ticket_id)).contact_id == key("john")


@pytest.mark.parametrize(
    ("changes", "contact"),
    [
        ({"company": key("centara")}, None),
        ({"company": key("centara"), "contact": None}, None),
        ({"company": key("centara"), "contact": key("jane")}, "jane"),
    ],
)
async def test_a_ticket_that_moves_leaves_a_contact_behind(
    world: World, changes: dict[str, Any], contact: str | None
) -> None:
    await tickets.update_ticket(world.context("keith"), key("offline"), changes)

    ticket = await world.get(Ticket, key("offline"))
    assert ticket.contact_id == (key(contact) if contact else None)
    told: list[TicketEvent] = await world.events()
    changed = {entry["field"]: (entry["from"], entry["to"]) for entry in told[-1].changes}
    assert changed["contact"] == (str(key("john")), str(key(contact)) if contact else None)


async def test_what_was_stored_otherwise_stays_until_it_is_changed(world: World) -> None:
    """An import brings what the old desk had, and a contact may move to another company."""
    await contacts.update_contact(world.context("admin"), key("john"), {"company": key("centara")})
    context = world.context("keith")

    await tickets.update_ticket(
        context, key("offline"), {"contact": key("john"), "company": key("hilton"), "tags": "x"}
    )
    assert (await world.get(Ticket, key("offline"))).contact_id == key("john")
    assert (await world.get(Contact, key("john"))).company_id == key("centara")

    # Where it goes to is its company by now.
    await tickets.update_ticket(context, key("offline"), {"company": key("centara")})
    assert (await world.get(Ticket, key("offline"))).contact_id == key("john")
    back = {"company": key("hilton"), "contact": key("john")}
    found = await codes(tickets.update_ticket(context, key("offline"), back))
    assert found == {"contact": ["contact_of_other_company"]}
