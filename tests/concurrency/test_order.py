"""The order of the log: a client that reads after its last cursor gets each event once."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from deskgraph.app import utc_now
from tests.concurrency.test_creates import served
from tests.support import proofs
from tests.support.rows import key
from tests.support.world import World

pytestmark = pytest.mark.anyio

PROCESSES, WRITERS, WRITES = (4, 8, 12) if proofs.LONG else (2, 4, 6)
COMMENT = "mutation($input: AddCommentInput!) { addComment(input: $input) { errors { message } } }"
FOLLOW = 'subscription { ticketEvents(after: "") { id } }'


async def write(client: httpx.AsyncClient, base: str, number: int) -> None:
    """Comment by one API and change by the other, on one of three tickets."""
    ticket = str(key(("offline", "volume", "bill")[number % 3]))
    for count in range(WRITES // 2):
        given = {"ticketId": ticket, "text": f"{number}: {count}"}
        body = {"query": COMMENT, "variables": {"input": given}}
        response = await client.post(f"{base}/graphql", json=body)
        assert response.json()["data"] == {"addComment": {"errors": []}}
        changes = {"subject": f"{number}: {count}"}
        response = await client.patch(f"{base}/api/v1/tickets/{ticket}/", json=changes)
        assert response.status_code == 200, response.text


async def poll(client: httpx.AsyncClient, base: str, count: int) -> list[str]:
    """Read the feed in small pages, each after the last cursor, until there are so many events."""
    found: list[str] = []
    cursor = ""
    while len(found) < count:
        params = {"after": cursor, "limit": "7"}
        page: Any = (await client.get(f"{base}/api/v1/ticket-events/", params=params)).json()
        found += [event["id"] for event in page["results"]]
        cursor = page["cursor"] or ""
    return found


async def follow(base: str, token: str, count: int) -> list[str]:
    """Follow by a subscription until there are so many events."""
    url = base.replace("http", "ws") + "/graphql"
    found: list[str] = []
    async with connect(url, subprotocols=[Subprotocol("graphql-transport-ws")]) as socket:
        init = {"type": "connection_init", "payload": {"authorization": token}}
        await socket.send(json.dumps(init))
        asked = {"type": "subscribe", "id": "1", "payload": {"query": FOLLOW}}
        await socket.send(json.dumps(asked))
        assert json.loads(await socket.recv())["type"] == "connection_ack"
        while len(found) < count:
            message = json.loads(await socket.recv())
            found.append(message["payload"]["data"]["ticketEvents"]["id"])
    return found


@proofs.on("postgres")
async def test_writers_of_several_processes_are_read_in_the_order_of_their_commits(
    own_world: World, database_url: str
) -> None:
    own_world.clock.now = utc_now()
    token = own_world.token("keith")
    count = WRITERS * WRITES
    with served(database_url, own_world.media, PROCESSES) as bases:
        async with (
            httpx.AsyncClient(headers={"Authorization": token}, timeout=60) as client,
            asyncio.timeout(100),
        ):
            polled, followed, *_ = await asyncio.gather(
                poll(client, bases[0], count),
                follow(bases[1], token, count),
                *(write(client, bases[n % PROCESSES], n) for n in range(WRITERS)),
            )

    written = [str(event.id) for event in await own_world.events()]
    assert len(set(written)) == count
    assert polled == written
    assert followed == written
