"""The protocols, graphql-transport-ws and graphql-sse, also where clients do not keep to them."""

import json
from datetime import timedelta
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from schema.transport import negotiation, sse
from tests.live.conftest import FOLLOW, Live, Socket
from tests.support.rows import key

pytestmark = pytest.mark.anyio


@pytest.fixture
def backend() -> str:
    """Take one database: the other one is followed in the same way."""
    return "sqlite"


SUBSCRIBE: dict[str, Any] = {"type": "subscribe", "id": "1", "payload": {"query": FOLLOW}}


@pytest.mark.parametrize("name", ["authorization", "Authorization", "AUTHORIZATION"])
async def test_the_token_comes_in_the_payload_in_any_case(live: Live, name: str) -> None:
    async with live.socket(init=False) as socket:
        await socket.send(type="connection_init", payload={name: live.token("carla")})
        assert (await socket.receive())["type"] == "connection_ack"
        await socket.subscribe("{ viewer { username } }")
        assert (await socket.receive())["payload"]["data"] == {"viewer": {"username": "carla"}}


async def test_an_empty_name_of_an_operation_is_none(live: Live) -> None:
    async with live.socket("carla") as socket:
        for query in ("{ viewer { username } }", "query A { viewer { username } }"):
            payload = {"query": query, "operationName": ""}
            await socket.send(type="subscribe", id="1", payload=payload)
            assert (await socket.receive())["payload"]["data"] == {"viewer": {"username": "carla"}}
            assert (await socket.receive())["type"] == "complete"


async def test_the_token_comes_as_the_header_unless_the_payload_has_one(live: Live) -> None:
    headers = {"Authorization": live.token("carla")}
    for who, seen in ((None, "carla"), ("olga", "olga")):
        async with live.socket(who, additional_headers=headers) as socket:
            await socket.subscribe("{ viewer { username } }")
            assert (await socket.receive())["payload"]["data"] == {"viewer": {"username": seen}}


@pytest.mark.parametrize("token", ["Bearer nonsense", "Bearer "])
async def test_a_token_that_is_no_good_is_refused_at_once(live: Live, token: str) -> None:
    async with live.socket(init=False) as socket:
        await socket.send(type="connection_init", payload={"authorization": token})
        if token == "Bearer ":
            assert (await socket.receive())["type"] == "connection_ack"
        else:
            assert await socket.ended() == (4403, "Forbidden")


@pytest.mark.parametrize(
    "frame",
    [
        *("[1]", "3", "null", '"text"', "{", "", "{}", '{"type": 1}', '{"type": "nothing"}'),
        *('{"type": "subscribe"}', '{"type": "subscribe", "id": "1", "payload": null}'),
        '{"type": "subscribe", "id": 1, "payload": {"query": "{ viewer { id } }"}}',
        '{"type": "subscribe", "id": [], "payload": {"query": "{ viewer { id } }"}}',
        '{"type": "subscribe", "id": "1", "payload": {}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": 7}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": "{ a }", "variables": []}}',
        *('{"type": "complete"}', '{"type": "complete", "id": {}}', "[" * 5000),
        '{"type": "subscribe", "id": "\\ud800", "payload": {"query": "{ viewer { id } }"}}',
        b"\x00",
    ],
)
async def test_a_frame_that_is_no_message_closes_the_connection(
    live: Live, frame: str | bytes
) -> None:
    async with live.socket() as socket:
        await socket.connection.send(frame)
        assert (await socket.ended())[0] == 4400
    async with live.socket() as socket:
        await socket.subscribe("{ viewer { username } }")
        assert (await socket.receive())["type"] == "next"


async def test_messages_out_of_turn_get_the_codes_of_the_protocol(live: Live) -> None:
    async with live.socket(init=False) as socket:
        await socket.send(**SUBSCRIBE)
        assert (await socket.ended())[0] == 4401
    async with live.socket() as socket:
        await socket.send(type="connection_init")
        assert (await socket.ended())[0] == 4429
    async with live.socket() as socket:
        await socket.send(**SUBSCRIBE)
        await socket.send(**SUBSCRIBE)
        assert (await socket.ended())[0] == 4409


@pytest.mark.parametrize("given", [{}, {"payload": None}, {"payload": {}}])
async def test_a_connection_without_a_token_is_that_of_nobody(
    live: Live, given: dict[str, Any]
) -> None:
    async with live.socket(init=False) as socket:
        await socket.send(type="connection_init", **given)
        assert (await socket.receive())["type"] == "connection_ack"
        await socket.send(type="ping", payload=None)
        assert (await socket.receive())["type"] == "pong"
        # What the protocol allows to be null elsewhere.
        payload = {"query": "{ viewer { id } }", "variables": None, "operationName": None}
        await socket.send(type="subscribe", id="1", payload={**payload, "extensions": None})
        assert (await socket.receive())["payload"]["data"] == {"viewer": None}


async def test_a_frame_that_is_too_large_is_refused(live: Live) -> None:
    async with live.socket() as socket:
        await socket.connection.send("x" * (2**20 + 1))
        assert (await socket.ended())[0] == 1009


async def test_a_ping_is_answered(live: Live) -> None:
    async with live.socket() as socket:
        await socket.send(type="ping", payload={"a": 1})
        assert (await socket.receive())["type"] == "pong"


