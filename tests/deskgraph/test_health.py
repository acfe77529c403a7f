"""``/healthz`` and ``/readyz``: what orchestrators and load balancers ask."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from deskgraph.database.migrate import head
from deskgraph.settings import Settings
from tests.support.app_client import open_app
from tests.support.world import World

pytestmark = pytest.mark.anyio

Desk = tuple[httpx.AsyncClient, World]


@pytest.fixture
async def desk(
    anyio_backend: str, settings: Settings, statements: list[str]
) -> AsyncIterator[Desk]:
    """Give a client without a token, and what it talks to."""
    async with open_app(settings, statements.append) as (_app, client, world):
        statements.clear()
        yield client, world


def checks(statements: list[str]) -> int:
    """Return how often the database was checked; the deliverer of webhooks reads meanwhile."""
    return sum("alembic_version" in statement for statement in statements)


async def execute(world: World, sql: str) -> None:
    async with world.database.engine.begin() as connection:
        await connection.execute(text(sql))


@asynccontextmanager
async def executed(world: World, sql: str, undo: str) -> AsyncIterator[None]:
    """Change a database that other tests use, too, for a moment."""
    await execute(world, sql)
    try:
        yield
    finally:
        await execute(world, undo)


BREAK = "ALTER TABLE alembic_version RENAME TO elsewhere"
MEND = "ALTER TABLE elsewhere RENAME TO alembic_version"


async def test_a_server_in_order_is_alive_and_ready(desk: Desk) -> None:
    client, world = desk

    alive, ready = await client.get("/healthz"), await client.get("/readyz")

    assert (alive.status_code, alive.json()) == (200, {"status": "ok"})
    assert (ready.status_code, ready.json()) == (200, {"status": "ready"})
    assert alive.headers["cache-control"] == ready.headers["cache-control"] == "no-store"
    assert [path for path in world.media.rglob("*") if path.is_file()] == []


async def test_only_reads_are_answered(desk: Desk) -> None:
    client, _ = desk

    assert (await client.head("/readyz")).status_code == 200
    assert (await client.post("/readyz")).status_code == 405
    assert (await client.delete("/healthz")).status_code == 405


async def test_a_result_is_kept_for_a_second(desk: Desk, statements: list[str]) -> None:
    client, world = desk

    for _ in range(10):
        await client.get("/readyz")
    assert checks(statements) == 1
    world.clock.move(seconds=1)
    await client.get("/readyz")
    assert checks(statements) == 2


async def test_requests_at_the_same_time_share_one_check(desk: Desk, statements: list[str]) -> None:
    client, _ = desk

    answers = await asyncio.gather(*(client.get("/readyz") for _ in range(20)))

    assert {answer.status_code for answer in answers} == {200}
    assert checks(statements) == 1


async def test_a_clock_that_steps_back_keeps_no_result(desk: Desk, statements: list[str]) -> None:
    client, world = desk

    await client.get("/readyz")
    world.clock.move(hours=-1)
    await client.get("/readyz")

    assert checks(statements) == 2


async def test_another_schema_is_not_ready(desk: Desk) -> None:
    client, world = desk
    older = "UPDATE alembic_version SET version_num = '0001'"
    back = f"UPDATE alembic_version SET version_num = '{head()}'"

    async with executed(world, older, back):
        alive, ready = await client.get("/healthz"), await client.get("/readyz")

    assert alive.status_code == 200
    assert ready.status_code == 503
    assert ready.headers["retry-after"] == "1"
    assert ready.json()["status"] == "unavailable"
    [(part, problem)] = ready.json()["problems"].items()
    assert part == "database"
    assert problem.startswith("The database does not have the schema ")


@pytest.mark.parametrize(("oldest", "status"), [(head(), 200), ("9998", 503)])
async def test_a_newer_schema_is_ready_if_it_says_so(desk: Desk, oldest: str, status: int) -> None:
    client, world = desk
    newer = f"UPDATE alembic_version SET version_num = '9999', compatible_from = '{oldest}'"
    back = f"UPDATE alembic_version SET version_num = '{head()}', compatible_from = '{head()}'"

    async with executed(world, newer, back):
        ready = await client.get("/readyz")

    assert ready.status_code == status


async def test_a_broken_database_is_not_ready_until_it_works_again(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    client, world = desk

    async with executed(world, BREAK, MEND):
        broken = await client.get("/readyz")
        world.clock.move(seconds=1)
        again = await client.get("/readyz")
    world.clock.move(seconds=1)
    mended = await client.get("/readyz")

    assert broken.json()["problems"] == {"database": "The database does not answer."}
    assert (broken.status_code, again.status_code, mended.status_code) == (503, 503, 200)
    # What changed is logged, and not each request.
    messages = [record.message for record in caplog.records if record.name == "deskgraph.health"]
    assert messages == [
        "not ready: The database does not answer.",
        "the database works again",
    ]


async def test_a_file_store_that_cannot_be_written_is_not_ready(desk: Desk) -> None:
    client, world = desk
    # Root may write to a folder without permissions, but nobody into a file.
    shutil.rmtree(world.media, ignore_errors=True)
    world.media.write_text("")

    ready = await client.get("/readyz")

    assert ready.status_code == 503
    assert ready.json()["problems"] == {"file store": "The file store cannot be written."}
    assert str(world.media) not in ready.text


async def test_every_part_that_does_not_work_is_named(desk: Desk) -> None:
    client, world = desk
    shutil.rmtree(world.media, ignore_errors=True)
    world.media.write_text("")

    async with executed(world, BREAK, MEND):
        ready = await client.get("/readyz")

    assert set(ready.json()["problems"]) == {"database", "file store"}


async def test_no_points_are_counted(settings: Settings, tmp_path: Path) -> None:
    few = settings.model_copy(update={"rate_limit": 1, "max_cost": 1})
    async with open_app(few) as (_app, client, _world):
        answers = [await client.get(path) for path in ["/healthz", "/readyz"] * 5]

    assert {answer.status_code for answer in answers} == {200}
    assert not any("ratelimit" in name for answer in answers for name in answer.headers)
