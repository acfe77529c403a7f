"""Reads from replicas: which reads, and from which replicas."""

import asyncio
import contextvars
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlmodel import text

from deskgraph.database.database import Database
from deskgraph.database.postgres.reader import READ_CONNECTIONS, PostgresReader
from deskgraph.database.replicas import positions
from deskgraph.database.replicas.replicated_reader import ReplicatedReader
from deskgraph.database.urls import DatabaseUrlError
from tests.support.processes import clusters
from tests.support.processes.clusters import Cluster

pytestmark = pytest.mark.anyio

WHERE = "SELECT CASE WHEN pg_is_in_recovery() THEN 'replica' ELSE 'primary' END"
# Endless on a replica.
SLOW = f"{WHERE} FROM pg_sleep(CASE WHEN pg_is_in_recovery() THEN 600 ELSE 0 END)"
SLOW_READS = (
    "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND wait_event = 'PgSleep'"
)
NEVER = 3600.0


@asynccontextmanager
async def opened(
    primary: Cluster, *urls: str, probe_seconds: float = NEVER, **options: Any
) -> AsyncIterator[Database]:
    """Open the database with replicas, which are probed by the test unless it gives a time."""
    url = primary.url_of("desk")
    database = Database(url, replica_urls=urls, probe_seconds=probe_seconds, **options)
    await database.open()
    try:
        yield database
    finally:
        await database.close()


def begin(
    database: Database, sql: str, values: Sequence[object] = (), user: str | None = "user:1"
) -> "asyncio.Task[Any]":
    """Begin a read as a request of its own: nothing has been written in its task."""

    async def read() -> Any:
        return (await database.fetch_row(sql, values, user))[0]

    return asyncio.create_task(read(), context=contextvars.Context())


async def probe(database: Database) -> None:
    assert isinstance(database.reader, ReplicatedReader)
    await database.reader.probe()


async def until(database: Database, where: str) -> None:
    """Wait until reads run on one kind of server."""
    while await begin(database, WHERE) != where:  # noqa: ASYNC110
        await asyncio.sleep(0.01)


async def until_slow_reads(server: Cluster, count: int) -> None:
    await server.until(f"SELECT ({SLOW_READS}) >= {count}")


async def write(database: Database, value: str) -> None:
    async with database.transaction() as session:
        connection = await session.connection()
        await connection.execute(text(f"COMMENT ON TABLE companies IS '{value}'"))


WRITTEN = "SELECT obj_description('companies'::regclass)"


async def test_reads_of_users_run_on_a_replica_and_all_others_on_the_primary(
    primary: Cluster, replica: Cluster
) -> None:
    statements: list[str] = []
    async with opened(primary, replica.url_of("desk"), observer=statements.append) as database:
        statements.clear()
        assert await begin(database, WHERE) == "replica"
        assert statements.count(WHERE) == 1
        assert await begin(database, WHERE, user=None) == "primary"


async def test_a_task_that_writes_reads_from_the_primary(
    primary: Cluster, replica: Cluster
) -> None:
    async def work() -> list[str]:
        async def read() -> str:
            return str((await database.fetch_row(WHERE, (), "user:1"))[0])

        found = [await read()]
        async with database.transaction():
            found.append(await read())
        return [*found, await read(), await asyncio.create_task(read())]

    async with opened(primary, replica.url_of("desk")) as database:
        working = asyncio.create_task(work(), context=contextvars.Context())
        assert await working == ["replica", "primary", "primary", "primary"]


@pytest.mark.usefixtures("impatient")
async def test_a_write_is_seen_by_every_later_read_of_every_process(
    primary: Cluster, replica: Cluster
) -> None:
    url = replica.url_of("desk")
    async with opened(primary, url) as database, opened(primary, url) as other:
        await replica.pause()
        await write(database, "paused")
        for each in (database, other):
            assert await begin(each, WRITTEN) == "paused"
            assert await begin(each, WRITTEN, user="user:2") == "paused"
            assert await begin(each, WHERE) == "primary"
        # The replica is left out, and so are its connections.
        await probe(database)
        assert await begin(database, WHERE) == "primary"
        await replica.resume()
        await replica.until(f"{WRITTEN} = 'paused'", database="desk")
        await probe(database)
        assert await begin(database, WRITTEN) == "paused"


