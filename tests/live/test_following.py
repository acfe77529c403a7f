"""Following the desk: each event once, in order, as its viewer sees it when it is sent."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from deskgraph.database.database import Database
from models import TicketEventType
from resolvers.commands import comments, tickets
from resolvers.events import subscription
from resolvers.query.event_log import MAX_FOLLOWED_BYTES
from tests.live.conftest import FOLLOW, Live, Socket, Stream
from tests.support.rows import event, key

pytestmark = pytest.mark.anyio

Opens = Callable[..., AbstractAsyncContextManager[Socket | Stream]]
TICKET = """
subscription($after: String, $filter: TicketFilter, $types: [TicketEventType!]) {
  happened: ticketEvents(after: $after, filter: $filter, types: $types) {
    __typename kind: type ...About
  }
}
fragment About on TicketEvent { ticket { subject company { name } } changes { field to } }
"""


@pytest.fixture(params=["socket", "stream"])
def follow(request: pytest.FixtureRequest, live: Live) -> Opens:
    """Give a function that follows over one of the transports."""
    if request.param == "stream":
        return live.stream

    class Subscribed:
        def __init__(self, who: str | None = "keith", query: str = FOLLOW, /, **given: Any) -> None:
            self.opened = live.socket(who)
            self.asked = (query, given)

        async def __aenter__(self) -> Socket:
            socket = await self.opened.__aenter__()
            await socket.subscribe(self.asked[0], **self.asked[1])
            return socket

        async def __aexit__(self, *error: Any) -> None:
            await self.opened.__aexit__(*error)

    return Subscribed


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Give how many bytes of JSON each read of the database brought."""
    found: list[int] = []
    fetch = Database.fetch_row

    async def noted(self: Database, sql: str, values: Sequence[object]) -> Any:
        row = await fetch(self, sql, values)
        if row is not None and isinstance(row[-1], str):
            found.append(len(row[-1].encode()))
        return row

    monkeypatch.setattr(Database, "fetch_row", noted)
    return found


async def test_without_a_cursor_it_begins_now(live: Live, follow: Opens) -> None:
    await live.rename("offline", "Before")
    async with follow() as events:
        await live.settled(1)
        await live.rename("volume", "Now")
        event = await events.next()
        assert (event["type"], event["ticketNumber"]) == ("UPDATED", "T-20251109-0002")


async def test_a_cursor_brings_what_was_missed_and_then_what_happens(
    live: Live, follow: Opens
) -> None:
    for name in ("offline", "volume", "bill"):
        await live.rename(name, "Missed")
    async with follow(after="") as events:
        first = await events.next()
        assert first["ticketNumber"] == "T-20251109-0001"
    async with follow(after=first["cursor"]) as events:
        found = [await events.next() for _ in range(2)]
        await live.rename("offline", "Live")
        found.append(await events.next())
        numbers = [event["ticketNumber"][-1] for event in found]
        assert numbers == ["2", "3", "1"]
    # The cursors are those of the feed.
    feed = await live.rest("GET", f"ticket-events/?after={first['cursor']}")
    assert [event["cursor"] for event in feed.json()["results"]] == [e["cursor"] for e in found]
    await live.settled(0)


async def test_many_missed_events_come_in_order(live: Live, follow: Opens) -> None:
    context = live.world.context("keith")
    for number in range(130):
        await tickets.update_ticket(context, key("offline"), {"subject": f"Number {number}"})
    query = FOLLOW.replace("ticketNumber", "changes { to }")
    async with follow("keith", query, after="") as events:
        found = [(await events.next())["changes"][0]["to"] for _ in range(130)]
    assert found == [f"Number {number}" for number in range(130)]


async def test_those_who_catch_up_read_few_long_events_at_once(
    live: Live, reads: list[int]
) -> None:
    size = MAX_FOLLOWED_BYTES // 4
    changed = [{"field": "description", "from": "", "to": "x" * size}]
    async with live.world.database.transaction() as session:
        for number in range(30):
            kind = TicketEventType.UPDATED if number % 3 else TicketEventType.DELETED
            session.add(event(f"{number}", "offline", type=kind, changes=changed))
    for types in (["UPDATED", "DELETED"], ["DELETED"], ["UPDATED"]):
        names = [f"{n}" for n in range(30) if ("UPDATED" if n % 3 else "DELETED") in types]
        query = "subscription($types: [TicketEventType!]) { "
        query += 'ticketEvents(after: "", types: $types) { id changes { to } } }'
        reads.clear()
        async with live.stream("keith", query, types=types) as events:
            found = [(await events.next())["id"] for _ in names]
        assert found == [str(key(name)) for name in names]
        # Four of them, and the keys around them.
        assert max(reads) < 4 * size + 10_000
        assert len(reads) >= len(names) // 4
        await live.settled(0)


