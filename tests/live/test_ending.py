"""How a stream ends: by its client, by its token, or by what is wrong with what was asked."""

import asyncio
import json
from typing import Any

import pytest

from models import Ticket
from resolvers.auth.accounts import VIEWER_LIFETIME
from resolvers.commands import tickets
from resolvers.events import subscription
from resolvers.events.broker import EventBroker
from tests.live.conftest import FOLLOW, Live
from tests.support.rows import key

pytestmark = pytest.mark.anyio

RENAME = """mutation($input: UpdateTicketInput!) {
  updateTicket(input: $input) { errors { message } }
}"""


@pytest.fixture
def backend() -> str:
    """Take one database: the other one is followed in the same way."""
    return "sqlite"


@pytest.fixture
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscription, "RECHECK_SECONDS", 0.01)


async def deactivate(live: Live, name: str) -> None:
    response = await live.rest("PATCH", f"users/{key(name)}/", "admin", is_active=False)
    assert response.status_code == 200, response.text
    live.world.clock.move(seconds=VIEWER_LIFETIME.total_seconds() + 1)


@pytest.mark.usefixtures("_soon")
@pytest.mark.parametrize("why", ["expired", "deactivated"])
async def test_a_token_that_is_no_good_any_more_breaks_off_what_waits(live: Live, why: str) -> None:
    async with live.socket() as socket, live.stream() as stream:
        await socket.subscribe()
        await live.settled(2)
        if why == "expired":
            live.world.clock.move(hours=2)
        else:
            await deactivate(live, "keith")

        # An error or a complete would be the end of the subscription for its client.
        assert await socket.messages_until_closed() == []
        assert await socket.ended() == (4403, "The token is no longer valid.")
        with pytest.raises(StopAsyncIteration):
            await stream.frame()
        await live.settled(0)


@pytest.mark.parametrize("why", ["expired", "deactivated"])
async def test_who_comes_again_with_the_old_token_is_told_whether_a_new_one_would_help(
    live: Live, why: str
) -> None:
    payload = {"authorization": live.token("keith")}
    headers = {"Authorization": live.token("keith")}
    if why == "expired":
        live.world.clock.move(hours=2)
    else:
        await deactivate(live, "keith")
    async with live.socket(init=False) as socket:
        await socket.send(type="connection_init", payload=payload)
        assert await socket.ended() == (
            (4403, "Forbidden")
            if why == "expired"
            else (4401, "The session has ended: log in again.")
        )
    async with live.stream(None, headers=headers) as stream:
        # graphql-sse asks again after anything but 200.
        assert stream.response.status_code == (401 if why == "expired" else 200)
        assert ("www-authenticate" in stream.response.headers) is (why == "expired")
        [error] = json.loads((await stream.frame())["data"])["errors"]
        request_id = stream.response.headers["x-request-id"]
        assert error["extensions"] == {"code": "UNAUTHENTICATED", "requestId": request_id}
        assert await stream.frame() == {"event": "complete", "data": ""}


async def test_nothing_is_sent_to_a_token_that_has_expired(live: Live) -> None:
    async with live.socket() as socket, live.stream() as stream:
        await socket.subscribe()
        await live.settled(2)
        await live.rename("offline", "Before")
        assert (await socket.next())["type"] == (await stream.next())["type"] == "UPDATED"
        live.world.clock.move(hours=2)
        await live.rename("offline", "Secret")
        assert await socket.messages_until_closed() == []
        with pytest.raises(StopAsyncIteration):
            await stream.frame()


async def test_an_operation_of_an_expired_token_is_not_run_so_that_it_can_be_sent_again(
    live: Live,
) -> None:
    async with live.socket() as socket:
        await socket.subscribe("{ viewer { username } }")
        message = await socket.receive()
        assert message["payload"]["data"] == {"viewer": {"username": "keith"}}
        assert (await socket.receive())["type"] == "complete"
        live.world.clock.move(hours=2)
        await socket.subscribe(RENAME, input={"id": str(key("offline")), "subject": "Twice"})
        assert await socket.messages_until_closed() == []
        assert (await socket.ended())[0] == 4403
    ticket = await live.rest("GET", f"tickets/{key('offline')}/")
    assert ticket.json()["subject"] != "Twice"


async def test_a_mutation_under_way_is_answered_before_the_connection_closes(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    under_way, may_end, update = asyncio.Event(), asyncio.Event(), tickets.update_ticket

    async def slow_update(*args: Any, **kwargs: Any) -> Any:
        under_way.set()
        await may_end.wait()
        return await update(*args, **kwargs)

    monkeypatch.setattr(tickets, "update_ticket", slow_update)
    async with live.socket() as socket:
        await socket.subscribe()
        await live.settled(1)
        given = {"id": str(key("offline")), "subject": "Once"}
        await socket.subscribe(RENAME, id="2", input=given)
        await under_way.wait()
        live.world.clock.move(hours=2)
        # This one finds out that the token has expired, and does not close the connection yet.
        await socket.subscribe("{ viewer { username } }", id="3")
        await socket.send(type="ping")
        assert (await socket.receive())["type"] == "pong"
        may_end.set()
        messages = await socket.messages_until_closed()
        assert [(message["type"], message["id"]) for message in messages] == [
            ("next", "2"),
            ("complete", "2"),
        ]
        assert messages[0]["payload"]["data"]["updateTicket"] == {"errors": []}
        assert (await socket.ended())[0] == 4403


async def test_a_server_that_stops_completes_what_it_has_answered_and_breaks_off_the_rest(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    under_way, may_end = asyncio.Event(), asyncio.Event()
    update = tickets.update_ticket

    async def slow_update(*args: Any, **kwargs: Any) -> None:
        await update(*args, **kwargs)
        under_way.set()
        await may_end.wait()

    monkeypatch.setattr(tickets, "update_ticket", slow_update)
    async with live.socket() as socket, live.socket() as idle, live.stream() as stream:
        await socket.subscribe()
        await live.settled(2)
        given = {"id": str(key("offline")), "subject": "Once"}
        await socket.subscribe(RENAME, id="2", input=given)
        await under_way.wait()
        # What has happened until then is sent.
        await stream.next()
        assert (await socket.receive())["id"] == "1"

        live.world.services.broker.end()

        with pytest.raises(StopAsyncIteration):
            await stream.frame()
        assert await idle.ended() == (1012, "The server restarts: connect again.")
        # A new operation gets no answer, so its client sends it again elsewhere.
        await socket.subscribe(RENAME, id="3", input={**given, "subject": "Twice"})
        await socket.send(type="ping")
        assert (await socket.receive())["type"] == "pong"
        may_end.set()
        messages = await socket.messages_until_closed()
        assert [(one["type"], one["id"]) for one in messages] == [("next", "2"), ("complete", "2")]
        assert messages[0]["payload"]["data"]["updateTicket"] == {"errors": []}
        assert (await socket.ended())[0] == 1012
    assert (await live.world.get(Ticket, key("offline"))).subject == "Once"
    async with live.socket(init=False) as late:
        assert (await late.ended())[0] == 1012
    async with live.stream("keith", "{ viewer { username } }") as stream:
        assert [(await stream.frame())["event"] for _ in range(2)] == ["next", "complete"]


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
        monkeypatch.setattr(EventBroker, "read", fail)
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