async def test_a_read_waits_for_a_replica_that_is_a_little_behind(
    primary: Cluster, replica: Cluster
) -> None:
    waiting = (
        "SELECT count(*) > 0 FROM pg_stat_activity"
        " WHERE application_name = 'deskgraph-read' AND query LIKE '%pg_last_wal_replay_lsn%'"
    )
    async with opened(primary, replica.url_of("desk")) as database:
        await replica.pause()
        await write(database, "late")
        reading = begin(database, f"{WHERE} || ({WRITTEN})")
        await replica.until(waiting)
        await replica.resume()
        assert await reading == "replicalate"


@pytest.mark.usefixtures("impatient")
async def test_a_replica_without_the_newest_schema_is_not_read(
    primary: Cluster, replica: Cluster
) -> None:
    async with opened(primary, replica.url_of("desk")) as database:
        await replica.pause()
        await primary.run("CREATE TABLE newer AS SELECT 7 AS number", "SELECT 1", database="desk")
        try:
            assert await begin(database, "SELECT number FROM newer") == 7
        finally:
            await primary.run("DROP TABLE newer", "SELECT 1", database="desk")


@pytest.mark.parametrize("pooled", [False, True])
async def test_killed_ones_are_left_out_and_come_back(
    primary: Cluster, replica: Cluster, pooled: bool
) -> None:
    listen = {"pooled": pooled, "listen_url": primary.url_of("desk")}
    url = replica.url_of("desk")
    async with opened(primary, url, probe_seconds=0.05, **listen) as database:
        assert await begin(database, WHERE) == "replica"
        reading = [begin(database, SLOW, user=f"user:{number}") for number in range(3)]
        await until_slow_reads(replica, 3)
        await asyncio.to_thread(replica.kill)
        assert await asyncio.gather(*reading) == ["primary"] * 3
        assert await begin(database, WHERE) == "primary"
        await asyncio.to_thread(replica.start)
        await until(database, "replica")


async def test_a_replica_may_be_away_at_the_start(primary: Cluster, replica: Cluster) -> None:
    replica.stop()
    async with opened(primary, replica.url_of("desk"), probe_seconds=0.05) as database:
        assert await begin(database, WHERE) == "primary"
        await asyncio.to_thread(replica.start)
        await until(database, "replica")


