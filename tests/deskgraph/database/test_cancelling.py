"""Statements whose task is cancelled: they stop, and those of others do not."""

import asyncio
import logging
import random
import sqlite3
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import select

from deskgraph.database import writers
from deskgraph.database.database import Database
from deskgraph.database.sqlite.group_commit import GroupCommit, Writer
from deskgraph.database.sqlite.reader_thread import SqliteReaderThread
from models import Company
from tests.support.clock import NOON
from tests.support.rows import key

pytestmark = pytest.mark.anyio

ENDLESS = """WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted)
SELECT count(*) FROM counted"""


async def cancelled(task: "asyncio.Task[object]") -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


class Counting:
    """A function of SQL that counts its calls, and tells that it was called."""

    def __init__(self) -> None:
        self.calls = 0
        # Of these, how often for a statement that is to be skipped: with a negative number.
        self.skipped = 0
        self.called = threading.Event()

    def __call__(self, value: int) -> int:
        self.calls += 1
        self.skipped += value < 0
        self.called.set()
        return value

    async def wait(self) -> None:
        """Wait until a statement that calls it is under way."""
        assert await asyncio.to_thread(self.called.wait, 20)
        self.called.clear()


@pytest.fixture
def counting() -> Counting:
    return Counting()


@pytest.fixture
async def reader_thread(
    anyio_backend: str, tmp_path: Path, counting: Counting
) -> AsyncIterator[SqliteReaderThread]:
    """Give one lane, whose SQL can count."""

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(tmp_path / "desk.db", isolation_level=None)
        connection.create_function("tick", 1, counting)
        return connection

    opened = SqliteReaderThread(connect)
    await opened.open()
    yield opened
    await opened.close()


async def test_an_interrupted_statement_makes_way_for_the_next(
    reader_thread: SqliteReaderThread, counting: Counting
) -> None:
    endless = ENDLESS.replace("n + 1", "tick(n) + 1")
    running = asyncio.create_task(reader_thread.fetch_row(endless, []))
    await counting.wait()
    waiting = [asyncio.create_task(reader_thread.fetch_row(f"SELECT {n}", [])) for n in range(3)]
    await cancelled(running)
    assert await asyncio.gather(*waiting) == [(0,), (1,), (2,)]
    calls = counting.calls
    assert await reader_thread.fetch_row("SELECT 4", []) == (4,)
    assert (counting.calls, reader_thread.waiting) == (calls, 0)


async def test_a_read_that_leaves_the_queue_is_skipped(
    reader_thread: SqliteReaderThread, counting: Counting
) -> None:
    running = asyncio.create_task(
        reader_thread.fetch_row(ENDLESS.replace("n + 1", "tick(n) + 1"), [])
    )
    await counting.wait()
    leaving = asyncio.create_task(reader_thread.fetch_row("SELECT tick(-1)", []))
    staying = asyncio.create_task(reader_thread.fetch_row("SELECT 2", []))
    await asyncio.sleep(0)
    await cancelled(leaving)
    counting.called.clear()
    # The one that runs is not touched by that.
    await counting.wait()
    assert not running.done()
    await cancelled(running)
    assert await staying == (2,)
    assert counting.skipped == 0


async def test_an_interruption_never_meets_the_statement_of_somebody_else(
    reader_thread: SqliteReaderThread,
) -> None:
    chance = random.Random(7)
    some = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT ?) "
    for size in range(1, 300):
        reads = [
            asyncio.create_task(reader_thread.fetch_row(f"{some} SELECT count(*) FROM c", [size]))
            for _ in range(4)
        ]
        for _ in range(chance.randrange(6)):
            await asyncio.sleep(0)
        leaving = chance.sample(reads, 2)
        for read in leaving:
            read.cancel()
        answers = await asyncio.gather(*reads, return_exceptions=True)
        for read, answer in zip(reads, answers, strict=True):
            assert answer == (size,) or read in leaving


@pytest.fixture
def backend() -> str:
    """Take SQLite; what happens on PostgreSQL is seen through the whole server."""
    return "sqlite"


async def names(database: Database) -> list[str]:
    async with database.transaction() as session:
        return list((await session.exec(select(Company.name))).all())


async def write(database: Database, name: str) -> None:
    async with database.transaction() as session:
        session.add(Company(id=key(name), name=name, created_at=NOON, updated_at=NOON))


async def test_a_writer_can_leave_while_another_process_has_the_lock(database: Database) -> None:
    other = sqlite3.connect(str(database.url.database), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    writing = asyncio.create_task(write(database, "left"))
    queued = asyncio.create_task(write(database, "queued"))
    async with asyncio.timeout(60):
        while not database.engine.pool.checkedout():  # type: ignore[attr-defined]  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        await cancelled(queued)
        # Long before the other one is done, which it never is.
        await cancelled(writing)
    other.execute("ROLLBACK")
    other.close()
    await write(database, "next")
    assert await names(database) == ["next"]


async def test_a_writer_waits_for_another_process(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writers, "SLICE_MILLISECONDS", 10)
    begin, begun = GroupCommit.begin, []

    async def counted(group: GroupCommit, writer: Writer) -> None:
        begun.append(writer)
        await begin(group, writer)

    monkeypatch.setattr(GroupCommit, "begin", counted)
    other = sqlite3.connect(str(database.url.database), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    writing = asyncio.create_task(write(database, "patient"))
    async with asyncio.timeout(60):
        while len(begun) < 3:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    assert not writing.done()
    other.execute("COMMIT")
    other.close()
    await writing
    assert await names(database) == ["patient"]


async def test_a_writer_that_is_cancelled_twice_leaves_nothing_either(database: Database) -> None:
    threads, before = threading.active_count(), asyncio.all_tasks()
    # Held here, so that one that is left over is not collected unseen.
    tasks: set[asyncio.Task[object]] = set()
    endless = f"INSERT INTO day_counters (day, value) SELECT 'x', ({ENDLESS})"

    async def hang() -> None:
        async with database.transaction() as session:
            session.add(Company(id=key("a"), name="lost", created_at=NOON, updated_at=NOON))
            await session.flush()
            await (await session.connection()).execute(text(endless))

    # At first while the connection is opened, then during the statement.
    for moment in (*range(20), *range(20), 40, 40):
        writing = asyncio.create_task(hang())
        await asyncio.wait([writing], timeout=moment / 2000)
        writing.cancel()
        await asyncio.sleep(0)
        tasks |= asyncio.all_tasks() - before
        await cancelled(writing)
    await write(database, "next")
    assert await names(database) == ["next"]
    async with asyncio.timeout(60):
        while threading.active_count() > threads + 1 or not all(one.done() for one in tasks):  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def test_what_is_being_committed_is_committed(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """A task that is cancelled during the commit hears of it when the commit is done."""
    committing = asyncio.Event()

    async def work(name: str) -> None:
        async with database.transaction() as session:
            session.add(Company(id=key(name), name=name, created_at=NOON, updated_at=NOON))
            commit = session.commit

            async def noticed() -> None:
                committing.set()
                await commit()

            session.commit = noticed  # type: ignore[method-assign]

    for moment in range(20):
        committing.clear()
        writing = asyncio.create_task(work(f"{moment:02}"))
        await committing.wait()
        for _ in range(moment):
            await asyncio.sleep(0.0002)
        writing.cancel()
        await asyncio.wait([writing])
    assert sorted(await names(database)) == [f"{moment:02}" for moment in range(20)]
    assert [one for one in caplog.records if one.levelno >= logging.WARNING] == []
