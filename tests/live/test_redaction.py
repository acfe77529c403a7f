"""Errors over WebSockets: the id that they have, and what nobody is to read in them.

That is values that were sent, faults, and names of the schema.
"""

import json
import logging
from typing import Any

import pytest

from schema import create_schema
from schema.execution.context import GraphContext
from tests.live.conftest import Live, Socket
from tests.schema.errors.test_redaction import DOCUMENTS, LOGIN, VARIABLES
from tests.schema.errors.test_suggestions import KINDS, OTHERS

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize("backend", ["sqlite"], indirect=True),
]

SECRET = "hunter2"
FAILING = {
    "a document": "{ nothing }",
    "a field": "{ webhooks { nodes { id } } }",
    "a subscription": 'subscription { ticketEvents(after: "x") { cursor } }',
}


async def refused(socket: Socket, query: str, variables: Any = None) -> str:
    """Return the errors of an operation that is not run."""
    payload = {"query": query, "variables": variables}
    await socket.send(type="subscribe", id="1", payload=payload)
    message = await socket.receive()
    if message["type"] == "next":
        assert (await socket.receive())["type"] == "complete"
    return json.dumps(message["payload"])


async def test_values_are_not_repeated(live: Live) -> None:
    async with live.socket() as socket:
        asked: list[tuple[str, Any]] = [(LOGIN, variables) for variables in VARIABLES]
        for query, variables in [*asked, *((query, None) for query in DOCUMENTS)]:
            answer = await refused(socket, query, variables)
            assert SECRET not in answer
            assert "BAD_USER_INPUT" in answer


@pytest.mark.parametrize("hides", [False, True])
async def test_names_are_suggested_only_where_they_may_be_asked_for(
    live: Live, hides: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    [view] = [r.app for r in live.app.routes if type(r).__name__ == "WebSocketRoute"]  # type: ignore[attr-defined]
    monkeypatch.setattr(view, "schema", create_schema(introspection=not hides))
    async with live.socket() as socket:
        for query, variables in KINDS.values():
            # What is known of a text is known for good.
            answer = await refused(socket, f"{query} # {hides}", variables)
            assert ("Did you mean" in answer) is not hides
            assert "BAD_USER_INPUT" in answer
        for query, variables in OTHERS.values():
            answer = await refused(socket, f"{query} # {hides}", variables)
            assert "Did you mean" not in answer
            assert "BAD_USER_INPUT" in answer


async def test_a_fault_of_an_operation_is_masked_and_leaves_the_connection(
    live: Live, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(_self: GraphContext) -> None:
        raise RuntimeError(SECRET)

    async with live.socket() as socket:
        with monkeypatch.context() as patch:
            patch.setattr(GraphContext, "identify", broken)
            answer = await refused(socket, "{ viewer { id } }")
        assert SECRET not in answer
        (error,) = json.loads(answer)
        assert error["extensions"]["code"] == "INTERNAL"
        assert f"request {error['extensions']['requestId']}" in caplog.text
        assert SECRET in caplog.text
        assert '"data"' in await refused(socket, "{ viewer { username } }")


async def test_an_answer_that_cannot_be_written_is_an_error(
    live: Live, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    [view] = [r.app for r in live.app.routes if type(r).__name__ == "WebSocketRoute"]  # type: ignore[attr-defined]
    real = view.encode_json

    def broken(data: Any) -> bytes:
        if data["type"] == "next":
            raise TypeError(SECRET)
        encoded: bytes = real(data)
        return encoded

    async with live.socket() as socket:
        monkeypatch.setattr(view, "encode_json", broken)
        answer = await refused(socket, "{ viewer { id } }")
    assert SECRET not in answer
    assert "INTERNAL" in answer
    assert SECRET in caplog.text


async def test_a_fault_of_the_connection_is_masked_in_the_reason(
    live: Live, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_args: object) -> None:
        raise RuntimeError(SECRET)

    [view] = [r.app for r in live.app.routes if type(r).__name__ == "WebSocketRoute"]  # type: ignore[attr-defined]
    monkeypatch.setattr(view, "on_ws_connect", broken)
    with caplog.at_level(logging.ERROR):
        async with live.socket(init=False) as socket:
            await socket.send(type="connection_init")
            assert await socket.ended() == (1011, "Something went wrong on our side.")
    assert SECRET in caplog.text


@pytest.mark.parametrize("query", FAILING.values(), ids=FAILING)
async def test_an_error_of_an_operation_has_the_id_of_the_connection(
    live: Live, query: str
) -> None:
    async with live.socket(None, additional_headers={"X-Request-Id": "socket-1"}) as socket:
        await socket.subscribe(query)
        message = await socket.receive()
    payload = message["payload"]
    errors = payload["errors"] if message["type"] == "next" else payload
    assert [error["extensions"]["requestId"] for error in errors] == ["socket-1"]


async def test_so_has_an_unexpected_error_before_an_operation(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_self: GraphContext) -> None:
        raise RuntimeError

    async with live.socket(additional_headers={"X-Request-Id": "socket-2"}) as socket:
        monkeypatch.setattr(GraphContext, "identify", broken)
        await socket.subscribe("{ __typename }")
        [error] = (await socket.receive())["payload"]
    assert error["extensions"] == {"code": "INTERNAL", "requestId": "socket-2"}
