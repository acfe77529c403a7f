"""How a stream ends: by its client, by its token, or by what is wrong with what was asked."""

import json
from typing import Any

import pytest

from resolvers import following
from resolvers.viewers import VIEWER_LIFETIME
from tests.live.conftest import FOLLOW, Live
from tests.viewers.world import key

pytestmark = pytest.mark.anyio


@pytest.fixture
def backend() -> str:
    """Take one database: the other one is followed in the same way."""
    return "sqlite"


@pytest.fixture
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "RECHECK", 0.01)


async def deactivate(live: Live, name: str) -> None:
    response = await live.rest("PATCH", f"users/{key(name)}/", "admin", is_active=False)
    assert response.status_code == 200, response.text
    live.world.clock.move(seconds=VIEWER_LIFETIME.total_seconds() + 1)


@pytest.mark.usefixtures("_soon")
@pytest.mark.parametrize("why", ["expired", "deactivated"])
async def test_a_token_that_is_no_good_any_more_ends_what_waits(live: Live, why: str) -> None:
    async with live.socket() as socket, live.stream() as stream:
        await socket.subscribe()
        await live.settled(2)
        if why == "expired":
            live.world.clock.move(hours=2)
        else:
            await deactivate(live, "keith")

        message = await socket.receive()
        assert message["type"] == "next"
        [error] = message["payload"]["errors"]
        assert error["extensions"] == {"code": "UNAUTHENTICATED"}
        assert (await socket.receive())["type"] == "complete"
        assert await socket.ended() == (4403, "The token is no longer valid.")

        frame = await stream.frame()
        assert json.loads(frame["data"])["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
        assert await stream.frame() == {"event": "complete", "data": ""}
        await live.settled(0)


async def test_nothing_is_sent_to_a_token_that_has_expired(live: Live) -> None:
    async with live.socket() as socket:
        await socket.subscribe()
        await live.settled(1)
        live.world.clock.move(hours=2)
        await live.rename("offline", "Secret")
        message = await socket.receive()
        assert message["payload"]["data"] is None
        assert "Secret" not in str(message)


async def test_a_query_of_a_connection_is_by_whoever_its_token_belongs_to_by_then(
    live: Live,
) -> None:
    async with live.socket() as socket:
        await socket.subscribe("{ viewer { username } }")
        message = await socket.receive()
        assert message["payload"]["data"] == {"viewer": {"username": "keith"}}
        assert (await socket.receive())["type"] == "complete"
        await deactivate(live, "keith")
        await socket.subscribe("{ tickets { totalCount } }")
        message = await socket.receive()
        assert message["payload"]["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
        assert (await socket.ended())[0] == 4403


@pytest.mark.parametrize(
    ("query", "variables", "code", "words"),
    [
        (FOLLOW, {"after": "nonsense"}, "BAD_CURSOR", "not one of this server's"),
        (FOLLOW, {"after": 7}, "BAD_USER_INPUT", "String cannot represent"),
        ("subscription { nothing }", {}, "BAD_USER_INPUT", "Cannot query field"),
        ("subscription {" + "x" * 500, {}, "BAD_USER_INPUT", "Syntax Error"),
        (FOLLOW.replace("cursor", "a { b }"), {}, "BAD_USER_INPUT", "Cannot query field"),
        (
            'subscription { ticketEvents(filter: {company: {eq: "7"}}) { id } }',
            {},
            "BAD_USER_INPUT",
            "An id in the filter is not a UUID.",
        ),
    ],
)
async def test_what_is_wrong_is_told_and_the_connection_goes_on(
    live: Live, query: str, variables: Any, code: str, words: str
) -> None:
    async with live.socket() as socket:
        await socket.subscribe(query, **variables)
        message = await socket.receive()
        assert (message["type"], message["id"]) == ("error", "1")
        [error] = message["payload"]
        assert error["extensions"]["code"] == code
        assert words in error["message"]
        await socket.subscribe("{ viewer { username } }", id="2")
        assert (await socket.receive())["id"] == "2"

    async with live.stream("keith", query, **variables) as stream:
        shown = json.loads((await stream.frame())["data"])
        assert shown["errors"][0]["extensions"]["code"] == code
        assert await stream.frame() == {"event": "complete", "data": ""}


async def test_nobody_cannot_follow(live: Live) -> None:
    async with live.socket(None) as socket:
        await socket.subscribe()
        message = await socket.receive()
        assert message["type"] == "error"
        assert message["payload"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    async with live.stream(None) as stream:
        shown = json.loads((await stream.frame())["data"])
        assert shown["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_an_unexpected_error_is_masked(
    live: Live, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError("planted")

    async with live.socket() as socket, live.stream() as stream:
        await socket.subscribe()
        await live.settled(2)
        monkeypatch.setattr("resolvers.feed._read", fail)
        await live.rename("offline", "New")
        for payload in (
            (await socket.receive())["payload"],
            json.loads((await stream.frame())["data"]),
        ):
            [error] = payload["errors"]
            assert error["message"] == "Something went wrong on our side."
            assert error["extensions"]["code"] == "INTERNAL"
            assert "planted" not in str(payload)
    assert "planted" in caplog.text
