"""Two processes under load while replicas are paused, killed and started: clients see no change."""

import asyncio
import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from deskgraph.app import utc_now
from tests.concurrency.test_creates import served
from tests.support import proofs
from tests.support.processes import clusters
from tests.support.processes.clusters import Cluster
from tests.support.processes.launcher import DEADLINE_SECONDS
from tests.support.rows import key
from tests.support.world import World, open_world

pytestmark = pytest.mark.anyio

ROUNDS, WRITERS = (60, 6) if proofs.LONG else (6, 3)
# How many writes there are in each round, which is one pause or death of a replica.
WRITES = 12 if proofs.LONG else 4
READS = "SELECT coalesce(sum(seq_scan + idx_scan), 0)::bigint FROM pg_stat_user_tables"
CHANGE = """
mutation($input: UpdateTicketInput!) {
  updateTicket(input: $input) { ticket { subject } errors { message } }
}
"""
FOLLOW = 'subscription { ticketEvents(after: "") { id ticketId changes { field to } } }'


@pytest.fixture
def two_replicas(primary: Cluster, replica: Cluster) -> Iterator[list[Cluster]]:
    with clusters.replica(primary) as second:
        yield [replica, second]


@dataclass
class Load:
    """Clients of two processes, who compare what they read with what they know."""

    client: httpx.AsyncClient
    bases: list[str]
    token: str
    writes: int = 0
    ended: bool = False
    # The events of writes that were answered.
    written: set[str] = field(default_factory=set)

    async def get(self, number: int, path: str, **params: str) -> Any:
        response = await self.client.get(f"{self.bases[number % 2]}/api/v1/{path}", params=params)
        assert response.status_code == 200, response.text
        return response.json()

    async def create(self) -> str:
        given = {"subject": "0", "description": "D", "company": str(key("hilton"))}
        response = await self.client.post(f"{self.bases[0]}/api/v1/tickets/", json=given)
        assert response.status_code == 201, response.text
        return str(response.json()["id"])

    async def change(self, ticket: str, count: int) -> None:
        """Change a ticket by the first process, by one of both APIs; the answer is the new one."""
        if count % 2:
            given = {"id": ticket, "subject": str(count)}
            body = {"query": CHANGE, "variables": {"input": given}}
            response = await self.client.post(f"{self.bases[0]}/graphql", json=body)
            answer = response.json()["data"]["updateTicket"]
            assert answer == {"ticket": {"subject": str(count)}, "errors": []}
        else:
            # Sent again, to the other process, it is answered as before.
            headers = {"Idempotency-Key": f"{ticket}-{count}"}
            for base, replayed in zip(self.bases, (None, "true"), strict=True):
                url = f"{base}/api/v1/tickets/{ticket}/"
                response = await self.client.patch(
                    url, json={"subject": str(count)}, headers=headers
                )
                assert response.json()["subject"] == str(count), response.text
                assert response.headers.get("Idempotency-Replayed") == replayed
        self.writes += 1

    async def poll(self, ticket: str, count: int, tag: str) -> str:
        """Read a ticket that has changed since a tag from both processes; return its tag now."""
        for base in self.bases:
            url = f"{base}/api/v1/tickets/{ticket}/"
            found = await self.client.get(url, headers={"If-None-Match": tag})
            assert found.json()["subject"] == str(count), found.text
            now = found.headers["etag"]
            same = await self.client.get(url, headers={"If-None-Match": now})
            assert same.status_code == 304
        return str(now)

    async def write(self) -> list[str]:
        """Change a ticket and read it from either process; follow the feed, and return its ids."""
        ticket, count, cursor, tag = await self.create(), 0, "", '"none"'
        feed: list[Any] = []
        while not self.ended:
            count += 1
            await self.change(ticket, count)
            tag = await self.poll(ticket, count, tag)
            page = {"results": [None]}
            while page["results"]:
                page = await self.get(count, "ticket-events/", after=cursor)
                cursor = page["cursor"] or cursor
                feed += page["results"]
            told = [event for event in feed if event["ticket"] == ticket]
            assert told[-1]["changes"][0]["to"] == str(count)
        return [event["id"] for event in feed]

    async def follow(self) -> list[str]:
        """Read each ticket as soon as the other process has told of its change."""
        found: list[str] = []
        url = self.bases[0].replace("http", "ws") + "/graphql"
        async with connect(url, subprotocols=[Subprotocol("graphql-transport-ws")]) as socket:
            init = {"type": "connection_init", "payload": {"authorization": self.token}}
            await socket.send(json.dumps(init))
            asked = {"type": "subscribe", "id": "1", "payload": {"query": FOLLOW}}
            await socket.send(json.dumps(asked))
            assert json.loads(await socket.recv())["type"] == "connection_ack"
            while not self.ended:
                message = json.loads(await socket.recv())
                event = message["payload"]["data"]["ticketEvents"]
                found.append(event["id"])
                for change in event["changes"]:
                    if change["field"] == "subject":
                        ticket = await self.get(1, f"tickets/{event['ticketId']}/")
                        assert int(ticket["subject"]) >= int(change["to"])
        return found


