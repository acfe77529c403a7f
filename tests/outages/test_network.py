"""A network that loses all that is sent to the database, without a word to either end.

What is waited for here is up to the system, so these take long.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from deskgraph.database.postgres.connections import NETWORK_SECONDS
from resolvers.errors import Changes, Unavailable
from tests.live.conftest import Live
from tests.outages.conftest import NONE, assert_told, running
from tests.support.databases import migrated_cluster
from tests.support.processes.clusters import Cluster
from tests.support.processes.launcher import DEADLINE_SECONDS
from tests.support.processes.networks import Network, lossy_network
from tests.support.rows import key

pytestmark = [pytest.mark.anyio, pytest.mark.proof]

TICKET = f"tickets/{key('volume')}/"
READ = "{ tickets { totalCount } }"
RENAME = f"""mutation {{
    updateTicket(input: {{id: "{key("volume")}", subject: "Lost"}}) {{ errors {{ code }} }} }}"""
GRAPHQL = "application/graphql-response+json"


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    """Give the network between the desk and its database."""
    with lossy_network() as made:
        yield made


@pytest.fixture(scope="module")
def far_cluster(network: Network) -> Iterator[Cluster]:
    with migrated_cluster(network) as started:
        yield started


@pytest.fixture
async def desk(
    anyio_backend: str, far_cluster: Cluster, network: Network, tmp_path: Path
) -> AsyncIterator[Live]:
    """Give a desk that also counts points in its database."""
    url = far_cluster.url_of("desk")
    # However long the system takes to notice.
    more = {"rate_limit": 1_000_000, "rate_limit_shared": "on", "operation_seconds": 100}
    async with running(url, tmp_path / "media", **more) as live:
        yield live
        network.carry()


async def dump(live: Live) -> dict[str, Any]:
    """Return all rows but those of points, which each request draws."""
    rows = await live.world.dump()
    del rows["rate_buckets"]
    return rows


async def ask(live: Live, query: str) -> httpx.Response:
    headers = {"Authorization": live.token("keith"), "Accept": GRAPHQL}
    return await live.client.post("/graphql", json={"query": query}, headers=headers)


def assert_unavailable(response: httpx.Response) -> None:
    assert response.status_code == 503, response.text
    assert response.headers["retry-after"] == "5"
    (error,) = response.json()["errors"]
    assert error["message"] == f"The database is not available. {NONE}"
    found = {"code": "UNAVAILABLE", "retryAfter": 5, "requestId": response.headers["X-Request-Id"]}
    assert error["extensions"] == found


async def until(status: int, ask: Callable[[], Awaitable[httpx.Response]]) -> None:
    async with asyncio.timeout(DEADLINE_SECONDS):
        while (await ask()).status_code != status:  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def test_a_network_that_loses_everything_is_told_and_comes_back(
    desk: Live, network: Network
) -> None:
    # Connections for reads, writes and points are there.
    assert (await desk.rest("GET", TICKET)).status_code == 200
    assert (await desk.rest("PATCH", TICKET, subject="Music")).status_code == 200
    before = await dump(desk)

    network.lose()
    # Twice: on connections that were there, of which there are fewer, and on new ones.
    for _ in range(2):
        reads = [desk.rest("GET", path) for path in (TICKET, "tickets/") for _ in range(20)]
        writes = [desk.rest("PATCH", TICKET, subject="Lost") for _ in range(20)]
        operations = [ask(desk, READ), ask(desk, RENAME)]
        rest, graphql = await asyncio.gather(
            asyncio.gather(*reads, *writes), asyncio.gather(*operations)
        )
        for response in rest:
            assert_told(response, "database")
        for response in graphql:
            assert_unavailable(response)
    assert (await desk.client.get("/readyz")).status_code == 503

    network.carry()
    await until(200, lambda: desk.rest("GET", TICKET))
    # Which is found out in a transaction.
    await until(400, lambda: desk.rest("PATCH", TICKET, subject=""))
    assert await dump(desk) == before
    await until(200, lambda: desk.rest("PATCH", TICKET, subject="Volume"))


async def test_what_a_lost_transaction_holds_is_given_back(desk: Live, network: Network) -> None:
    async def rename() -> None:
        async with desk.world.database.transaction() as session:
            rename = text("UPDATE tickets SET subject = 'Lost' WHERE id = :id")
            await (await session.connection()).execute(rename, {"id": key("volume")})
            network.lose()

    with pytest.raises(Unavailable) as told:
        await rename()
    assert told.value.changes is Changes.UNKNOWN

    network.carry()
    # Which waits for the row.
    await until(200, lambda: desk.rest("PATCH", TICKET, subject="After"))
    assert (await desk.rest("GET", TICKET)).json()["subject"] == "After"


async def test_followers_stay_and_miss_nothing(desk: Live, network: Network) -> None:
    async with desk.socket() as socket, desk.stream() as stream:
        await socket.subscribe()
        await desk.settled(2)
        await desk.rename("volume", "Before")
        assert (await socket.next())["ticketNumber"] == (await stream.next())["ticketNumber"]

        network.lose()
        assert_told(await desk.rest("GET", "tickets/"), "database")
        network.carry()

        await until(200, lambda: desk.rest("PATCH", TICKET, subject="After"))
        assert (await socket.next())["type"] == "UPDATED"
        # The comments, with which a stream shows that it is open, have no name.
        while "event" not in (frame := await stream.frame()):
            pass
        assert json.loads(frame["data"])["data"]["ticketEvents"]["type"] == "UPDATED"


async def test_a_long_statement_is_not_taken_for_a_lost_network(desk: Live) -> None:
    long = f"SELECT 'done' FROM pg_sleep({2 * NETWORK_SECONDS})"
    writing = desk.world.database.transaction()

    async def write() -> object:
        async with writing as session:
            return await (await session.connection()).scalar(text(long))

    read, written = await asyncio.gather(desk.world.database.fetch_row(long, []), write())

    assert (read[0], written) == ("done", "done")
