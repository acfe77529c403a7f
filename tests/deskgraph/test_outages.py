"""Where the database or the file store is away, full or read-only: 503, and then all goes on."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from deskgraph.database.database import Database
from deskgraph.database.migrate import upgrade
from models import Role
from tests.support.app_client import AppClient, open_app
from tests.support.databases import POSTGRES_REQUIRED
from tests.support.processes import clusters
from tests.support.processes.clusters import Cluster
from tests.support.rows import company, insert, key, ticket, user
from tests.support.settings import settings_for

pytestmark = pytest.mark.anyio

TICKETS = "/api/v1/tickets/"
LIST = "{ tickets { nodes { id } } }"
CREATE = """mutation($companyId: ID!) {
  createTicket(input: {subject: "x", description: "x", companyId: $companyId}) {
    ticket { id } errors { message }
  }
}"""
NEW = {"subject": "x", "description": "x", "company": str(key("hilton"))}
AWAY = "The database is not available. Nothing was changed, try again later."


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Run a server that tests may stop, with a migrated database ``desk``."""
    if missing := clusters.missing():
        assert not POSTGRES_REQUIRED, missing
        pytest.skip(missing)
    with clusters.primary() as started:
        asyncio.run(started.run("CREATE DATABASE desk", "SELECT 1"))
        asyncio.run(_fill(started.url_of("desk")))
        yield started


async def _fill(url: str) -> None:
    database = Database(url)
    await upgrade(database)
    await insert(database, company("hilton"), user("anna", Role.ADMIN), ticket("sound"))
    await database.engine.dispose()


@pytest.fixture
async def on_postgres(
    anyio_backend: str, cluster: Cluster, tmp_path: Path
) -> AsyncIterator[AppClient]:
    """Give a desk on the server that may be stopped."""
    async with desk_of(cluster.url_of("desk"), tmp_path / "media") as opened:
        yield opened
    if cluster.process is None:
        cluster.start()


@pytest.fixture
async def on_sqlite(
    anyio_backend: str, sqlite_url: str, tmp_path: Path
) -> AsyncIterator[AppClient]:
    """Give a desk on a file."""
    await _fill(sqlite_url)
    async with desk_of(sqlite_url, tmp_path / "media") as opened:
        yield opened


@asynccontextmanager
async def desk_of(url: str, media: Path) -> AsyncIterator[AppClient]:
    """Open an application, with a client that is logged in as Anna."""
    async with open_app(settings_for(url, media)) as (app, client, world):
        client.headers["Authorization"] = world.token("anna")
        yield AppClient(app, client, world)


async def graphql(desk: AppClient, query: str, accept: str, **variables: str) -> httpx.Response:
    body = {"query": query, "variables": variables}
    return await desk.client.post("/graphql", json=body, headers={"Accept": accept})


def assert_unavailable(response: httpx.Response, sentence: str) -> None:
    assert (response.status_code, response.json()) == (503, {"detail": sentence})
    assert response.headers["retry-after"] == "5"


def assert_error(response: httpx.Response, sentence: str) -> None:
    (error,) = response.json()["errors"]
    assert error["message"] == sentence
    assert error["extensions"] == {"code": "UNAVAILABLE", "retryAfter": 5}
    assert response.headers["retry-after"] == "5"


async def count(desk: AppClient) -> int:
    return len((await desk.everything())["tickets"])


def lines(caplog: pytest.LogCaptureFixture, logger: str) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.name == logger]


async def assert_works(desk: AppClient, tickets: int) -> None:
    """All goes on as before, and ``tickets`` are there."""
    assert await count(desk) == tickets
    assert (await desk.client.get(TICKETS)).json()["count"] == tickets
    assert (await desk.client.post(TICKETS, json=NEW)).status_code == 201
    desk.clock.move(seconds=5)
    assert (await desk.client.get("/readyz")).status_code == 200


async def until_ready(desk: AppClient) -> None:
    """Wait until the server has noticed that its database is back."""
    while (await desk.client.get(TICKETS)).status_code != 200:
        desk.clock.move(seconds=5)
        await asyncio.sleep(0.05)


