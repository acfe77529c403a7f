"""A cursor behind events that were removed is refused, wherever it is given; nothing has a gap."""

import json
from datetime import timedelta
from typing import Any

import pytest

from deskgraph.retention.purge import Retention, purge
from tests.live.conftest import FOLLOW, Live
from tests.support.clock import NOON

pytestmark = pytest.mark.anyio

FEED = """query($after: String) {
  ticketEvents(after: $after, first: 100) { nodes { cursor } }
}"""
WORDS = "take the cursor of the last event"


async def purged(live: Live) -> list[str]:
    """Let four events happen and the first two be removed; return the cursors of all."""
    cursors: list[str] = []
    for number in range(4):
        if number == 2:
            live.world.clock.move(days=20)
        await live.rename("offline", f"Number {number}")
    pages = (await live.rest("GET", "ticket-events/")).json()
    cursors = [event["cursor"] for event in pages["results"]]
    now = live.world.clock.now
    retention, files = Retention(events=timedelta(days=10)), live.world.services.files
    found = await purge(live.world.database, files, retention, now)
    assert found.events == 2
    return cursors


async def ask(live: Live, query: str, **variables: Any) -> Any:
    headers = {"Authorization": live.token("keith")}
    body = {"query": query, "variables": variables}
    return (await live.client.post("/graphql", json=body, headers=headers)).json()


async def test_pages_of_the_feed(live: Live) -> None:
    first, second, third, fourth = await purged(live)

    answer = await ask(live, FEED, after=first)
    assert answer["errors"][0]["extensions"]["code"] == "CURSOR_EXPIRED"
    assert WORDS in answer["errors"][0]["message"]
    refused = await live.rest("GET", f"ticket-events/?after={first}")
    assert refused.status_code == 410
    assert WORDS in refused.json()["detail"]

    # What follows the last removed event is all there.
    for after in (second, ""):
        answer = await ask(live, FEED, after=after)
        assert [one["cursor"] for one in answer["data"]["ticketEvents"]["nodes"]] == [third, fourth]
        page = (await live.rest("GET", f"ticket-events/?after={after}")).json()
        assert [one["cursor"] for one in page["results"]] == [third, fourth]


async def test_subscriptions(live: Live) -> None:
    first, second, third, fourth = await purged(live)

    async with live.socket() as socket:
        await socket.subscribe(FOLLOW, after=first)
        message = await socket.receive()
        assert (message["type"], message["id"]) == ("error", "1")
        [error] = message["payload"]
        assert error["extensions"]["code"] == "CURSOR_EXPIRED"
        assert WORDS in error["message"]
        await socket.subscribe(FOLLOW, after=second)
        assert [(await socket.next())["cursor"] for _ in range(2)] == [third, fourth]
    async with live.stream("keith", FOLLOW, headers={"Last-Event-ID": first}) as stream:
        shown = json.loads((await stream.frame())["data"])
        assert shown["errors"][0]["extensions"]["code"] == "CURSOR_EXPIRED"
        assert await stream.frame() == {"event": "complete", "data": ""}
    async with live.stream("keith", FOLLOW, after="") as stream:
        assert [(await stream.next())["cursor"] for _ in range(2)] == [third, fourth]
    assert live.world.clock.now > NOON


async def test_a_history_shows_what_is_left(live: Live) -> None:
    await purged(live)

    answer = await ask(
        live, '{ ticket(ticketNumber: "T-20251109-0001") { history(first: 9) { totalCount } } }'
    )

    assert answer["data"]["ticket"]["history"]["totalCount"] == 2
