"""Reads on SQLite: quick ones queue for one connection, slow ones are passed by."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Event, Semaphore

import pytest

from deskgraph.database.readers import SQLITE_READERS, SqliteReader
from deskgraph.database.sqlite import reader_thread as sqlite_reader_thread
from resolvers.services import Instruments

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def opened(path: Path, hold: Callable[[object], object]) -> AsyncIterator[SqliteReader]:
    """Open a reader whose SQL function ``hold`` is the one given."""
    reader = SqliteReader(str(path / "desk.db"), {"hold": hold}, None, 10**6, Instruments())
    await reader.open()
    try:
        yield reader
    finally:
        await reader.close()


async def test_a_slow_read_is_passed_by(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_reader_thread, "SLOW_SECONDS", -1.0)
    go_on = Event()
    async with opened(tmp_path, lambda _: go_on.wait(30)) as reader:
        slow = asyncio.create_task(reader.fetch_row("SELECT hold(1)", []))
        await asyncio.sleep(0)
        try:
            assert await asyncio.wait_for(reader.fetch_row("SELECT 2", []), 20) == (2,)
            assert not slow.done()
        finally:
            go_on.set()
        assert await slow == (1,)


class Holds:
    """An SQL function that waits for a signal, and counts those that wait."""

    def __init__(self) -> None:
        self.go_on = Event()
        self.begun: list[object] = []
        self._counted = Semaphore(0)

    async def count(self, calls: int) -> None:
        """Wait for so many more calls."""
        for _ in range(calls):
            assert await asyncio.to_thread(self._counted.acquire, timeout=20)

    def __call__(self, value: object) -> object:
        self.begun.append(value)
        self._counted.release()
        self.go_on.wait(30)
        return value


@pytest.fixture
def holds() -> Iterator[Holds]:
    made = Holds()
    yield made
    made.go_on.set()


async def test_what_waits_behind_a_slow_read_is_let_past_it(tmp_path: Path, holds: Holds) -> None:
    async with opened(tmp_path, holds) as reader:
        slow = asyncio.create_task(reader.fetch_row("SELECT hold(1)", []))
        behind = [reader.fetch_row(f"SELECT {n}", []) for n in range(5)]
        assert await asyncio.wait_for(asyncio.gather(*behind), 20) == [(n,) for n in range(5)]
        assert not slow.done()
        holds.go_on.set()
        assert await slow == (1,)


async def test_no_user_holds_more_than_half_of_the_lanes(tmp_path: Path, holds: Holds) -> None:
    async with opened(tmp_path, holds) as reader:
        reads = [reader.fetch_row("SELECT hold(?)", [n], "greedy") for n in range(6)]
        held = [asyncio.create_task(read) for read in reads]
        for n in range(20):
            read = reader.fetch_row("SELECT ?", [n], "other" if n % 2 else None)
            assert await asyncio.wait_for(read, 20) == (n,)
        await holds.count(SQLITE_READERS // 2)
        assert sorted(map(str, holds.begun)) == ["0", "1"]
        # One that leaves makes way for the user's next one.
        held[4].cancel()
        await asyncio.wait([held[4]])
        holds.go_on.set()
        answers = await asyncio.gather(*held, return_exceptions=True)
        assert [answers[n] for n in (0, 1, 2, 3, 5)] == [(n,) for n in (0, 1, 2, 3, 5)]
        assert sorted(map(str, holds.begun)) == ["0", "1", "2", "3", "5"]


async def test_users_take_turns(
    tmp_path: Path, holds: Holds, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One with many reads that wait delays the others by one of them, not by all."""
    monkeypatch.setattr(sqlite_reader_thread, "SLOW_SECONDS", 60.0)

    def read(number: int, user: str) -> "asyncio.Task[object]":
        return asyncio.create_task(reader.fetch_row("SELECT hold(?)", [number], user))

    async with opened(tmp_path, holds) as reader:
        first = read(0, "greedy")
        await holds.count(1)
        waiting = [read(number, "greedy") for number in range(1, 10)]
        waiting += [read(10, "other"), read(11, "other"), read(12, "third")]
        await asyncio.sleep(0)
        leaving = waiting.pop(0)
        leaving.cancel()
        await asyncio.wait([leaving])
        holds.go_on.set()
        await asyncio.gather(first, *waiting)
        assert holds.begun == [0, 2, 10, 12, 3, 11, 4, 5, 6, 7, 8, 9]


