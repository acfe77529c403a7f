"""Servers of the last release go on while today's migrates, and are replaced one by one.

Clients notice nothing: no request fails, and a follower of the events misses none.
"""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from deskgraph.database.migrate import head
from deskgraph.demo.logins import PASSWORD
from tests.support.paths import ROOT
from tests.support.processes.environment import child_environment
from tests.support.processes.launcher import Served, run, serve
from tests.support.settings import KEY
from tests.support.stored import wrong_counts_of
from tests.upgrades.balancer import Balancer, balancing
from tests.upgrades.released import unpack

pytestmark = pytest.mark.anyio

# How many answers of each kind every stage of the upgrade waits for.
ANSWERS = 200
CREATE = """mutation($input: CreateTicketInput!) {
  createTicket(input: $input) { ticket { id } errors { message } }
}"""
COUNT = "{ tickets { totalCount } }"
FOLLOW = "subscription { ticketEvents { cursor } }"


@dataclass
class Releases:
    """Runs programs of the last release, and of today, on one database and one file store."""

    folder: Path
    old: Path
    url: str
    running: ExitStack = field(default_factory=ExitStack)
    servers: list[Served] = field(default_factory=list)

    def environment(self, release: str) -> dict[str, str]:
        given = child_environment(
            DATABASE_URL=self.url,
            FILES_URL=f"file://{self.folder / 'files'}",
            SECRET_KEY=KEY,
            RATE_LIMIT="off",
            # Until a second signal, which comes when nothing is under way.
            DRAIN_SECONDS="3600",
        )
        return given | {"PYTHONPATH": str(self.old if release == "old" else ROOT)}

    def command(self, release: str, *arguments: str) -> str:
        """Run a command; return what it printed."""
        command = [sys.executable, "-m", "deskgraph.cli", *arguments]
        ended = run(command, env=self.environment(release), cwd=self.folder)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def serve(self, release: str, *options: str) -> Served:
        """Start a server."""
        folder = self.folder / f"server{len(self.servers)}"
        folder.mkdir()
        server = serve(folder, *options, environment=self.environment(release))
        self.servers.append(self.running.enter_context(server))
        return self.servers[-1]


@pytest.fixture
def releases(tmp_path: Path, blank_database_url: str) -> Iterator[Releases]:
    """Give both releases, on a database without tables."""
    made = Releases(tmp_path, unpack(tmp_path / "released"), blank_database_url)
    with made.running:
        yield made
        for server in made.servers:
            # They would drain.
            server.process.kill()


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


async def replace(balancer: Balancer, releases: Releases, old: Served) -> Served:
    """Start a server of today, and stop one of the last release when the new one is ready."""
    new = await asyncio.to_thread(releases.serve, "new")
    await balancer.until(balancer.add(new.base), ready=True)
    backend = next(one for one in balancer.backends if one.base == old.base)
    old.process.send_signal(signal.SIGTERM)
    await balancer.until(backend, ready=False)
    # The drain is over: no balancer sends anything any more.
    old.process.send_signal(signal.SIGINT)
    await asyncio.to_thread(old.process.wait)
    balancer.backends.remove(backend)
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
    olds = [await asyncio.to_thread(releases.serve, "old", "--prepare")]
    olds.append(await asyncio.to_thread(releases.serve, "old"))
    async with balancing() as balancer:
        for server in olds:
            await balancer.until(balancer.add(server.base), ready=True)
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
            await balancer.until(balancer.add(olds[-1].base), ready=True)
            await load.stage()
            assert all(backend.ready for backend in balancer.backends)

            news = []
            for old in olds:
                news.append(await replace(balancer, releases, old))
                await load.stage()

        assert balancer.failed == []
        for server in (*olds, *news):
            assert balancer.answered[server.base] > 0
        events = await events_after(load, start)
        # The follower was stopped somewhere; up to there it has each event once, in their order.
        assert load.followed == events[: len(load.followed)]
        assert len(load.followed) >= 4 * ANSWERS
        after = (await load.graphql("count", COUNT))["data"]["tickets"]["totalCount"]
        # One create may have been under way when the load ended.
        assert after - load.before in (load.created, load.created + 1)
    assert await asyncio.to_thread(wrong_counts_of, releases.url) == []
