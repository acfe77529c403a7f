"""A bulk job is followed over both transports, by a server that works on it."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest

from models import BulkJob, BulkJobKind
from resolvers.bulk.jobs import BATCH
from tests.live.conftest import Live, Socket, Stream
from tests.support.clock import NOON
from tests.support.rows import key, ticket

pytestmark = pytest.mark.anyio

PROGRESS = """subscription($id: ID!) {
    job: bulkJobProgress(id: $id) { id state doneCount totalCount failedCount }
}"""
START = """mutation($filter: TicketFilter!, $count: Int!) {
    startBulkUpdate(
        input: {filter: $filter, expectedCount: $count, changes: {priority: URGENT}}
    ) { job { id state } errors { message } }
}"""
COUNT = 4 * BATCH


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resolvers.bulk.following.PACE_SECONDS", 0.01)


async def start(live: Live) -> str:
    await live.world.add(
        *(ticket(f"t{number}", 100 + number, tags="many") for number in range(COUNT))
    )
    given = {"filter": {"tags": {"has": "many"}}, "count": COUNT}
    headers = {"Authorization": live.token("keith")}
    body = {"query": START, "variables": given}
    answer = (await live.client.post("/graphql", json=body, headers=headers)).json()
    assert "errors" not in answer, answer
    found = answer["data"]["startBulkUpdate"]
    assert found["errors"] == []
    return str(found["job"]["id"])


async def of_socket(socket: Socket) -> list[Any]:
    """Return all that comes until the subscription is complete."""
    found = []
    while (message := await socket.receive())["type"] == "next":
        found.append(message["payload"]["data"]["job"])
    assert message["type"] == "complete", message
    return found


async def of_stream(stream: Stream) -> list[Any]:
    found = []
    while (frame := await stream.frame())["event"] == "next":
        found.append(json.loads(frame["data"])["data"]["job"])
    assert frame["event"] == "complete"
    return found


def assert_followed(messages: list[Any]) -> None:
    counts = [one["doneCount"] for one in messages]
    assert counts == sorted(set(counts))
    assert messages[-1]["state"] == "DONE"
    assert (messages[-1]["doneCount"], messages[-1]["totalCount"]) == (COUNT, COUNT)


async def test_a_job_is_followed_to_its_end(live: Live) -> None:
    job = await start(live)
    async with live.socket("keith") as socket, live.stream("admin", PROGRESS, id=job) as stream:
        await subscribe(socket, job)
        async with asyncio.timeout(60):
            first, second = await asyncio.gather(of_socket(socket), of_stream(stream))
    assert_followed(first)
    assert_followed(second)
    # Once it has ended, there is one message.
    async with live.stream("keith", PROGRESS, id=job) as stream:
        assert await of_stream(stream) == [second[-1]]


async def subscribe(socket: Socket, job: str) -> None:
    payload = {"query": PROGRESS, "variables": {"id": job}}
    await socket.send(type="subscribe", id="1", payload=payload)


async def test_a_job_that_is_cancelled_ends_its_streams(live: Live) -> None:
    waiting = str(key("waiting"))
    await live.world.add(waiting_job())
    async with live.socket("keith") as socket:
        await subscribe(socket, waiting)
        message = await socket.receive()
        assert message["payload"]["data"]["job"]["state"] == "PENDING"
        query = "mutation($id: ID!) { cancelBulkJob(input: {id: $id}) { job { state } } }"
        body = {"query": query, "variables": {"id": waiting}}
        headers = {"Authorization": live.token("keith")}
        await live.client.post("/graphql", json=body, headers=headers)
        async with asyncio.timeout(60):
            [last] = await of_socket(socket)
    assert last["state"] == "CANCELLED"


async def test_others_cannot_follow_it(live: Live) -> None:
    await live.world.add(waiting_job())
    for who in ("carla", "olga"):
        async with live.stream(who, PROGRESS, id=str(key("waiting"))) as stream:
            frame = await stream.frame()
        [error] = json.loads(frame["data"])["errors"]
        assert error["extensions"]["code"] == "NOT_FOUND"


def waiting_job() -> BulkJob:
    """Return a job that another process works on for now."""
    return BulkJob(
        id=key("waiting"),
        kind=BulkJobKind.DELETE,
        created_by_id=key("keith"),
        created_at=NOON,
        claim="another",
        lease_until=NOON + timedelta(days=1),
        total_count=1,
    )