async def test_a_server_that_is_stopped_is_503_until_it_is_back(
    on_postgres: AppClient, cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    client = on_postgres.client
    before = await count(on_postgres)
    assert (await client.get(TICKETS)).status_code == 200
    await asyncio.to_thread(cluster.stop)

    # Also where the viewer is still known, and where it has to be looked up.
    for moved in (0, 10):
        on_postgres.clock.move(seconds=moved)
        assert_unavailable(await client.get(TICKETS), AWAY)
        assert_error(await graphql(on_postgres, LIST, "application/json"), AWAY)
    response = await graphql(on_postgres, LIST, "application/graphql-response+json")
    assert response.status_code == 503
    assert_error(response, AWAY)
    login = {"username": "anna", "password": "wrong"}
    assert_unavailable(await client.post("/api/v1/jwt/token/", json=login), AWAY)
    ready = await client.get("/readyz")
    assert (ready.status_code, list(ready.json()["problems"])) == (503, ["database"])

    await asyncio.to_thread(cluster.start)
    await until_ready(on_postgres)
    await assert_works(on_postgres, before)
    # One line at its beginning and one at its end.
    told = [one for one in lines(caplog, "deskgraph.database") if "reads" in one]
    assert told[0].startswith("database lost, reads fail: ")
    assert told[1:] == ["database is back, reads work"]
    assert not [one for one in caplog.records if "unexpected" in one.getMessage()]


async def test_a_write_that_fails_changes_nothing_and_says_so(
    on_postgres: AppClient, cluster: Cluster
) -> None:
    before = await count(on_postgres)
    # The viewer is known, so the write is the first to notice.
    assert (await on_postgres.client.get(TICKETS)).status_code == 200
    await asyncio.to_thread(cluster.stop)
    assert_unavailable(await on_postgres.client.post(TICKETS, json=NEW), AWAY)
    company_id = str(key("hilton"))
    response = await graphql(on_postgres, CREATE, "application/json", companyId=company_id)
    assert response.status_code == 200
    assert_error(response, AWAY)
    await asyncio.to_thread(cluster.start)
    await until_ready(on_postgres)
    await assert_works(on_postgres, before)


async def test_a_database_that_is_read_only_is_still_read(
    on_postgres: AppClient, cluster: Cluster
) -> None:
    before = await count(on_postgres)
    await cluster.run("ALTER DATABASE desk SET default_transaction_read_only = on", "SELECT 1")
    try:
        await end_connections(cluster)
        # Each connection of a pool may be one that was ended.
        await until_ready(on_postgres)
        assert (await on_postgres.client.get(TICKETS)).json()["count"] == before
        assert_unavailable(await on_postgres.client.post(TICKETS, json=NEW), AWAY)
        assert (await on_postgres.client.get(TICKETS)).status_code == 200
    finally:
        reset = "ALTER DATABASE desk RESET default_transaction_read_only"
        await cluster.run(reset, "SELECT 1")
        await end_connections(cluster)
    await until_ready(on_postgres)
    await assert_works(on_postgres, before)


async def end_connections(cluster: Cluster) -> None:
    await cluster.run(
        "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity"
        " WHERE datname = 'desk' AND pid <> pg_backend_pid()"
    )


async def test_a_database_that_takes_no_connections_is_503(
    on_postgres: AppClient, cluster: Cluster
) -> None:
    before = await count(on_postgres)
    await cluster.run("ALTER DATABASE desk ALLOW_CONNECTIONS false", "SELECT 1")
    try:
        await end_connections(cluster)
        for _ in range(20):
            assert_unavailable(await on_postgres.client.get(TICKETS), AWAY)
        # Its user cannot be looked up.
        assert_unavailable(await on_postgres.client.post(TICKETS, json=NEW), AWAY)
    finally:
        await cluster.run("ALTER DATABASE desk ALLOW_CONNECTIONS true", "SELECT 1")
    await until_ready(on_postgres)
    await assert_works(on_postgres, before)


async def test_a_full_database_is_read_and_takes_writes_again(
    on_sqlite: AppClient, caplog: pytest.LogCaptureFixture
) -> None:
    async def limit(pages: str) -> None:
        async with on_sqlite.database.engine.connect() as connection:
            await connection.execute(text(f"PRAGMA max_page_count = {pages}"))

    async with on_sqlite.database.engine.connect() as connection:
        pages = (await connection.execute(text("PRAGMA page_count"))).scalar_one()
    await limit(str(pages))
    created, large = 0, NEW | {"description": "x" * 5000}
    while (response := await on_sqlite.client.post(TICKETS, json=large)).status_code == 201:
        created += 1
    assert_unavailable(response, AWAY)
    company_id = str(key("hilton"))
    query = CREATE.replace('description: "x"', f'description: "{"x" * 5000}"')
    assert_error(await graphql(on_sqlite, query, "application/json", companyId=company_id), AWAY)
    assert (await on_sqlite.client.get(TICKETS)).json()["count"] == created + 1

    await limit("1073741823")
    await assert_works(on_sqlite, created + 1)
    assert lines(caplog, "deskgraph.database") == [
        "database lost, writes fail: OperationalError: database or disk is full",
        "database is back, writes work",
    ]


async def test_a_file_store_that_fails_is_503(
    on_sqlite: AppClient, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    given: dict[str, Any] = {"data": {"ticket": str(key("sound"))}}

    async def upload() -> httpx.Response:
        files = {"file": ("log.txt", b"content", "text/plain")}
        return await on_sqlite.client.post("/api/v1/ticket-attachments/", files=files, **given)

    first = await upload()
    assert first.status_code == 201
    media, aside = tmp_path / "media", tmp_path / "aside"
    media.rename(aside)
    media.write_text("no folder")
    before = await on_sqlite.everything()

    sentence = "The file store is not available. Nothing was changed, try again later."
    assert_unavailable(await upload(), sentence)
    assert_unavailable(await on_sqlite.client.get(first.json()["file"]), sentence)
    assert await on_sqlite.everything() == before
    on_sqlite.clock.move(seconds=5)
    ready = await on_sqlite.client.get("/readyz")
    assert (ready.status_code, list(ready.json()["problems"])) == (503, ["file store"])

    media.unlink()
    aside.rename(media)
    assert (await upload()).status_code == 201
    assert (await on_sqlite.client.get(first.json()["file"])).content == b"content"
    told = lines(caplog, "deskgraph.files")
    assert told[0].startswith("file store lost, writes fail: ")
    assert told[-2:] == ["file store is back, writes work", "file store is back, reads work"]