async def test_an_event_is_projected_through_the_selection_of_its_subscriber(
    live: Live, follow: Opens
) -> None:
    async with follow("keith", TICKET.replace("happened: ", "")) as events:
        await live.settled(1)
        await live.rename("offline", "New")
        assert await events.next() == {
            "__typename": "TicketEvent",
            "kind": "UPDATED",
            "ticket": {"subject": "New", "company": {"name": "Hilton"}},
            "changes": [{"field": "subject", "to": "New"}],
        }


async def test_a_filter_goes_by_the_ticket_and_lets_deletions_pass(
    live: Live, follow: Opens
) -> None:
    given = {"filter": {"company": {"eq": str(key("hilton"))}}, "types": ["UPDATED", "DELETED"]}
    async with follow("keith", TICKET.replace("happened: ", ""), **given) as events:
        await live.settled(1)
        await live.rename("bill", "Not this")
        await live.rest("POST", f"tickets/{key('offline')}/add_comment/", text="Nor this")
        await live.rename("offline", "This")
        assert (await events.next())["ticket"]["subject"] == "This"
        await live.rest("DELETE", f"tickets/{key('bill')}/")
        event = await events.next()
        assert (event["kind"], event["ticket"]) == ("DELETED", None)


async def test_customers_are_told_of_their_company_and_not_of_notes(
    live: Live, follow: Opens
) -> None:
    async with follow("carla") as events:
        await live.settled(1)
        await live.rename("bill", "Another company's")
        path = f"tickets/{key('offline')}/add_comment/"
        await live.rest("POST", path, text="Between us", is_internal=True)
        await live.rest("POST", path, text="For you")
        assert (await events.next())["type"] == "COMMENT_ADDED"
        await live.rename("volume", "Yours")
        assert (await events.next())["ticketNumber"] == "T-20251109-0002"


async def test_what_may_no_longer_be_seen_when_it_is_sent_is_not_sent(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A reader that takes an event looks again before the next one.
    monkeypatch.setattr(subscription, "FRESH_SECONDS", 0.0)
    context = live.world.context("keith")
    made = [
        await comments.add_comment(context, key("offline"), {"text": f"{number}"})
        for number in range(3)
    ]
    query = 'subscription { ticketEvents(after: "") { comment { text } } }'
    async with live.socket("carla") as socket:
        await comments.update_comment(context, made[1], {"is_internal": True})
        await socket.subscribe(query)
        assert [(await socket.next())["comment"]["text"] for _ in range(2)] == ["0", "2"]


async def test_those_who_ask_for_the_same_share_one_statement(live: Live) -> None:
    sockets = [live.socket() for _ in range(10)]
    opened = [await one.__aenter__() for one in sockets]
    async with live.socket("olga") as other:
        for socket in opened:
            await socket.subscribe()
        await other.subscribe()
        await live.settled(11)
        await live.rename("offline", "Once")
        first = [await socket.next() for socket in opened]
        live.statements.clear()
        await live.rename("offline", "Again")
        second = [await socket.next() for socket in opened]
        reads = [sql for sql in live.statements if "AS followed" in sql]
        assert len(reads) == 1
        looks = [sql for sql in live.statements if "AS happened" in sql]
        # SQLite also notices the commits of its own process, and looks again.
        assert len(looks) == 1 or (live.world.database.is_sqlite and len(looks) < 4)
        assert len({event["cursor"] for event in (*first, *second)}) == 2
    for one in sockets:
        await one.__aexit__(None, None, None)
    await live.settled(0)


async def test_nobody_reads_the_log_when_nobody_follows(live: Live) -> None:
    async with live.socket() as socket:
        await socket.subscribe()
        await live.settled(1)
        await live.rename("offline", "First")
        await socket.next()
        await socket.send(type="complete", id="1")
        await live.settled(0)
        # A look that was under way ends before this one.
        await live.world.database.fetch_row("SELECT 1", ())
        live.statements.clear()
        await live.rename("offline", "Unheard")
        assert not [sql for sql in live.statements if "FROM ticket_events" in sql]
        # What was complete does not come again, and the id is free.
        await socket.subscribe()
        await live.settled(1)
        await live.rename("offline", "Heard")
        assert (await socket.next())["type"] == "UPDATED"


async def test_a_log_that_cannot_be_read_for_a_moment_loses_nothing(
    live: Live, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("resolvers.events.broker.RETRY_SECONDS", 0.0)
    async with live.socket() as socket:
        await socket.subscribe()
        await live.settled(1)
        fetch, failed = live.world.database.fetch_row, asyncio.Event()

        async def fail_once(sql: str, values: Any, user: str | None = None) -> Any:
            if "happened" in sql and not failed.is_set():
                failed.set()
                raise OSError("planted")
            return await fetch(sql, values, user)

        monkeypatch.setattr(live.world.database, "fetch_row", fail_once)
        await live.rename("offline", "New")
        assert (await socket.next())["type"] == "UPDATED"
    assert "planted" in caplog.text
