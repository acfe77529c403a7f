"""Each error over a WebSocket has the id of its connection, which its line in the log has."""

import pytest

from schema.execution.context import GraphContext
from tests.live.conftest import Live

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize("backend", ["sqlite"], indirect=True),
]
FAILING = {
    "a document": "{ nothing }",
    "a field": "{ webhooks { nodes { id } } }",
    "a subscription": 'subscription { ticketEvents(after: "x") { cursor } }',
}


@pytest.mark.parametrize("query", FAILING.values(), ids=FAILING)
async def test_an_error_of_an_operation(live: Live, query: str) -> None:
    async with live.socket(None, additional_headers={"X-Request-Id": "socket-1"}) as socket:
        await socket.subscribe(query)
        message = await socket.receive()
    payload = message["payload"]
    errors = payload["errors"] if message["type"] == "next" else payload
    assert [error["extensions"]["requestId"] for error in errors] == ["socket-1"]


async def test_an_unexpected_error_before_an_operation(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_self: GraphContext) -> None:
        raise RuntimeError

    async with live.socket(additional_headers={"X-Request-Id": "socket-2"}) as socket:
        monkeypatch.setattr(GraphContext, "identify", broken)
        await socket.subscribe("{ __typename }")
        [error] = (await socket.receive())["payload"]
    assert error["extensions"] == {"code": "INTERNAL", "requestId": "socket-2"}
