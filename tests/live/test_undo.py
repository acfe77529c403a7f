"""What followers are sent of an undo: staff and customers, each what they may see."""

import pytest

from resolvers.commands import comments, tickets
from resolvers.commands.undo.undo import undo
from tests.live.conftest import Live
from tests.support.rows import key

pytestmark = pytest.mark.anyio

FOLLOW = """subscription { ticketEvents(after: "") {
  type ticketNumber ticket { id } comment { id } changes { field from to }
} }"""


async def test_what_comes_back_is_told_to_those_who_see_it(live: Live) -> None:
    keith = live.world.context("keith")
    for write in (
        comments.delete_comment(keith, key("internal")),
        tickets.delete_ticket(keith, key("offline")),
    ):
        await write
        await undo(keith, (await live.world.events())[-1].id)
    # The last event is for all of them.
    for name in ("volume", "bill"):
        await live.rename(name, "Last")
    seen = {}
    for who, count in (("keith", 6), ("carla", 3), ("olga", 1)):
        async with live.stream(who, FOLLOW) as events:
            seen[who] = [await events.next() for _ in range(count)]
        await live.settled(0)
    again = [{"field": "deleted", "from": "true", "to": "false"}]
    offline = [one for one in seen["carla"] if one["ticketNumber"].endswith("1")]
    assert [(one["type"], one["changes"]) for one in offline] == [
        ("DELETED", []),
        ("CREATED", again),
    ]
    assert offline[1]["ticket"] == {"id": str(key("offline"))}
    assert [one["type"] for one in seen["keith"]] == [
        *("COMMENT_DELETED", "COMMENT_ADDED", "DELETED", "CREATED", "UPDATED", "UPDATED"),
    ]
    assert seen["keith"][1]["comment"] == {"id": str(key("internal"))}
    assert [one["type"] for one in seen["olga"]] == ["UPDATED"]
