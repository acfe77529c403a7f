"""A connection in a thread of its own: calls that are cancelled, and how it is closed."""

import asyncio
import sqlite3
import threading
from pathlib import Path

import pytest

from deskgraph.database.sqlite.thread import sqlite_thread
from tests.support.processes.launcher import DEADLINE_SECONDS

pytestmark = pytest.mark.anyio


class Slow:
    """A statement that goes on until it is told to end."""

    def __init__(self) -> None:
        self.begun, self.may_end, self.closed = (threading.Event() for _ in range(3))
        self.after: list[object] = []

    def connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(":memory:", factory=self._factory())
        connection.create_function("wait", 0, self._wait)
        return connection

    def run(self, connection: sqlite3.Connection) -> None:
        connection.execute("SELECT wait()")
        self.after.append(connection.execute("SELECT 1").fetchone()[0])

    def _wait(self) -> None:
        self.begun.set()
        self.may_end.wait(DEADLINE_SECONDS)

    def _factory(self) -> type[sqlite3.Connection]:
        closed = self.closed

        class Connection(sqlite3.Connection):
            def close(self) -> None:
                super().close()
                closed.set()

        return Connection


async def test_a_call_that_is_cancelled_ends_before_the_connection_is_closed() -> None:
    slow = Slow()

    async def work() -> None:
        async with sqlite_thread(slow.connect) as thread:
            await thread.run(slow.run)

    working = asyncio.create_task(work())
    await asyncio.to_thread(slow.begun.wait, DEADLINE_SECONDS)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert not slow.closed.is_set()

    slow.may_end.set()
    assert await asyncio.to_thread(slow.closed.wait, DEADLINE_SECONDS)
    assert slow.after == [1]


async def test_calls_run_one_after_the_other() -> None:
    slow = Slow()
    async with sqlite_thread(slow.connect) as thread:
        first = asyncio.create_task(thread.run(slow.run))
        await asyncio.to_thread(slow.begun.wait, DEADLINE_SECONDS)
        second = asyncio.create_task(thread.run(lambda _: slow.after.append("second")))
        slow.may_end.set()
        await asyncio.gather(first, second)
    assert slow.after == [1, "second"]


async def test_what_connecting_raises_is_raised(tmp_path: Path) -> None:
    missing = f"file:{tmp_path / 'none.db'}?mode=ro"
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        async with sqlite_thread(lambda: sqlite3.connect(missing, uri=True)):
            pass


async def test_a_connection_that_comes_too_late_is_closed() -> None:
    slow, may_connect = Slow(), threading.Event()

    def connect() -> sqlite3.Connection:
        slow.begun.set()
        may_connect.wait(DEADLINE_SECONDS)
        return slow.connect()

    async def work() -> None:
        async with sqlite_thread(connect):
            pass

    working = asyncio.create_task(work())
    await asyncio.to_thread(slow.begun.wait, DEADLINE_SECONDS)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    may_connect.set()
    assert await asyncio.to_thread(slow.closed.wait, DEADLINE_SECONDS)