async def test_one_that_hangs_is_left_out_and_its_reads_run_elsewhere(
    primary: Cluster, replica: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(primary, replica.url_of("desk")) as database:
        reading = [begin(database, SLOW, user=f"user:{number % 4}") for number in range(12)]
        await until_slow_reads(replica, READ_CONNECTIONS)
        async with replica.frozen():
            with monkeypatch.context() as patch:
                patch.setattr(positions, "ANSWER_SECONDS", 0.2)
                await probe(database)
            # Those that had to wait for a connection, too.
            assert await asyncio.gather(*reading) == ["primary"] * 12
            assert await begin(database, WHERE) == "primary"
        await probe(database)
        assert await begin(database, WHERE) == "replica"


async def test_reads_that_hold_all_connections_do_not_make_a_replica_look_lost(
    primary: Cluster, replica: Cluster
) -> None:
    async with opened(primary, replica.url_of("desk")) as database:
        reading = [begin(database, SLOW, user=f"user:{number % 4}") for number in range(12)]
        await until_slow_reads(replica, READ_CONNECTIONS)
        await probe(database)
        assert await replica.run(SLOW_READS) == READ_CONNECTIONS
        for task in reading:
            task.cancel()
        assert all(map(_is_cancelled, await asyncio.gather(*reading, return_exceptions=True)))
        assert await begin(database, WHERE) == "replica"


def _is_cancelled(result: object) -> bool:
    return isinstance(result, asyncio.CancelledError)


async def test_a_promoted_replica_is_left_out(primary: Cluster, own_replica: Cluster) -> None:
    async with opened(primary, own_replica.url_of("desk")) as database:
        await own_replica.promote()
        await own_replica.run("CREATE TABLE astray AS SELECT 1", "SELECT 1", database="desk")
        # Before any probe, and although the log of the promoted one may be the longer one.
        assert await begin(database, "SELECT to_regclass('astray')::text") is None
        assert await begin(database, WHERE) == "primary"
        await probe(database)
        assert await begin(database, WHERE) == "primary"


async def test_a_replica_of_a_promoted_one_is_left_out(
    primary: Cluster, own_replica: Cluster
) -> None:
    with clusters.replica(own_replica) as cascaded:
        async with opened(primary, cascaded.url_of("desk")) as database:
            assert await begin(database, WHERE) == "replica"
            await own_replica.promote()
            await own_replica.run("CREATE TABLE astray AS SELECT 1", "CHECKPOINT", database="desk")
            await cascaded.until("SELECT to_regclass('astray') IS NOT NULL", database="desk")
            await cascaded.run("CHECKPOINT")
            await probe(database)
            assert await begin(database, WHERE) == "primary"


@pytest.mark.parametrize("way", ["conflict", "terminated"])
async def test_a_read_that_a_replica_stops_runs_on_the_primary(
    primary: Cluster, replica: Cluster, way: str
) -> None:
    await primary.run("CREATE TABLE rows AS SELECT 1 AS number", "SELECT 1", database="desk")
    await replica.run("ALTER SYSTEM SET max_standby_streaming_delay = 0", "SELECT pg_reload_conf()")
    try:
        async with opened(primary, replica.url_of("desk")) as database:
            reading = begin(database, f"{SLOW}, (SELECT count(*) FROM rows) AS counted")
            await until_slow_reads(replica, 1)
            if way == "conflict":
                await primary.run("DELETE FROM rows", "SELECT 1", database="desk")
                while not reading.done():
                    # Another transaction of the primary may still keep the row.
                    await primary.run("VACUUM rows", database="desk")
                    await asyncio.wait([reading], timeout=0.1)
            else:
                await replica.run(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE wait_event = 'PgSleep'"
                )
            assert await reading == "primary"
            while await begin(database, WHERE) != "replica":
                await probe(database)
    finally:
        reset = "ALTER SYSTEM RESET max_standby_streaming_delay"
        await replica.run(reset, "SELECT pg_reload_conf()")
        await primary.run("DROP TABLE rows", "SELECT 1", database="desk")


async def test_wrong_statements_fail_as_on_the_primary(primary: Cluster, replica: Cluster) -> None:
    async with opened(primary, replica.url_of("desk")) as database:
        with pytest.raises(asyncpg.DivisionByZeroError):
            await begin(database, "SELECT 1 / $1::int", [0])
        assert await begin(database, WHERE) == "replica"


async def test_the_replica_with_the_fewest_reads_is_taken(
    primary: Cluster, replica: Cluster
) -> None:
    with clusters.replica(primary) as second:
        urls = (replica.url_of("desk"), second.url_of("desk"))
        async with opened(primary, *urls) as database:
            reading = [begin(database, SLOW, user=f"user:{number}") for number in range(4)]
            for each in (replica, second):
                await until_slow_reads(each, 2)
            for task in reading:
                task.cancel()
            await asyncio.gather(*reading, return_exceptions=True)


async def test_what_is_no_replica_of_the_database_is_left_out(
    primary: Cluster, replica: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "deskgraph.replicas")
    await primary.run("CREATE ROLE secretive LOGIN PASSWORD 'hidden'", "SELECT 1")
    with clusters.primary() as stranger:
        await stranger.run("CREATE DATABASE desk", "SELECT 1")
        urls = {
            primary.url_of("desk", "secretive:hidden"): "it is not a replica, or was promoted",
            stranger.url_of("desk"): "it is not a replica of this database's server",
            replica.url_of("postgres"): "its URL names another database of the server",
            replica.url_of("desk", "nobody:hidden"): 'role "nobody" does not exist',
        }
        async with opened(primary, *urls) as database:
            assert await begin(database, WHERE) == "primary"
            await probe(database)
    # Once each, however often they are probed.
    assert sorted(record.getMessage().split(": ", 1)[1] for record in caplog.records) == sorted(
        urls.values()
    )
    assert "hidden" not in caplog.text


async def test_without_replicas_nothing_is_between(primary: Cluster) -> None:
    async with opened(primary) as database:
        assert type(database.reader) is PostgresReader


@pytest.mark.parametrize(
    ("url", "urls", "message"),
    [
        ("sqlite:///{tmp}/desk.db", ["postgresql://r/desk"], "needs PostgreSQL: the database is"),
        ("postgresql://p/desk", ["postgresql://r/desk", "sqlite:///x.db"], "URL 2: replicas are"),
        ("postgresql://p/desk", ["postgresql://u:hidden@r"], "URL 1: The database URL names no"),
        ("postgresql://p/desk", ["hidden"], "URL 1: The database URL cannot be read"),
    ],
)
async def test_wrong_urls_are_refused_at_the_start(
    tmp_path: Path, url: str, urls: list[str], message: str
) -> None:
    with pytest.raises(DatabaseUrlError, match=f"^DESKGRAPH_REPLICA_URLS.*{message}") as raised:
        Database(url.format(tmp=tmp_path), replica_urls=urls)
    assert "hidden" not in str(raised.value)