async def test_who_says_nothing_is_closed(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    [view] = [r.app for r in live.app.routes if type(r).__name__ == "WebSocketRoute"]  # type: ignore[attr-defined]
    assert view.connection_init_wait_timeout == timedelta(seconds=10)
    monkeypatch.setattr(view, "connection_init_wait_timeout", timedelta(0))
    async with live.socket(init=False) as socket:
        assert (await socket.ended())[0] == 4408


async def test_only_graphql_transport_ws_is_spoken(live: Live) -> None:
    url = live.base.replace("http", "ws") + "/graphql"
    async with connect(url) as connection:
        assert (await Socket(connection).ended())[0] == 4406


async def test_pages_of_other_origins_are_refused_unless_they_are_allowed(live: Live) -> None:
    async with live.socket(origin="http://good.example"):
        pass
    async with live.socket(origin=live.base):
        pass
    with pytest.raises(InvalidStatus, match="403"):
        async with live.socket(origin="http://evil.example"):
            pass


async def test_a_stream_has_the_frames_and_headers_of_its_protocol(live: Live) -> None:
    async with live.stream() as stream:
        headers = stream.response.headers
        assert headers["content-type"] == "text/event-stream"
        assert headers["cache-control"] == "no-cache, no-transform"
        assert headers["x-accel-buffering"] == "no"
        assert "content-encoding" not in headers
        await live.settled(1)
        await live.rename("offline", "New")
        raw = ""
        async for text in stream.response.aiter_text():
            raw += text
            if raw.endswith("\n\n"):
                break
    assert "\r" not in raw
    identity, event, data, *rest = raw.split("\n")
    payload = json.loads(data.removeprefix("data: "))
    assert identity == f"id: {payload['data']['ticketEvents']['cursor']}"
    assert (event, rest) == ("event: next", ["", ""])


async def test_a_stream_that_waits_has_comments_and_loses_no_event_by_them(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sse, "HEARTBEAT_SECONDS", 0.001)
    async with live.stream() as stream:
        for subject in ("One", "Two"):
            frame = await stream.frame()
            assert frame == {"": "ping"}
            await live.rename("offline", subject)
            while (frame := await stream.frame()) == {"": "ping"}:
                pass
            assert frame["event"] == "next"


async def test_a_stream_resumes_after_the_last_event_id(live: Live) -> None:
    for name in ("offline", "volume", "bill"):
        await live.rename(name, "Missed")
    async with live.stream(after="") as stream:
        last = (await stream.frame())["id"]
    # It is more recent than what the document says.
    async with live.stream(after="", headers={"Last-Event-ID": last}) as stream:
        assert (await stream.next())["ticketNumber"] == "T-20251109-0002"


async def test_queries_are_answered_over_a_stream_too(live: Live) -> None:
    async with live.stream("carla", "{ viewer { username } }") as stream:
        frame = await stream.frame()
        assert frame == {"event": "next", "data": '{"data":{"viewer":{"username":"carla"}}}'}
        assert await stream.frame() == {"event": "complete", "data": ""}


async def test_a_subscription_by_get(live: Live) -> None:
    headers = {"Accept": "text/event-stream", "Authorization": live.token("keith")}
    params = {"query": FOLLOW, "variables": json.dumps({"after": ""})}
    await live.rename("offline", "New")
    async with live.client.stream("GET", "/graphql", params=params, headers=headers) as response:
        async for line in response.aiter_lines():
            if line.startswith("data: "):
                assert "T-20251109-0001" in line
                break


async def test_a_subscription_needs_a_stream(live: Live) -> None:
    headers = {"Authorization": live.token("keith")}
    response = await live.client.post("/graphql", json={"query": FOLLOW}, headers=headers)
    assert response.status_code < 500
    [error] = response.json()["errors"]
    assert "text/event-stream" in error["message"]


@pytest.mark.parametrize(
    ("accept", "stream"),
    [
        ("text/event-stream", True),
        ("text/event-stream;q=0.5", True),
        ("text/event-stream, application/json", True),
        ("application/json, text/event-stream", False),
        (
            "application/graphql-response+json, application/json;q=0.9, text/event-stream;q=0.5",
            False,
        ),
        ("application/json;q=0.5, text/event-stream", True),
        ("text/event-stream;q=0", False),
        ("text/event-stream;q=x", False),
        # What urql asks for with a subscription, and with anything else.
        ("text/event-stream, multipart/mixed", True),
        (
            "application/graphql-response+json, application/graphql+json, application/json, "
            "text/event-stream, multipart/mixed",
            False,
        ),
        ("*/*", False),
        ("", False),
    ],
)
def test_a_stream_is_chosen_where_it_is_preferred(accept: str, stream: bool) -> None:
    assert (negotiation.chosen(accept) == negotiation.EVENTS) is stream


async def test_one_connection_carries_several_subscriptions(live: Live) -> None:
    async with live.socket() as socket:
        await socket.subscribe(id="a")
        await socket.subscribe(id="b")
        await live.settled(2)
        await live.rename("offline", "New")
        assert {(await socket.receive())["id"] for _ in range(2)} == {"a", "b"}
        await socket.send(type="complete", id="a")
        await live.settled(1)
        await live.rest("DELETE", f"tickets/{key('bill')}/")
        assert (await socket.next("b"))["type"] == "DELETED"
