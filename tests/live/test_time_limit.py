"""An operation that takes too long stops in the database, and says so over every transport."""

import json
from typing import Any

import pytest

from models import Comment, TicketEvent
from tests.live.conftest import Live
from tests.live.slow import COMMENTS, SAY, graphql, is_not, slow, stored, until, usable
from tests.support.rows import key

pytestmark = pytest.mark.anyio

LIMIT = 0.1
# For what is to be answered, however busy the machine is.
ENOUGH = 60.0


def limited(live: Live, seconds: float) -> None:
    # The desk of a running server is not to be changed by anybody else.
    object.__setattr__(live.world.services, "operation_seconds", seconds)


@pytest.fixture(autouse=True)
def _limit(live: Live) -> None:
    limited(live, LIMIT)


def timed_out(answer: Any, seconds: float = LIMIT) -> None:
    assert answer["data"] is None
    [error] = answer["errors"]
    assert error["message"] == f"This took longer than {seconds:g} seconds and was stopped."
    assert error["extensions"]["code"] == "TIMEOUT"


async def test_a_read_stops_over_http(live: Live) -> None:
    async with slow(live, "comments") as planted:
        # More often than there are connections: each of them is given back.
        for _ in range(10):
            answer = await graphql(live, COMMENTS)
            assert answer.status_code == 200
            timed_out(answer.json())
            await until(lambda: is_not(planted.runs()))
        await usable(live)


async def test_a_read_stops_in_a_stream_and_on_a_socket(live: Live) -> None:
    async with slow(live, "comments") as planted:
        async with live.stream("keith", COMMENTS) as stream:
            timed_out(json.loads((await stream.frame())["data"]))
            assert (await stream.frame())["event"] == "complete"
        await until(lambda: is_not(planted.runs()))
        async with live.socket() as socket:
            await socket.subscribe(COMMENTS)
            message = await socket.receive()
            assert message["type"] == "next"
            timed_out(message["payload"])
            assert (await socket.receive())["type"] == "complete"
            await until(lambda: is_not(planted.runs()))
            limited(live, ENOUGH)
            await socket.subscribe("{ viewer { username } }", id="2")
            assert (await socket.receive())["payload"]["data"]["viewer"]["username"] == "keith"


async def test_one_of_a_batch_leaves_the_others(live: Live) -> None:
    # Long enough for the quick one on a busy machine.
    limited(live, 1)
    async with slow(live, "comments"):
        headers = {"Authorization": live.token("keith")}
        batch = [{"query": COMMENTS}, {"query": "{ viewer { username } }"}]
        answers = (await live.client.post("/graphql", json=batch, headers=headers)).json()
    timed_out(answers[0], 1)
    assert answers[1]["data"] == {"viewer": {"username": "keith"}}


async def test_a_write_stops_and_leaves_nothing(live: Live) -> None:
    [before] = await stored(live, Comment)
    async with slow(live, "comments", write=True) as planted:
        timed_out((await graphql(live, SAY, ticket=str(key("offline")))).json())
        await until(lambda: is_not(planted.runs()))
        await usable(live)
    assert await stored(live, Comment) == [before]
    limited(live, ENOUGH)
    said = await graphql(live, SAY, ticket=str(key("offline")))
    assert said.json()["data"]["addComment"] == {"errors": []}


async def test_a_write_with_a_key_stops_leaves_nothing_and_is_done_by_the_next_try(
    live: Live,
) -> None:
    ticket, one = str(key("offline")), {"Idempotency-Key": "one"}
    keyed = SAY.replace('said"})', 'said"}) @idempotent(key: "two")')
    before = await stored(live, Comment, TicketEvent)
    async with slow(live, "comments", write=True) as planted:
        # More often than there are connections: each of them is given back.
        for _ in range(5):
            timed_out((await graphql(live, SAY, headers=one, ticket=ticket)).json())
            await until(lambda: is_not(planted.runs()))
        await usable(live)
        assert await stored(live, Comment, TicketEvent) == before
        timed_out((await graphql(live, keyed, ticket=ticket)).json())
        await until(lambda: is_not(planted.runs()))
    limited(live, ENOUGH)
    for query, headers in ((SAY, one), (keyed, {})):
        said = await graphql(live, query, headers=headers, ticket=ticket)
        assert said.json()["data"]["addComment"] == {"errors": []}
        assert "Idempotency-Replayed" not in said.headers
