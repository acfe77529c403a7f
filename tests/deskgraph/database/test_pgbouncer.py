"""Behind PgBouncer in transaction mode: two connections to the server for everybody."""

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy.engine import make_url
from sqlmodel import text

from deskgraph.database.database import Database
from deskgraph.database.urls import dsn_of
from deskgraph.settings import SettingsError
from tests.support.app_client import open_app
from tests.support.databases import POSTGRES_REQUIRED
from tests.support.processes.launcher import child
from tests.support.settings import settings_for

pytestmark = pytest.mark.anyio

CLIENTS = 12
CONFIGURATION = """
[databases]
* = host={host} port={port} user={user}{password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {own_port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 2
"""
QUERY = """query Read($search: String) {
  tickets(first: 5, filter: { search: $search }) { totalCount nodes { id subject } }
}"""


@pytest.fixture
def bouncer_url(postgres_url: str, tmp_path: Path) -> Iterator[str]:
    """Give the URL of PgBouncer in front of the database."""
    command = shutil.which("pgbouncer") or shutil.which("/usr/sbin/pgbouncer")
    if command is None:
        assert not POSTGRES_REQUIRED, "PgBouncer is not installed."
        pytest.skip("PgBouncer is not installed.")
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    server = make_url(postgres_url)
    configuration = tmp_path / "pgbouncer.ini"
    configuration.write_text(
        CONFIGURATION.format(
            host=server.host,
            port=server.port or 5432,
            user=server.username,
            password=f" password='{server.password}'" if server.password else "",
            own_port=port,
        )
    )
    # It refuses to run as root.
    user = ["-u", "nobody"] if os.getuid() == 0 else []
    # And that user may not look into the folder of the test.
    given = ["-q", *user, "/dev/stdin"]
    with configuration.open() as opened, child([command, *given], stdin=opened):
        yield dsn_of(server.set(host="127.0.0.1", port=port))


@pytest.fixture
async def pooled(bouncer_url: str, postgres_url: str) -> AsyncIterator[Database]:
    database = Database(bouncer_url, pooled=True, listen_url=postgres_url)
    await _open(database)
    yield database
    await database.close()


async def _open(database: Database) -> None:
    """Open a database once PgBouncer answers."""
    while True:
        try:
            await database.open()
        except ConnectionRefusedError:
            await asyncio.sleep(0.01)
        else:
            return


async def test_many_clients_share_two_connections(
    pooled: Database, bouncer_url: str, postgres_url: str, tmp_path: Path
) -> None:
    given = {"pgbouncer": "on", "listen_url": postgres_url}
    settings = settings_for(
        bouncer_url, tmp_path / "media", rate_limit=10**6, rate_limit_shared="on", **given
    )
    async with open_app(settings) as (_, client, world):
        await world.reset()
        headers = world.headers("keith")

        async def work(number: int) -> None:
            found = await client.get("/api/v1/companies/", headers=headers)
            keyed = {**headers, "Idempotency-Key": f"number-{number}"}
            given = {
                "subject": f"Number {number}",
                "description": "Shared.",
                "category": "technical",
                "company": found.json()["results"][0]["id"],
            }
            made = await client.post("/api/v1/tickets/", headers=keyed, json=given)
            assert made.status_code == 201, made.text
            again = await client.post("/api/v1/tickets/", headers=keyed, json=given)
            assert again.headers["Idempotency-Replayed"] == "true"
            assert again.json() == made.json()
            path = f"/api/v1/tickets/{made.json()['id']}/"
            seen = await client.get(path, headers=headers)
            known = {**headers, "If-None-Match": seen.headers["etag"]}
            assert (await client.get(path, headers=known)).status_code == 304
            changed = await client.patch(path, headers=headers, json={"priority": "urgent"})
            assert changed.json()["subject"] == f"Number {number}"
            assert (await client.get(path, headers=known)).json()["priority"] == "urgent"
            asked = {"query": QUERY, "variables": {"search": f'"number {number}"'}}
            answer = (await client.post("/graphql", headers=headers, json=asked)).json()
            assert f"Number {number}" in {
                node["subject"] for node in answer["data"]["tickets"]["nodes"]
            }

        await asyncio.gather(*map(work, range(CLIENTS)))
    direct = await asyncpg.connect(postgres_url)
    assert await direct.fetchval("SELECT count(*) FROM rate_buckets") > 0
    names = "SELECT count(*) FROM pg_prepared_statements"
    assert (await pooled.fetch_row(names, []))[0] <= 1
    await direct.close()


async def test_a_cancelled_read_stops_and_leaves_its_connection_usable(
    pooled: Database, postgres_url: str
) -> None:
    direct = await asyncpg.connect(postgres_url)
    running = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND query LIKE '%pg_sleep%' AND state = 'active' AND pid <> pg_backend_pid()"
    )
    tasks = [asyncio.create_task(pooled.fetch_row("SELECT pg_sleep(600)", [])) for _ in range(2)]
    while await direct.fetchval(running) < 2:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    for task in tasks:
        task.cancel()
    for task in tasks:
        with pytest.raises(asyncio.CancelledError):
            await task
    while await direct.fetchval(running):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    await direct.close()
    for number in range(5):
        assert (await pooled.fetch_row("SELECT $1::int", [number]))[0] == number


async def test_reads_cannot_write_and_failed_ones_end_their_transaction(pooled: Database) -> None:
    for _ in range(3):
        with pytest.raises(asyncpg.PostgresError, match="read-only transaction"):
            await pooled.fetch_row("DELETE FROM companies RETURNING id", [])
        assert (await pooled.fetch_row("SHOW jit", []))[0] == "off"
    async with pooled.transaction() as session:
        connection = await session.connection()
        assert (await connection.execute(text("SHOW default_transaction_read_only"))).scalar() == (
            "off"
        )


async def test_events_are_heard_past_the_bouncer(pooled: Database, postgres_url: str) -> None:
    seen = await pooled.event_signal.wait(pooled.event_signal.count)
    waiting = asyncio.create_task(pooled.event_signal.wait(seen))
    direct = await asyncpg.connect(postgres_url)
    await direct.execute("SELECT pg_notify('ticket_events', '')")
    await direct.close()
    assert await waiting > seen


def test_the_setting_needs_a_url_to_listen_by(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="DESKGRAPH_LISTEN_URL has to lead to the same"):
        settings_for("postgresql://desk@bouncer/desk", tmp_path, pgbouncer="on")