async def test_where_every_lane_is_held_the_first_one_that_is_free_is_taken(
    tmp_path: Path, holds: Holds
) -> None:
    async with opened(tmp_path, holds) as reader:
        held = [
            asyncio.create_task(reader.fetch_row("SELECT hold(?)", [f"{user}{n}"], user))
            for user in "ab"
            for n in range(SQLITE_READERS // 2)
        ]
        await holds.count(SQLITE_READERS)
        waiting = asyncio.create_task(reader.fetch_row("SELECT 3", [], "c"))
        leaving = asyncio.create_task(reader.fetch_row("SELECT hold(4)", [], "c"))
        await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.wait([leaving])
        assert not waiting.done()
        holds.go_on.set()
        assert await waiting == (3,)
        await asyncio.gather(*held)
        assert len(holds.begun) == SQLITE_READERS


async def test_what_waited_runs_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Whatever runs is a slow one.
    monkeypatch.setattr(sqlite_reader_thread, "SLOW_SECONDS", 0.0)
    first, later = Holds(), Holds()

    def hold(value: object) -> object:
        return (first if value == 1 else later)(value)

    async with opened(tmp_path, hold) as reader:

        def read(value: int, user: str) -> "asyncio.Task[object]":
            return asyncio.create_task(reader.fetch_row("SELECT hold(?)", [value], user))

        try:
            reads = [read(1, user) for user in "ab" for _ in range(SQLITE_READERS // 2)]
            await first.count(SQLITE_READERS)
            reads.append(read(2, "c"))
            await asyncio.sleep(0)
            first.go_on.set()
            await later.count(1)
            # Others pass it, so it was noticed to be slow; another one is noticed after that.
            reads.append(read(3, "d"))
            await later.count(1)
            for user in "efgh":
                assert await asyncio.wait_for(reader.fetch_row("SELECT 4", [], user), 20) == (4,)
        finally:
            first.go_on.set()
            later.go_on.set()
        await asyncio.gather(*reads)
    assert later.begun == [2, 3]


async def test_what_waits_goes_on_where_a_slow_read_is_given_up(
    tmp_path: Path, holds: Holds
) -> None:
    async with opened(tmp_path, holds) as reader:
        endless = "WITH RECURSIVE c(n) AS (SELECT hold(1) UNION ALL SELECT n + 1 FROM c) "
        held = [
            asyncio.create_task(reader.fetch_row(f"{endless} SELECT count(*) FROM c", [], user))
            for user in "ab"
            for _ in range(SQLITE_READERS // 2)
        ]
        await holds.count(SQLITE_READERS)
        waiting = asyncio.create_task(reader.fetch_row("SELECT 3", [], "c"))
        await asyncio.sleep(0)
        holds.go_on.set()
        held[0].cancel()
        try:
            assert await asyncio.wait_for(waiting, 20) == (3,)
            assert not any(one.done() for one in held[1:])
        finally:
            for one in held:
                one.cancel()
            await asyncio.wait(held)


async def test_slow_reads_are_passed_by_each_time(
    tmp_path: Path, holds: Holds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_reader_thread, "SLOW_SECONDS", 0.0)
    async with opened(tmp_path, holds) as reader:
        for _ in range(3):
            holds.go_on.clear()
            slow = asyncio.create_task(reader.fetch_row("SELECT hold(1)", []))
            behind = asyncio.create_task(reader.fetch_row("SELECT 2", []))
            assert await asyncio.wait_for(behind, 20) == (2,)
            holds.go_on.set()
            assert await slow == (1,)
            # The lane notices that nothing runs any more.
            for _ in range(10):
                await asyncio.sleep(0)


async def test_a_slow_read_behind_a_quick_one_is_passed_by(tmp_path: Path, holds: Holds) -> None:
    async with opened(tmp_path, holds) as reader:
        quick = reader.fetch_row("SELECT 1", [])
        slow = asyncio.create_task(reader.fetch_row("SELECT hold(2)", []))
        behind = reader.fetch_row("SELECT 3", [])
        first, last = await asyncio.wait_for(asyncio.gather(quick, behind), 20)
        assert (first, last) == ((1,), (3,))
        holds.go_on.set()
        assert await slow == (2,)


async def test_quick_reads_wait_for_each_other(tmp_path: Path) -> None:
    running, most = 0, 0

    def hold(_: object) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        running -= 1
        return most

    async with opened(tmp_path, hold) as reader:
        reads = [reader.fetch_row("SELECT hold(?)", [n]) for n in range(50)]
        assert await asyncio.gather(*reads) == [(1,)] * 50


async def test_a_read_that_fails_holds_up_no_other(tmp_path: Path) -> None:
    async with opened(tmp_path, lambda _: 1) as reader:
        with pytest.raises(Exception, match="no such table"):
            await reader.fetch_row("SELECT * FROM absent", [])
        assert await reader.fetch_row("SELECT 3", []) == (3,)
