"""Writes that change nothing leave everything as it is; what nobody changed does not move."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from models import Ticket, TicketStatus, Webhook
from resolvers.commands import attachments, comments, companies, contacts, tickets, users, webhooks
from resolvers.context import Context
from resolvers.errors import Conflict
from tests.support.clock import NOON
from tests.support.named_rows import past_webhooks
from tests.support.rows import key
from tests.support.world import World

pytestmark = pytest.mark.anyio

Write = Callable[[Context], Awaitable[Any]]
HOOK = next(row for row in past_webhooks() if isinstance(row, Webhook))


def write(module: Any, name: str, row: str, *given: Any) -> Write:
    return lambda context: getattr(module, name)(context, key(row), *given)


@pytest.mark.parametrize(
    "operation",
    [
        write(tickets, "update_ticket", "offline", {}),
        write(tickets, "update_ticket", "offline", {
            "subject": " Subject of offline ", "status": "assigned", "contact": key("john"),
            "company": key("hilton"), "due_date": NOON.replace(hour=11), "tags": "vip,zone"}),
        # The category's team again.
        write(tickets, "update_ticket", "offline", {"assigned_team": None}),
        write(tickets, "assign_ticket", "offline", key("keith")),
        write(tickets, "assign_ticket", "volume", None),
        write(comments, "update_comment", "public", {}),
        write(comments, "update_comment", "public", {
            "text": "Text of public", "is_internal": False, "ticket": key("offline")}),
        write(companies, "update_company", "hilton", {}),
        write(companies, "update_company", "hilton", {"name": "Hilton", "is_active": True}),
        write(contacts, "update_contact", "john", {}),
        write(contacts, "update_contact", "john", {
            "company": key("hilton"), "email": "john@hilton.example"}),
        write(users, "update_user", "carla", {"company": key("hilton"), "role": "Customer"}),
        write(attachments, "update_attachment", "photo", {}),
        write(attachments, "update_attachment", "photo", {"name": "photo.txt"}),
        write(webhooks, "update_webhook", "hook", {}),
        write(webhooks, "update_webhook", "hook", {"enabled": False, "event_types": []}),
    ],
)  # fmt: skip
async def test_what_changes_nothing_changes_nothing(world: World, operation: Write) -> None:
    async with world.database.transaction() as session:
        session.add(type(HOOK)(**HOOK.model_dump()))
    before = await world.dump()
    world.services.webhooks_changed.clear()
    world.clock.move(hours=1)

    await operation(world.context("admin"))

    assert await world.dump() == before
    assert not world.services.webhooks_changed.is_set()


async def test_a_ticket_that_was_saved_without_its_rules_keeps_its_form(world: World) -> None:
    """As an import leaves it: resolved without a time, and no team although it is technical."""
    async with world.database.transaction() as session:
        ticket = await session.get_one(Ticket, key("offline"))
        ticket.status, ticket.assigned_team = TicketStatus.RESOLVED, None
    before = await world.dump()

    await tickets.update_ticket(world.context("keith"), key("offline"), {"status": "resolved"})

    assert await world.dump() == before


@pytest.mark.parametrize("who", ["keith", "carla"])
async def test_no_comment_moves_its_ticket(world: World, who: str) -> None:
    before = await world.get(Ticket, key("volume"))
    world.clock.move(hours=1)
    first = await comments.add_comment(world.context(who), key("volume"), {"text": "First"})
    responded = world.clock.now
    world.clock.move(hours=1)
    await comments.add_comment(world.context(who), key("volume"), {"text": "Second"})
    await comments.update_comment(world.context(who), first, {"text": "First, again"})
    await comments.delete_comment(world.context(who), first)

    after = await world.get(Ticket, key("volume"))
    assert (after.updated_at, after.version) == (before.updated_at, before.version)
    assert after.first_response_at == responded


async def test_a_note_made_public_is_a_response_and_moves_nothing(world: World) -> None:
    before = await world.get(Ticket, key("volume"))
    world.clock.move(hours=1)

    await comments.update_comment(world.context("keith"), key("note"), {"is_internal": False})

    after = await world.get(Ticket, key("volume"))
    assert after.first_response_at == world.clock.now
    assert after.updated_at == before.updated_at


async def test_assigning_can_expect_a_version(world: World) -> None:
    before = await world.dump()
    for user in (key("admin"), None):
        with pytest.raises(Conflict) as refused:
            await tickets.assign_ticket(world.context("keith"), key("volume"), user, 7)
        assert (refused.value.expected, refused.value.actual) == (7, 1)
    assert await world.dump() == before

    await tickets.assign_ticket(world.context("keith"), key("volume"), key("admin"), 1)
    assert (await world.get(Ticket, key("volume"))).version == 2
