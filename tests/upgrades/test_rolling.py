"""Servers of the last release go on while today's migrates, and are replaced one by one.

Clients notice nothing: no request fails, and a follower of the events misses none. The way back to
the last release is the same one.
"""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from deskgraph.database.migrate import head
from deskgraph.demo.logins import PASSWORD
from tests.support.processes.launcher import Served
from tests.support.stored import wrong_counts_of
from tests.upgrades.balancer import Balancer, balancing
from tests.upgrades.released import Releases, signal_all

pytestmark = pytest.mark.anyio

# How many answers of each kind every stage of the upgrade waits for.
ANSWERS = 200
CREATE = """mutation($input: CreateTicketInput!) {
  createTicket(input: $input) { ticket { id } errors { message } }
}"""
COUNT = "{ tickets { totalCount } }"
WORKERS = ("--workers", "2")
FOLLOW = "subscription { ticketEvents { cursor } }"


@dataclass
class Load:
    """Clients of both APIs that read and write, and one that follows all events."""

    balancer: Balancer
    headers: dict[str, str]
    company: str
    before: int
    created: int = 0
    followed: list[str] = field(default_factory=list)
    cursor: str = ""

    async def graphql(self, kind: str, query: str, **variables: Any) -> Any:
        body = {"query": query, "variables": variables}
        return await self.balancer.send(kind, "POST", "/graphql", json=body, headers=self.headers)

    async def rest(self, kind: str, method: str, path: str, **body: Any) -> Any:
        sent = {"json": body} if body else {}
        url = f"/api/v1/{path}"
        return await self.balancer.send(kind, method, url, headers=self.headers, **sent)

    async def create(self) -> None:
        while True:
            given = {"companyId": self.company, "subject": "New", "description": "It broke."}
            await self.graphql("create", CREATE, input=given)
            self.created += 1
            await asyncio.sleep(0)

    async def count(self) -> None:
        while True:
            await self.graphql("count", COUNT)
            await asyncio.sleep(0)

    async def change(self) -> None:
        (ticket,) = (await self.rest("list", "GET", "tickets/?page_size=1"))["results"][:1]
        number = 0
        while True:
            number += 1
            path = f"tickets/{ticket['id']}/"
            await self.rest("change", "PATCH", path, subject=f"Number {number}")
            await asyncio.sleep(0)

    async def read(self) -> None:
        while True:
            await self.rest("read", "GET", "tickets/?status=new")
            await asyncio.sleep(0)

    async def follow(self) -> None:
        """Follow all events; where a stream breaks off, go on at another server."""
        while True:
            headers = {**self.headers, "Accept": "text/event-stream", "Last-Event-ID": self.cursor}
            url = f"{self.balancer.next().base}/graphql"
            with suppress(httpx.HTTPError):
                async with self.balancer.client.stream(
                    "POST", url, json={"query": FOLLOW}, headers=headers
                ) as stream:
                    async for line in stream.aiter_lines():
                        self.take(line)

    def take(self, line: str) -> None:
        if line.startswith("data: {"):
            result = json.loads(line.removeprefix("data: "))
            if "errors" in result:
                self.balancer.failed.append(f"follow: {line}")
                return
            self.cursor = result["data"]["ticketEvents"]["cursor"]
            self.followed.append(self.cursor)

    async def stage(self) -> None:
        """Wait until each kind of request was answered some more times."""
        kinds = ("create", "count", "change", "read")
        before = {kind: self.balancer.answered[kind] for kind in kinds}
        while any(self.balancer.answered[kind] < before[kind] + ANSWERS for kind in kinds):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


@asynccontextmanager
async def loaded(balancer: Balancer) -> AsyncIterator[Load]:
    """Give the load, which ends after a request of each client at the end of the block."""
    login = {"username": "admin", "password": PASSWORD}
    token = (await balancer.send("login", "POST", "/api/v1/auth/login/", json=login))["access"]
    load = Load(balancer, {"Authorization": f"Bearer {token}"}, "", 0)
    companies = await load.rest("list", "GET", "companies/")
    load.company = companies["results"][0]["id"]
    load.before = (await load.graphql("count", COUNT))["data"]["tickets"]["totalCount"]
    end = await load.graphql("end", "{ ticketEvents(last: 1) { pageInfo { endCursor } } }")
    load.cursor = end["data"]["ticketEvents"]["pageInfo"]["endCursor"]
    clients = (load.create, load.count, load.change, load.read, load.follow)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(client()) for client in clients]
        yield load
        for task in tasks:
            task.cancel()


async def replace(
    balancer: Balancer, releases: Releases, before: Served, release: str, *options: str
) -> Served:
    """Start a server of a release, and stop another one when the new one is ready."""
    new = await asyncio.to_thread(releases.serve, release, *options)
    await balancer.until_ready(balancer.add(new.base))
    before.process.send_signal(signal.SIGTERM)
    await balancer.retire(before.base)
    # The drain is over: no balancer sends anything any more.
    signal_all(before, signal.SIGINT)
    await asyncio.to_thread(before.process.wait)
    return new


async def events_after(load: Load, cursor: str) -> list[str]:
    """Return the cursors of all events after one, as the feed has them."""
    found: list[str] = []
    while True:
        page = await load.rest("feed", "GET", f"ticket-events/?limit=1000&after={cursor}")
        found += [event["cursor"] for event in page["results"]]
        cursor = page["cursor"]
        if page["next"] is None:
            return found


@pytest.mark.proof
async def test_servers_are_replaced_one_by_one_and_clients_notice_nothing(
    releases: Releases,
) -> None:
    olds = [await asyncio.to_thread(releases.serve, "old", "--prepare", *WORKERS)]
    olds.append(await asyncio.to_thread(releases.serve, "old"))
    async with balancing() as balancer:
        for server in olds:
            await balancer.until_ready(balancer.add(server.base))
        async with loaded(balancer) as load:
            start = load.cursor
            await load.stage()

            plan = await asyncio.to_thread(releases.command, "new", "migrate", "--plan")
            assert "go on." in plan
            assert "Stop servers" not in plan
            said = await asyncio.to_thread(releases.command, "new", "migrate")
            assert said == f"The database now has the schema {head()}.\n"
            await load.stage()
            # A server of the last release also starts on the new schema.
            olds.append(await asyncio.to_thread(releases.serve, "old"))
            await balancer.until_ready(balancer.add(olds[-1].base))
            await load.stage()
            assert all(backend.ready for backend in balancer.backends)

            news = []
            for old, options in zip(olds, (WORKERS, (), ()), strict=True):
                news.append(await replace(balancer, releases, old, "new", *options))
                await load.stage()
            again = [await replace(balancer, releases, news[0], "old", *WORKERS)]
            await load.stage()

        assert balancer.failed == []
        for server in (*olds, *news, *again):
            assert balancer.answered[server.base] > 0
        events = await events_after(load, start)
        # The follower was stopped somewhere; up to there it has each event once, in their order.
        assert load.followed == events[: len(load.followed)]
        assert len(load.followed) >= 4 * ANSWERS
        after = (await load.graphql("count", COUNT))["data"]["tickets"]["totalCount"]
        # One create may have been under way when the load ended.
        assert after - load.before in (load.created, load.created + 1)
    assert await asyncio.to_thread(wrong_counts_of, releases.url) == []
