"""What a client is told of a change whose commit, or whose row, was not answered."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from unittest.mock import ANY

import asyncpg
import pytest

from tests.live.conftest import Live
from tests.outages.conftest import DONE, NONE, UNKNOWN, assert_told, logged
from tests.outages.outages import OTHERS
from tests.support.processes.clusters import Cluster
from tests.support.rows import key
from tests.support.stored import stored_rows

pytestmark = pytest.mark.anyio

TICKET = f"tickets/{key('volume')}/"
# Stops at the commit until somebody gives the lock back.
SLOW_COMMIT = """
CREATE FUNCTION wait_for_lock() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN PERFORM pg_advisory_lock_shared(1); RETURN NULL; END';
CREATE CONSTRAINT TRIGGER slow_commit AFTER UPDATE ON tickets DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION wait_for_lock();
CREATE CONSTRAINT TRIGGER slow_commit AFTER INSERT ON attachments DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION wait_for_lock();
CREATE CONSTRAINT TRIGGER slow_commit AFTER INSERT ON companies DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION wait_for_lock()
"""
IN_COMMIT = (
    f"SELECT EXISTS (SELECT 1 {OTHERS} AND query ILIKE 'COMMIT%' AND wait_event = 'advisory')"
)
END_COMMIT = f"SELECT pg_terminate_backend(pid, 10000) {OTHERS} AND wait_event = 'advisory'"


@pytest.fixture
async def slow_commits(on_postgres: Live, cluster: Cluster) -> AsyncIterator[None]:
    await cluster.run(SLOW_COMMIT, "SELECT 1", database="desk")
    yield
    await cluster.run("DROP FUNCTION wait_for_lock CASCADE", "SELECT 1", database="desk")


@pytest.mark.parametrize(
    ("method", "path", "who", "body"),
    [
        ("PATCH", TICKET, "keith", {"subject": "Lost"}),
        # By a session of SQLAlchemy.
        ("POST", "companies/", "admin", {"name": "Lost"}),
    ],
)
@pytest.mark.usefixtures("slow_commits")
async def test_a_commit_without_an_answer_is_not_told_as_undone(
    on_postgres: Live,
    cluster: Cluster,
    caplog: pytest.LogCaptureFixture,
    method: str,
    path: str,
    who: str,
    body: dict[str, Any],
) -> None:
    live = on_postgres
    before = await live.world.dump()
    holder = asyncio.create_task(held(cluster, release := asyncio.Event(), has := asyncio.Event()))
    await has.wait()
    asking = asyncio.create_task(live.rest(method, path, who, **body))
    await cluster.until(IN_COMMIT)
    await cluster.run(END_COMMIT)

    assert_told(await asking, "database", UNKNOWN)

    release.set()
    await holder
    # Here it was rolled back, which the server cannot know.
    assert await live.world.dump() == before
    assert logged(caplog, "deskgraph.database")[0].startswith("database lost, writes fail: ")
    assert (await live.rest(method, path, who, **body)).status_code in (200, 201)


async def held(cluster: Cluster, release: asyncio.Event, has: asyncio.Event) -> None:
    """Hold the lock that commits wait for."""
    connection = await asyncpg.connect(cluster.url_of("desk"))
    await connection.execute("SELECT pg_advisory_lock(1)")
    has.set()
    await release.wait()
    await connection.close()


@pytest.fixture
async def reads_fail(on_postgres: Live, cluster: Cluster) -> AsyncIterator[None]:
    """Let the connections for writes go on, and those for reads find nobody."""
    live = on_postgres
    # Known from now on, and each of the connections has been used.
    assert (await live.rest("PATCH", TICKET, subject="Before")).status_code == 200
    end_reads = f"SELECT count(pg_terminate_backend(pid, 10000)) {OTHERS}"
    end_reads += " AND application_name = 'deskgraph-read'"
    await cluster.run("ALTER DATABASE desk ALLOW_CONNECTIONS false", end_reads)
    yield
    await cluster.run("ALTER DATABASE desk ALLOW_CONNECTIONS true", "SELECT 1")


@pytest.mark.usefixtures("reads_fail")
async def test_a_change_that_was_made_is_told_where_it_cannot_be_read(
    on_postgres: Live, cluster: Cluster
) -> None:
    live = on_postgres
    told = {"id": str(key("volume")), "detail": f"The database is not available. {DONE}"}

    changed = await live.rest("PATCH", TICKET, subject="By REST")
    headers = {"Authorization": live.token("keith")}
    mutation = f"""mutation {{ addComment(input: {{ticketId: "{key("volume")}", text: "Once"}}) {{
        ticket {{ subject }} errors {{ code }} }} }}"""
    answer = await live.client.post("/graphql", json={"query": mutation}, headers=headers)

    # A status of refusals would say that nothing was done.
    assert (changed.status_code, changed.json()) == (200, told)
    assert answer.json()["data"] == {"addComment": {"ticket": None, "errors": []}}
    (error,) = answer.json()["errors"]
    assert error["message"] == told["detail"]
    assert error["path"] == ["addComment", "ticket"]
    assert error["extensions"] == {"code": "UNAVAILABLE", "retryAfter": 5, "requestId": ANY}

    await cluster.run("ALTER DATABASE desk ALLOW_CONNECTIONS true", "SELECT 1")
    found = (await live.rest("GET", TICKET)).json()
    assert found["subject"] == "By REST"
    assert [comment["text"] for comment in found["comments"]].count("Once") == 1


@pytest.mark.usefixtures("reads_fail")
async def test_what_was_done_before_is_not_told_of_what_failed(on_postgres: Live) -> None:
    live = on_postgres
    comment = f'addComment(input: {{ticketId: "{key("volume")}", text: "Once"}})'
    change = 'changePassword(input: {oldPassword: "x", newPassword: "something better"})'
    two = f"mutation {{ one: {comment} {{ errors {{ code }} }} two: {change} {{ accessToken }} }}"
    out = "mutation { logoutEverywhere { ok } }"
    headers = {"Authorization": live.token("keith")}

    async def ask(body: object) -> Any:
        return (await live.client.post("/graphql", json=body, headers=headers)).json()

    one = await ask({"query": two})
    batch = await ask([{"query": out}, {"query": "{ viewer { id } }"}])

    assert one["data"] == {"one": {"errors": []}, "two": {"accessToken": None}}
    # The token is no longer known, and cannot be looked up.
    assert batch[0] == {"data": {"logoutEverywhere": {"ok": True}}}
    for errors, path in ((one["errors"], ["two", "accessToken"]), (batch[1]["errors"], None)):
        (error,) = errors
        assert error.get("path") == path
        assert error["message"] == f"The database is not available. {NONE}"


@pytest.mark.usefixtures("slow_commits")
async def test_a_file_whose_row_may_be_there_is_kept(on_postgres: Live, cluster: Cluster) -> None:
    live = on_postgres
    rows, files = await stored_rows(live.world.database), live.world.files()
    holder = asyncio.create_task(held(cluster, asyncio.Event(), has := asyncio.Event()))
    await has.wait()
    form, file = {"ticket": str(key("volume"))}, {"file": ("a.bin", b"x")}
    headers = {"Authorization": live.token("keith")}
    path = "/api/v1/ticket-attachments/"
    asking = asyncio.create_task(live.client.post(path, data=form, files=file, headers=headers))
    await cluster.until(IN_COMMIT)
    # The commit still waits for the lock when it ends. In a thread: the loop is that of the server.
    await asyncio.to_thread(cluster.stop_at_once)

    # Not what is known of the second failure, that of looking for the row.
    assert_told(await asking, "database", UNKNOWN)

    cluster.start()
    holder.cancel()
    assert await stored_rows(live.world.database) == rows
    assert len(live.world.files()) == len(files) + 1