async def trouble(load: Load, replicas: list[Cluster], chance: random.Random) -> None:
    """Pause or kill a replica, or let it go on, once in a while, until all go on again."""
    paused: set[int] = set()
    for _ in range(ROUNDS):
        number = chance.randrange(len(replicas))
        replica = replicas[number]
        if replica.process is None:
            await asyncio.to_thread(replica.start)
            paused.discard(number)
        elif number in paused:
            await replica.resume()
            paused.discard(number)
        elif chance.random() < 0.5:
            await replica.pause()
            paused.add(number)
        else:
            await asyncio.to_thread(replica.kill)
            paused.discard(number)
        until = load.writes + WRITES
        while load.writes < until:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    for replica in replicas:
        if replica.process is None:
            await asyncio.to_thread(replica.start)
        await replica.resume()


async def until_read(load: Load, replicas: list[Cluster]) -> None:
    """Read until every replica has answered some of it."""
    for replica in replicas:
        before = await replica.run(READS, database="desk")
        deadline = time.monotonic() + DEADLINE_SECONDS
        while await replica.run(READS, database="desk") == before:
            assert time.monotonic() < deadline, (replica.folder / "log").read_text()[-5000:]
            await asyncio.gather(*(load.get(number, "tickets/") for number in range(12)))


@pytest.fixture
async def desk(anyio_backend: str, primary: Cluster, tmp_path: Path) -> Any:
    """Open the world on the primary."""
    async with open_world(primary.url_of("desk"), tmp_path / "media") as world:
        await world.reset()
        # The processes have clocks of their own, so a token is needed that is good today.
        world.clock.now = utc_now()
        yield world


@pytest.mark.proof(small=True)
async def test_clients_notice_nothing(
    desk: World, primary: Cluster, two_replicas: list[Cluster]
) -> None:
    settings = {
        "REPLICA_URLS": ",".join(replica.url_of("desk") for replica in two_replicas),
        "RATE_LIMIT": "off",
    }
    token = desk.token("keith")
    with served(primary.url_of("desk"), desk.media, 2, **settings) as bases:
        async with httpx.AsyncClient(headers={"Authorization": token}, timeout=60) as client:
            load = Load(client, bases, token)
            await until_read(load, two_replicas)
            async with asyncio.TaskGroup() as group:
                writing = [group.create_task(load.write()) for _ in range(WRITERS)]
                following = group.create_task(load.follow())
                await trouble(load, two_replicas, random.Random(7))
                load.ended = True
                # The last thing that the follower waits for.
                await load.create()
            await until_read(load, two_replicas)

    events = [str(event.id) for event in await desk.events()]
    for read in [following.result(), *(task.result() for task in writing)]:
        assert read == events[: len(read)]
        assert len(read) > WRITES
