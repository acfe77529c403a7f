"""Texts without a limit of their own have that of the desk, in bytes, wherever they are written."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from resolvers.commands import comments, companies, contacts, tickets, webhooks
from resolvers.commands.validation import ATTACHMENT, COMMENT, COMPANY, CONTACT, TICKET, USER, clean
from resolvers.context import Context
from resolvers.errors import Invalid, Problem
from tests.support.rows import key
from tests.support.world import World

pytestmark = pytest.mark.anyio

MAX_COUNT = 100
Write = Callable[[Context, Mapping[str, Any]], Awaitable[object]]


def changing(
    write: Callable[[Context, UUID, Mapping[str, Any]], Awaitable[object]], name: str
) -> Write:
    return lambda context, values: write(context, key(name), values)


TICKET_VALUES = {"subject": "S", "company": key("hilton")}
CONTACT_VALUES = {"name": "N", "company": key("hilton")}
HOOK = {"url": "https://hooks.example/", "event_types": []}
WRITES: Mapping[str, tuple[Write, dict[str, Any], str]] = {
    "createTicket": (tickets.create_ticket, TICKET_VALUES, "description"),
    "updateTicket": (changing(tickets.update_ticket, "offline"), {}, "description"),
    "addComment": (changing(comments.add_comment, "offline"), {}, "text"),
    "createComment": (comments.create_comment, {"ticket": key("offline")}, "text"),
    "updateComment": (changing(comments.update_comment, "public"), {}, "text"),
    "createCompany": (companies.create_company, {"name": "N"}, "notes"),
    "updateCompany": (changing(companies.update_company, "hilton"), {}, "notes"),
    "createContact": (contacts.create_contact, CONTACT_VALUES, "notes"),
    "updateContact": (changing(contacts.update_contact, "john"), {}, "notes"),
}


def limited(world: World) -> Context:
    context = world.context("admin")
    return replace(context, services=replace(context.services, max_text_bytes=MAX_COUNT))


@pytest.mark.parametrize("name", WRITES)
async def test_a_text_may_be_as_long_as_the_limit_and_no_longer(world: World, name: str) -> None:
    write, values, field = WRITES[name]
    before = await world.dump()
    for letter in ("𝄞", "ü", "x"):
        fits = letter * (MAX_COUNT // len(letter.encode()))
        with pytest.raises(Invalid) as refused:
            await write(limited(world), {**values, field: f"{fits}{letter}"})
        assert refused.value.problems == {field: [Problem("max_bytes", {"max": MAX_COUNT})]}
    assert await world.dump() == before
    # The blanks around a text are not kept, and do not count.
    await write(limited(world), {**values, field: f"  {fits}\n"})
    assert await world.dump() != before


async def test_the_filter_of_a_webhook_is_a_text_as_well(world: World) -> None:
    before = await world.dump()
    values = {**HOOK, "filter": {"search": "x" * MAX_COUNT}}

    with pytest.raises(Invalid) as refused:
        await webhooks.create_webhook(limited(world), values)

    assert refused.value.problems == {"filter": [Problem("max_bytes", {"max": MAX_COUNT})]}
    assert await world.dump() == before
    await webhooks.create_webhook(limited(world), {**HOOK, "filter": {"search": "x"}})


def test_no_text_of_any_input_is_without_a_limit() -> None:
    for rules in (TICKET, COMMENT, ATTACHMENT, COMPANY, CONTACT, USER, webhooks.RULES):
        for name, rule in rules.items():
            if rule.kind is not str:
                continue
            long = "x" * 3000
            _, problems = clean(rules, {name: long}, partial=True, max_text_bytes=MAX_COUNT)
            assert problems[name][0].code in ("max_length", "max_bytes"), name
