"""One lane: a statement runs once or never, ends when nobody waits for it, and is slow in time."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from deskgraph.database.sqlite import reader_thread as sqlite_reader_thread
from deskgraph.database.sqlite.reader_thread import SqliteReaderThread, Statement

pytestmark = pytest.mark.anyio

LONG = 1000.0
ENDLESS = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT tick(n) FROM c) SELECT max(n) FROM c"


class Connection(sqlite3.Connection):
    """One that does not hear some interruptions, and waits before it closes where that is set."""

    deaf = 0
    waits: threading.Event | None = None
    closed = False

    def interrupt(self) -> None:
        if self.deaf:
            self.deaf -= 1
        else:
            super().interrupt()

    def close(self) -> None:
        if self.waits is not None:
            self.waits.wait(30)
        super().close()
        self.closed = True


class Holding:
    """A lane whose statements wait until they are let go, and what has begun on it."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self._begun = threading.Semaphore(0)
        self._may_go = threading.Semaphore(0)
        self._is_over = False
        self.connection = sqlite3.connect(
            ":memory:", factory=Connection, isolation_level=None, check_same_thread=False
        )
        self.connection.create_function("hold", 1, self._hold)
        self.connection.create_function("tick", 1, self._tick)
        self.changes = 0
        self.reader_thread = SqliteReaderThread(lambda: self.connection, self._count_change)

    def let_go(self, statements: int = 1) -> None:
        """Let so many that are held go on."""
        self._may_go.release(statements)

    async def begins(self) -> None:
        """Wait until one more statement has begun."""
        assert await asyncio.to_thread(self._begun.acquire, timeout=20)

    def end(self) -> None:
        """Let everything go on."""
        self._is_over = True
        self.let_go(100)

    def _count_change(self, reader_thread: SqliteReaderThread) -> None:
        assert reader_thread is self.reader_thread
        self.changes += 1

    def _hold(self, value: int) -> int:
        self.begun.append(value)
        self._begun.release()
        self._may_go.acquire(timeout=30)
        return value

    def _tick(self, value: int) -> int:
        if value == 1:
            self._begun.release()
        if self._is_over:
            raise RuntimeError
        return value + 1


@asynccontextmanager
async def opened() -> AsyncIterator[Holding]:
    made = Holding()
    await made.reader_thread.open()
    try:
        yield made
    finally:
        made.end()
        await made.reader_thread.close()


async def test_a_statement_that_did_not_hear_is_interrupted_again() -> None:
    """SQLite forgets an interruption that comes before the first step."""
    async with opened() as one:
        one.connection.deaf = 2
        running = asyncio.create_task(one.reader_thread.fetch_row(ENDLESS, []))
        await one.begins()
        running.cancel()
        assert await asyncio.wait_for(one.reader_thread.fetch_row("SELECT 2", []), 20) == (2,)
        assert one.connection.deaf == 0


async def test_what_is_taken_back_runs_where_it_is_put_next_and_once() -> None:
    async with opened() as one, opened() as other:
        statements = [Statement("SELECT hold(?)", [n]) for n in range(4)]
        for statement in statements:
            one.reader_thread.put(statement)
        await one.begins()
        assert one.reader_thread.take_back() == statements[1:]
        assert one.reader_thread.waiting == 1
        one.reader_thread.put(statements[1])
        other.reader_thread.put(statements[2])
        one.end()
        other.end()
        assert [await each.row() for each in statements[:3]] == [(0,), (1,), (2,)]
        # Whatever their queues still held has come before this.
        for reader_thread in (one.reader_thread, other.reader_thread):
            assert await reader_thread.fetch_row("SELECT 3", []) == (3,)
        assert (one.begun, other.begun) == ([0, 1], [2])
        assert not statements[3].rows.done()


class MonotonicClock:
    """The monotonic clock, which can be moved ahead."""

    def __init__(self) -> None:
        self.passed = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.passed


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> MonotonicClock:
    made = MonotonicClock()
    monkeypatch.setattr(sqlite_reader_thread, "SLOW_SECONDS", LONG)
    monkeypatch.setattr(sqlite_reader_thread, "monotonic", made)
    return made


async def test_a_lane_tells_when_a_slow_statement_has_ended(clock: MonotonicClock) -> None:
    async with opened() as one:
        held = [
            asyncio.create_task(one.reader_thread.fetch_row("SELECT hold(?)", [n]))
            for n in range(3)
        ]
        await one.begins()
        assert one.reader_thread.waiting == 3
        # Who leaves before their turn does not count.
        held[1].cancel()
        await asyncio.wait([held[1]])
        assert one.reader_thread.waiting == 2
        one.let_go()
        await held[0]
        await one.begins()
        assert (one.reader_thread.waiting, one.changes) == (1, 0)
        clock.passed += LONG
        one.let_go()
        await held[2]
        # It tells right after the answer.
        await asyncio.sleep(0)
        assert (one.reader_thread.waiting, one.changes, one.begun) == (0, 1, [0, 2])


async def test_a_statement_is_slow_by_its_own_time(clock: MonotonicClock) -> None:
    async with opened() as one:
        clock.passed += LONG
        assert not one.reader_thread.is_slow()
        held = [
            asyncio.create_task(one.reader_thread.fetch_row("SELECT hold(?)", [n]))
            for n in range(2)
        ]
        await one.begins()
        assert not one.reader_thread.is_slow()
        clock.passed += LONG
        assert one.reader_thread.is_slow()
        one.let_go()
        await held[0]
        await one.begins()
        # The other one has waited for as long, and not run.
        assert not one.reader_thread.is_slow()
        one.let_go()
        await held[1]
        # Nothing runs any more.
        clock.passed += LONG
        assert (one.reader_thread.is_slow(), one.reader_thread.waiting) == (False, 0)


async def test_what_connecting_raises_is_raised() -> None:
    def connect() -> sqlite3.Connection:
        raise sqlite3.OperationalError("no such place")

    with pytest.raises(sqlite3.OperationalError, match="no such place"):
        await asyncio.wait_for(SqliteReaderThread(connect).open(), 20)


async def test_closing_waits_until_the_connection_is_closed() -> None:
    one = Holding()
    await one.reader_thread.open()
    one.connection.waits = threading.Event()
    closing = asyncio.create_task(one.reader_thread.close())
    try:
        for _ in range(10):
            await asyncio.sleep(0)
        assert not closing.done()
    finally:
        one.connection.waits.set()
    await asyncio.wait_for(closing, 20)
    assert one.connection.closed


async def test_a_lane_that_nobody_closes_keeps_no_process_from_ending() -> None:
    before = set(threading.enumerate())
    async with opened():
        made = set(threading.enumerate()) - before
        assert made
        assert all(thread.daemon for thread in made)
