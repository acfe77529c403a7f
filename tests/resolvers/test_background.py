"""Work beside the event loop: one piece at a time, users in turn, and the loop goes on."""

import asyncio
import gc
from collections.abc import AsyncIterator
from threading import Event

import pytest

from resolvers.background import Compiler

pytestmark = pytest.mark.anyio


class Work:
    """Pieces of work that wait for a signal, and what became of them."""

    def __init__(self) -> None:
        self.compiler = Compiler()
        self.go_on = Event()
        self.begun = asyncio.Event()
        self.order: list[str] = []
        self.kept: dict[str, str] = {}
        self._loop = asyncio.get_running_loop()

    def start(self, user: str, name: str) -> "asyncio.Task[str]":
        def work() -> str:
            self._loop.call_soon_threadsafe(self.begun.set)
            self.go_on.wait(30)
            self.order.append(name)
            return name

        def known() -> str | None:
            return self.kept.get(name)

        def keep(found: str) -> None:
            self.kept[found] = found

        return asyncio.create_task(self.compiler.run(user, known, work, keep))


@pytest.fixture
async def work() -> AsyncIterator[Work]:
    made = Work()
    yield made
    made.go_on.set()


async def test_a_user_who_asks_for_much_waits_behind_others(work: Work) -> None:
    greedy = [work.start("greedy", f"g{n}") for n in range(4)]
    # The loop goes on while the first piece is worked on.
    await work.begun.wait()
    others = [work.start("a", "a"), work.start("b", "b")]
    await asyncio.sleep(0)
    work.go_on.set()
    assert await asyncio.gather(*greedy, *others) == ["g0", "g1", "g2", "g3", "a", "b"]
    assert work.order == ["g0", "a", "b", "g1", "g2", "g3"]


async def test_what_is_known_by_ones_turn_is_not_done_again(work: Work) -> None:
    asked = [work.start(user, "same") for user in "abca"]
    await work.begun.wait()
    work.go_on.set()
    assert await asyncio.gather(*asked) == ["same"] * 4
    assert work.order == ["same"]


async def test_who_leaves_has_the_work_done_that_was_begun_and_no_other(work: Work) -> None:
    begun, waiting, other = (work.start("a", "1"), work.start("a", "2"), work.start("b", "3"))
    await work.begun.wait()
    begun.cancel()
    waiting.cancel()
    await asyncio.wait([waiting])
    work.go_on.set()
    assert await other == "3"
    assert begun.cancelled() or (await asyncio.wait([begun]))
    assert work.order == ["1", "3"]
    assert work.kept == {"1": "1", "3": "3"}


async def test_who_leaves_and_asks_again_waits_behind_others(work: Work) -> None:
    """A piece of work that was begun is the user's turn until it is done."""
    left = work.start("a", "1")
    await work.begun.wait()
    left.cancel()
    await asyncio.sleep(0)
    again, other = work.start("a", "2"), work.start("b", "3")
    await asyncio.sleep(0)
    work.go_on.set()
    assert (await again, await other) == ("2", "3")
    assert work.order == ["1", "3", "2"]
    assert left.cancelled()


async def test_nothing_is_kept_of_users_without_work(work: Work) -> None:
    def locks() -> int:
        gc.collect()
        return sum(isinstance(found, asyncio.Lock) for found in gc.get_objects())

    work.go_on.set()
    await work.start("a", "first")
    before = locks()
    await asyncio.gather(*(work.start(f"user {n % 10}", f"{n}") for n in range(20)))
    # What an earlier test left may go meanwhile.
    assert locks() <= before


async def test_work_that_fails_is_not_kept_and_stops_nobody(work: Work) -> None:
    def fail() -> str:
        raise LookupError

    work.go_on.set()
    with pytest.raises(LookupError):
        await work.compiler.run("a", lambda: None, fail, lambda found: None)
    assert await work.start("a", "next") == "next"
    assert work.kept == {"next": "next"}
