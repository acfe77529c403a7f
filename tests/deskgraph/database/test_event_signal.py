"""The bell: readers wake for what any process appends, and nothing is lost between two reads."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text

from deskgraph.database.database import Database
from deskgraph.database.event_signal import EventSignal, PostgresEventSignal, SqliteEventSignal
from deskgraph.database.urls import dsn_of
from resolvers.events.log import lock_log

pytestmark = pytest.mark.anyio

# Longer than any ring takes: a wait that ends by this patience has a count that did not change.
LONG = 30.0


def event_signal_of(database: Database, patience: float = LONG) -> EventSignal:
    if database.is_sqlite:
        return SqliteEventSignal(str(database.url.database), interval=0.005, patience=patience)
    return PostgresEventSignal(dsn_of(database.url), patience=patience)


@pytest.fixture
async def event_signal(database: Database) -> AsyncIterator[EventSignal]:
    """Give a bell as another process has it, which listens."""
    made = event_signal_of(database)
    assert await made.wait(made.count) > 0
    yield made
    await made.close()


async def append(database: Database, *, commit: bool = True) -> None:
    """Write, in a transaction, what a write with an event does."""
    async with database.engine.connect() as connection, connection.begin() as transaction:
        await lock_log(connection.dialect.name, connection.execute)
        counted = "INSERT INTO day_counters VALUES ('20260101', 1) ON CONFLICT (day) DO UPDATE"
        await connection.execute(text(f"{counted} SET value = day_counters.value + 1"))
        if not commit:
            await transaction.rollback()


async def test_a_commit_elsewhere_wakes_everybody_who_waits(
    event_signal: EventSignal, database: Database
) -> None:
    seen = event_signal.count
    waiting = [asyncio.create_task(event_signal.wait(seen)) for _ in range(20)]
    await asyncio.sleep(0)
    assert not any(task.done() for task in waiting)

    await append(database)
    assert all(count > seen for count in await asyncio.gather(*waiting))


async def test_what_was_appended_before_the_wait_is_not_missed(
    event_signal: EventSignal, database: Database
) -> None:
    for _ in range(5):
        seen = event_signal.count
        await append(database)
        assert await event_signal.wait(seen) > seen


async def test_those_who_wait_first_look_again_once_it_is_listened(database: Database) -> None:
    event_signal = event_signal_of(database)
    seen = event_signal.count
    # Between the reading and the waiting, when nobody listens yet.
    await append(database)
    assert await event_signal.wait(seen) > seen
    await event_signal.close()


async def test_what_is_rolled_back_wakes_nobody(
    event_signal: EventSignal, database: Database
) -> None:
    seen = event_signal.count
    await append(database, commit=False)
    waiting = asyncio.create_task(event_signal.wait(seen))
    await append(database)
    assert await waiting == seen + 1


async def test_patience_ends_a_wait_without_a_ring(database: Database) -> None:
    event_signal = event_signal_of(database, patience=0.01)
    async with asyncio.timeout(LONG):
        # It rings once when it begins to listen.
        while not (seen := event_signal.count):
            await event_signal.wait(seen)
        assert await event_signal.wait(seen) == seen
    await event_signal.close()


async def test_a_commit_of_this_process_rings_at_once_on_sqlite(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    seen = database.event_signal.count
    async with database.transaction():
        pass
    assert database.event_signal.count == seen + 1
    await database.close()


async def test_nothing_listens_until_somebody_waits(database: Database) -> None:
    await append(database)
    assert not database.event_signal.is_listening
    seen = database.event_signal.count
    assert await database.event_signal.wait(seen) > seen
    assert database.event_signal.is_listening


async def test_sqlite_is_left_alone_while_nobody_waits(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    connect = sqlite3.connect

    def watched(*given: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*given, **options)
        connection.set_trace_callback(asked.append)
        return connection

    monkeypatch.setattr(sqlite3, "connect", watched)
    event_signal = SqliteEventSignal(
        sqlite_url.removeprefix("sqlite:///"), interval=0.0, patience=0.05
    )
    await event_signal.wait(event_signal.count)
    await event_signal.wait(event_signal.count)
    so_far = len(asked)
    assert so_far > 1
    for _ in range(50):
        await asyncio.sleep(0)
    await asyncio.to_thread(lambda: None)
    assert len(asked) <= so_far + 1
    await event_signal.close()


async def test_a_lost_connection_is_made_again_and_rings(postgres_url: str) -> None:
    database = Database(postgres_url)
    event_signal = PostgresEventSignal(postgres_url, patience=LONG)
    seen = await event_signal.wait(event_signal.count)
    assert seen > 0
    admin = await asyncpg.connect(postgres_url)
    listening = "FROM pg_stat_activity WHERE application_name = 'deskgraph-listen'"
    here = f"{listening} AND datname = current_database()"
    await admin.execute(f"SELECT pg_terminate_backend(pid) {here}")

    # Once because something may have happened in between, then for what happens.
    before, seen = seen, await event_signal.wait(seen)
    assert seen > before
    await append(database)
    assert await event_signal.wait(seen) > seen
    assert await admin.fetchval(f"SELECT count(*) {here}") == 1
    await event_signal.close()
    await admin.close()
    await database.engine.dispose()


async def test_closing_wakes_who_waits_and_leaves_no_task(database: Database) -> None:
    before = asyncio.all_tasks()
    event_signal = event_signal_of(database)
    await event_signal.wait(event_signal.count)
    waiting = asyncio.create_task(event_signal.wait(event_signal.count))
    await asyncio.sleep(0)
    assert asyncio.all_tasks() - before - {waiting}
    await event_signal.close()
    async with asyncio.timeout(LONG / 2):
        await waiting
    assert not event_signal.is_listening
    assert asyncio.all_tasks() == before
