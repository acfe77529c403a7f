"""A database that is away, full or read-only: 503, nothing changed, and work goes on afterwards."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any
from unittest.mock import ANY

import httpx
import pytest

from deskgraph import availability
from tests.live.conftest import Live
from tests.outages import outages
from tests.outages.conftest import NONE, assert_told, health, logged, lost, unavailable
from tests.outages.outages import Outage
from tests.support.named_rows import PASSWORD
from tests.support.processes.clusters import Cluster
from tests.support.processes.launcher import DEADLINE_SECONDS
from tests.support.rows import key

pytestmark = pytest.mark.anyio

TICKET = f"tickets/{key('volume')}/"
# More than there is room for in a file that may not grow.
LONG = "No music in the lobby. " * 20_000
READ = "{ tickets { totalCount } }"
GRAPHQL = "application/graphql-response+json"
CHANGE = f"""mutation($d: String!) {{
    updateTicket(input: {{id: "{key("volume")}", description: $d}}) {{
        ticket {{ subject }} errors {{ code }} }} }}"""


async def ask(live: Live, query: str, accept: str = "*/*", **variables: Any) -> httpx.Response:
    headers = {"Authorization": live.token("keith"), "Accept": accept}
    body = {"query": query, "variables": variables}
    return await live.client.post("/graphql", json=body, headers=headers)


async def log_in(live: Live) -> httpx.Response:
    body = {"username": "keith", "password": PASSWORD}
    return await live.client.post("/api/v1/auth/login/", json=body)


def assert_unavailable(response: httpx.Response, status: int) -> None:
    assert response.status_code == status, response.text
    assert response.headers["retry-after"] == "5"
    (error,) = response.json()["errors"]
    assert error["message"] == f"The database is not available. {NONE}"
    assert error["extensions"] == {"code": "UNAVAILABLE", "retryAfter": 5, "requestId": ANY}


async def assert_writes_fail(live: Live) -> None:
    """Every kind of write is refused."""
    new = {"subject": "S", "description": LONG, "company": str(key("hilton"))}
    assert_told(await live.rest("PATCH", TICKET, description=LONG), "database")
    assert_told(await live.rest("POST", "tickets/", **new), "database")
    company = {"name": LONG[:200], "notes": LONG}
    assert_told(await live.rest("POST", "companies/", "admin", **company), "database")
    assert_unavailable(await ask(live, CHANGE, d=LONG), 200)
    refused = await ask(live, CHANGE, GRAPHQL, d=LONG)
    assert_unavailable(refused, 503)
    assert refused.json()["data"] is None


async def assert_all_works(live: Live) -> None:
    assert (await live.rest("PATCH", TICKET, description=LONG)).status_code == 200
    changed = (await ask(live, CHANGE, d="Again")).json()
    assert changed["data"]["updateTicket"]["errors"] == []
    assert (await log_in(live)).status_code == 200
    assert await health(live) == {"status": "ready"}
    assert await lost(live) == set()


@pytest.mark.parametrize("outage", [outages.stopped, outages.killed, outages.refusing])
async def test_a_database_that_is_away_is_told_and_comes_back(
    on_postgres: Live, cluster: Cluster, outage: Outage, caplog: pytest.LogCaptureFixture
) -> None:
    live = on_postgres
    before = await live.world.dump()
    assert (await live.rest("GET", TICKET)).status_code == 200

    async with outage(live, cluster):
        # What sends webhooks looks, too.
        live.world.services.webhooks_changed.set()
        await assert_writes_fail(live)
        assert_told(await live.rest("GET", TICKET), "database")
        assert_told(await live.rest("GET", "tickets/"), "database")
        assert_told(await log_in(live), "database")
        assert_unavailable(await ask(live, READ), 200)
        assert_unavailable(await ask(live, READ, GRAPHQL), 503)
        # Before there is an operation: the user is not known.
        live.world.services.viewers.forget_all()
        assert_told(await live.rest("GET", TICKET), "database")
        assert_unavailable(await ask(live, READ), 503)
        ready = await live.client.get("/readyz")
        assert ready.json()["problems"] == {"database": "The database does not answer."}
        assert ready.status_code == 503
        assert (await live.client.get("/healthz")).status_code == 200
        assert await unavailable(live) == {("database", "read"), ("database", "write")}
        assert await lost(live) == {("database", "read"), ("database", "write")}

    assert await live.world.dump() == before
    await assert_all_works(live)
    said = logged(caplog, "deskgraph.database")
    assert sorted(line.split(":")[0] for line in said) == [
        "database is back, reads work",
        "database is back, writes work",
        "database lost, reads fail",
        "database lost, writes fail",
    ]


# With what health says of it, and whether logins are refused.
READ_ONLY = [
    ("postgres", outages.read_only, "it is read-only", True),
    ("sqlite", outages.read_only_file, "it is read-only", True),
    ("sqlite", outages.locked_file, "another program has locked it", True),
    # A login is small enough for the room that is left.
    ("sqlite", outages.full_file, "its disk is full", False),
]


def degraded(why: str) -> dict[str, Any]:
    problems = {"database": f"The database refuses writes: {why}."}
    return {"status": "degraded", "problems": problems}


@pytest.fixture
def desk(kind: str, request: pytest.FixtureRequest) -> tuple[Live, Any]:
    """Give a desk on a kind of database, and the server, if there is one."""
    live: Live = request.getfixturevalue(f"on_{kind}")
    return live, request.getfixturevalue("cluster") if kind == "postgres" else None


@pytest.mark.parametrize(("kind", "outage", "why", "refuses_logins"), READ_ONLY)
async def test_a_database_that_cannot_be_written_is_still_read(
    desk: tuple[Live, Any],
    outage: Outage,
    why: str,
    refuses_logins: bool,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # However long this takes.
    monkeypatch.setattr(availability, "KNOWN_SECONDS", 3600)
    live, cluster = desk
    before = await live.world.dump()

    async with outage(live, cluster):
        await assert_writes_fail(live)
        if refuses_logins:
            assert_told(await log_in(live), "database")
        # The token is verified again.
        live.world.services.viewers.forget_all()
        assert (await live.rest("GET", TICKET)).status_code == 200
        assert "errors" not in (await ask(live, READ)).json()
        # Reads go on, so balancers are to send them.
        assert await health(live) == degraded(why)
        assert await unavailable(live) == await lost(live) == {("database", "write")}

    assert await live.world.dump() == before
    await assert_all_works(live)
    said = logged(caplog, "deskgraph.database")
    assert [line.split(":")[0] for line in said] == [
        "database lost, writes fail",
        "database is back, writes work",
    ]


@pytest.mark.parametrize(("kind", "outage"), [one[:2] for one in READ_ONLY[:2]])
async def test_health_turns_back_where_nobody_writes(
    desk: tuple[Live, Any], outage: Outage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(availability, "KNOWN_SECONDS", 0)
    live, cluster = desk

    async with outage(live, cluster):
        assert_told(await live.rest("PATCH", TICKET, description=LONG), "database")
        async with asyncio.timeout(DEADLINE_SECONDS):
            while await lost(live) or await health(live) != {"status": "ready"}:
                pass

    assert (await live.rest("PATCH", TICKET, description=LONG)).status_code == 200


async def test_an_error_of_the_server_itself_is_still_one(
    on_sqlite: Live, caplog: pytest.LogCaptureFixture
) -> None:
    live = on_sqlite
    rename: Callable[[str, str], str] = "ALTER TABLE {} RENAME TO {}".format
    async with live.world.database.engine.begin() as connection:
        await connection.exec_driver_sql(rename("comments", "elsewhere"))

    with caplog.at_level(logging.ERROR):
        response = await live.rest("GET", TICKET)

    assert response.status_code == 500
    assert "retry-after" not in response.headers
    assert [record for record in caplog.records if record.exc_info] != []
    assert [record for record in caplog.records if record.name == "deskgraph.database"] == []
