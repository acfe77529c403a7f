"""Exports over a real server: an early end is noticed, and nothing is read for who has left."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx
import pytest

from resolvers.errors import Unavailable
from resolvers.exports.pages import SIZES
from tests.schema.transfers.test_exports import link
from tests.support.graphql_client import GraphQLClient
from tests.support.processes.local_server import Running, serving
from tests.support.rows import ticket

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize("backend", ["sqlite"], indirect=True),
]
TEXT = "x" * 700_000


class Reads:
    """The reads of a database, which may begin to fail."""

    def __init__(self, gql: GraphQLClient, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pages = 0
        self.fails_after: int | None = None
        fetch_row = gql.database.fetch_row

        async def counted(sql: str, values: Sequence[object], user: str | None = None) -> Any:
            if "tickets" in sql:
                self.pages += 1
                if self.fails_after is not None and self.pages > self.fails_after:
                    raise Unavailable("database")
            return await fetch_row(sql, values, user)

        monkeypatch.setattr(gql.database, "fetch_row", counted)


@pytest.fixture
def reads(gql: GraphQLClient, monkeypatch: pytest.MonkeyPatch) -> Reads:
    return Reads(gql, monkeypatch)


@pytest.fixture
async def running(gql: GraphQLClient) -> AsyncIterator[Running]:
    async with serving(gql.app, lifespan="off") as running:
        yield running


@pytest.fixture
async def server(running: Running) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=running.base, timeout=60) as client:
        yield client


async def path_of(gql: GraphQLClient, **given: Any) -> str:
    return (await link(gql, **given)).removeprefix("http://desk.test")


async def test_what_breaks_off_is_not_taken_for_the_whole(
    gql: GraphQLClient, server: httpx.AsyncClient, reads: Reads, caplog: pytest.LogCaptureFixture
) -> None:
    await gql.add(*(ticket(f"t{n}", n) for n in range(SIZES[0] + 1)))
    path = await path_of(gql)
    reads.fails_after = 1
    with pytest.raises(httpx.RemoteProtocolError):
        await server.get(path)
    assert "an answer was broken off: The database is not available." in caplog.text
    # Before anything was sent there is an answer.
    response = await server.get(path)
    assert (response.status_code, response.headers["retry-after"]) == (503, "5")


async def test_nobody_reads_on_for_a_client_who_left(
    gql: GraphQLClient, running: Running, server: httpx.AsyncClient, reads: Reads
) -> None:
    await gql.add(*(ticket(f"t{n}", n, description=TEXT) for n in range(60)))
    path = await path_of(gql, fields=["DESCRIPTION"], format="JSONL")
    async with server.stream("GET", path) as response:
        await anext(response.aiter_raw(1000))
    if running.server.server_state.tasks:
        await asyncio.wait(running.server.server_state.tasks)
    # Each page has one ticket by then.
    assert 0 < reads.pages < 60 / 2
