"""Documents by their ids over WebSockets."""

from typing import Any

import pytest

from schema.execution.persisted_documents import PersistedDocuments, hash_of
from tests.live.conftest import FOLLOW, Live, Socket

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize("backend", ["sqlite"], indirect=True),
]

MINE = "query Mine { viewer { username } }"


def by_hash(digest: str) -> dict[str, Any]:
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": digest}}}


async def answer(socket: Socket, **payload: Any) -> Any:
    """Return what comes of one operation."""
    await socket.send(type="subscribe", id="1", payload=payload)
    message = await socket.receive()
    if message["type"] == "next":
        assert (await socket.receive())["type"] == "complete"
    return message["payload"]


async def test_a_document_registers_by_its_hash(live: Live) -> None:
    async with live.socket() as socket:
        digest = hash_of(MINE)
        (error,) = await answer(socket, **by_hash(digest))
        assert error["message"] == "PersistedQueryNotFound"
        assert error["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"
        mine = {"data": {"viewer": {"username": "keith"}}}
        assert await answer(socket, query=MINE, **by_hash(digest)) == mine
        assert await answer(socket, **by_hash(digest)) == mine
        assert await answer(socket, documentId=f"sha256:{digest}", variables={}) == mine
        (error,) = await answer(socket, query=MINE, **by_hash(hash_of("another")))
        assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_only_trusted_documents_are_run(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    [view] = [r.app for r in live.app.routes if type(r).__name__ == "WebSocketRoute"]  # type: ignore[attr-defined]
    trusted = PersistedDocuments(view.schema.documents, "trusted", {"follow": FOLLOW})
    monkeypatch.setattr(view, "persisted", trusted)
    async with live.socket() as socket:
        for payload in ({"query": MINE}, {"query": MINE, **by_hash(hash_of(MINE))}):
            (error,) = await answer(socket, **payload)
            assert error["extensions"]["code"] == "FORBIDDEN"
        await socket.send(type="subscribe", id="f", payload={"documentId": "follow"})
        await live.settled(1)
        await live.rename("offline", "New")
        assert (await socket.next("f"))["ticketNumber"]


@pytest.mark.parametrize(
    "payload",
    [
        {"documentId": 1},
        {"documentId": "x", "query": MINE},
        {"query": ""},
        {"extensions": []},
        {"extensions": {"persistedQuery": {"version": 1}}},
    ],
)
async def test_a_payload_that_asks_for_nothing_closes_the_connection(
    live: Live, payload: dict[str, Any]
) -> None:
    async with live.socket() as socket:
        await socket.send(type="subscribe", id="1", payload=payload)
        code, reason = await socket.ended()
        assert code == 4400
        assert reason.endswith(".")


async def test_too_many_operations_at_once_are_said_by_a_code(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    [view] = [r.app for r in live.app.routes if type(r).__name__ == "WebSocketRoute"]  # type: ignore[attr-defined]
    monkeypatch.setattr(view, "max_subscriptions_per_connection", 1)
    async with live.socket() as socket:
        await socket.subscribe(FOLLOW, "a")
        (error,) = await answer(socket, query=FOLLOW)
        assert error["extensions"]["code"] == "THROTTLED"
