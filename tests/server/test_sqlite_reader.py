"""Reads on SQLite: quick ones queue for one connection, slow ones are passed by."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Event

import pytest

from server import lanes
from server.readers import SqliteReader

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def opened(path: Path, hold: Callable[[object], object]) -> AsyncIterator[SqliteReader]:
    """Open a reader whose SQL function ``hold`` is the one given."""
    reader = SqliteReader(str(path / "desk.db"), {"hold": hold}, None, 10**6)
    await reader.open()
    try:
        yield reader
    finally:
        await reader.close()


async def test_a_slow_read_is_passed_by(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "SLOW", -1.0)
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
