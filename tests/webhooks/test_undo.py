"""What webhooks are sent of an undo: what came back is new to them."""

import json
from typing import Any

import pytest

from models import TicketEventType
from resolvers.commands import comments, tickets
from resolvers.commands.undo.undo import undo
from tests.support.rows import key
from tests.webhooks.conftest import Hooks

pytestmark = pytest.mark.anyio


def sent(hooks: Hooks) -> list[tuple[str, Any]]:
    """Return the types of what was received, with what is told to have changed."""
    messages = [json.loads(one.body) for one in hooks.receiver.received]
    return [
        (
            one["type"],
            {
                change["field"]: (change["from"], change["to"])
                for change in one["data"]["event"]["changes"]
            },
        )
        for one in messages
    ]


async def last(hooks: Hooks) -> Any:
    return (await hooks.world.events())[-1].id


async def test_a_restored_ticket_arrives_as_a_new_one(hooks: Hooks) -> None:
    await hooks.create(event_types=[TicketEventType.DELETED, TicketEventType.CREATED])
    keith = hooks.world.context("keith")
    await tickets.delete_ticket(keith, key("offline"))
    await undo(keith, await last(hooks))
    await hooks.work()
    assert sent(hooks) == [
        ("ticket.deleted", {}),
        ("ticket.created", {"deleted": ("true", "false")}),
    ]
    told = hooks.receiver.received[1].message["data"]["ticket"]
    assert (told["id"], told["company_name"]) == (str(key("offline")), "Hilton")


async def test_an_undone_change_arrives_as_a_change(hooks: Hooks) -> None:
    await hooks.create()
    keith = hooks.world.context("keith")
    await tickets.update_ticket(keith, key("offline"), {"priority": "low"})
    await undo(keith, await last(hooks))
    await hooks.work()
    assert sent(hooks) == [
        ("ticket.updated", {"priority": ("high", "low")}),
        ("ticket.updated", {"priority": ("low", "high")}),
    ]


async def test_a_restored_note_is_for_webhooks_with_internal_events_only(hooks: Hooks) -> None:
    await hooks.create()
    keith = hooks.world.context("keith")
    await comments.delete_comment(keith, key("internal"))
    await undo(keith, await last(hooks))
    await comments.delete_comment(keith, key("public"))
    await undo(keith, await last(hooks))
    await hooks.work()
    assert [name for name, _ in sent(hooks)] == ["ticket.comment_deleted", "ticket.comment_added"]
    assert [one.message["data"]["event"]["comment"] for one in hooks.receiver.received] == [
        str(key("public"))
    ] * 2
