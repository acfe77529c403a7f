"""A client that loses its connection again and again and resumes gets every event exactly once."""

import asyncio
from random import Random

import pytest

from resolvers.commands import tickets
from tests.live.conftest import FOLLOW, Live
from tests.support import proofs
from tests.support.rows import key

pytestmark = pytest.mark.anyio

EVENTS, DISCONNECTS = (5000, 100) if proofs.LONG else (120, 8)


async def write(live: Live) -> None:
    """Let things happen, in bursts, by the resolvers that both APIs call."""
    context = live.world.context("keith")
    for number in range(EVENTS):
        await tickets.update_ticket(context, key("offline"), {"subject": f"Number {number}"})


async def follow(live: Live, found: list[str], cursor: str, count: int, transport: str) -> str:
    """Take so many events after a cursor, and lose the connection in the middle of others."""
    if transport == "stream":
        async with live.stream("keith", FOLLOW, after=cursor) as stream:
            found += [(await stream.next())["cursor"] for _ in range(count)]
    else:
        async with live.socket() as socket:
            await socket.subscribe(FOLLOW, after=cursor)
            found += [(await socket.next())["cursor"] for _ in range(count)]
            # Without a word.
            socket.connection.transport.abort()
    return found[-1] if found else cursor


@pytest.mark.proof(small=True)
async def test_no_event_is_missed_or_comes_twice_however_often_the_connection_is_lost(
    live: Live,
) -> None:
    random = Random(7)
    found: list[str] = []
    writing = asyncio.create_task(write(live))
    cursor = ""
    for number in range(DISCONNECTS):
        left = EVENTS - len(found) - (DISCONNECTS - number)
        count = min(random.randint(0, 2 * EVENTS // DISCONNECTS), max(left, 0))
        transport = random.choice(["socket", "stream"])
        cursor = await follow(live, found, cursor, count, transport)
    cursor = await follow(live, found, cursor, EVENTS - len(found), "socket")
    await writing

    pages, after = [], ""
    while page := (await live.rest("GET", f"ticket-events/?limit=1000&after={after}")).json():
        pages += [event["cursor"] for event in page["results"]]
        after = page["cursor"]
        if page["next"] is None:
            break
    assert len(pages) == len(set(pages)) == EVENTS
    assert found == pages
    await live.settled(0)
