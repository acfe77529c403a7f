"""Time limits: a block ends when its time is up, and whatever else is cancelled stays so."""

import asyncio

import pytest

from resolvers.time_limits import SharedTimer, TimeLimit

pytestmark = pytest.mark.anyio
LONG = 60


async def test_a_block_ends_when_its_time_is_up() -> None:
    task = asyncio.current_task()
    assert task is not None
    with pytest.raises(TimeoutError), TimeLimit(SharedTimer(), 0):
        await asyncio.Event().wait()
    assert task.cancelling() == 0


async def test_a_short_limit_ends_before_a_long_one_that_began_earlier() -> None:
    timer = SharedTimer()
    with TimeLimit(timer, LONG), pytest.raises(TimeoutError), TimeLimit(timer, 0):
        await asyncio.Event().wait()


async def test_each_limit_has_its_own_time() -> None:
    timer = SharedTimer()
    ended: list[int] = []

    async def wait(number: int, seconds: float) -> None:
        try:
            with TimeLimit(timer, seconds):
                await asyncio.Event().wait()
        except TimeoutError:
            ended.append(number)

    await asyncio.gather(wait(3, 0.03), wait(1, 0.01), wait(2, 0.02))
    assert ended == [1, 2, 3]


async def test_what_is_done_in_time_is_not_cancelled() -> None:
    timer = SharedTimer()
    with TimeLimit(timer, 0.01):
        pass
    with pytest.raises(TimeoutError), TimeLimit(timer, 0.02):
        await asyncio.Event().wait()


async def test_a_cancellation_by_somebody_else_stays_one() -> None:
    begun = asyncio.Event()

    async def wait(seconds: float) -> None:
        with TimeLimit(SharedTimer(), seconds):
            begun.set()
            await asyncio.Event().wait()

    task = asyncio.ensure_future(wait(LONG))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelling() == 1


async def test_a_cancellation_beside_the_end_of_the_time_stays_one() -> None:
    async def wait() -> None:
        with TimeLimit(SharedTimer(), 0):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                this = asyncio.current_task()
                assert this is not None
                this.cancel()
                raise

    task = asyncio.ensure_future(wait())
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_error_of_a_block_goes_on() -> None:
    with pytest.raises(ZeroDivisionError), TimeLimit(SharedTimer(), LONG):
        raise ZeroDivisionError


def test_one_timer_serves_loop_after_loop() -> None:
    timer = SharedTimer()

    async def leave() -> None:
        timer.start(lambda: None, LONG)

    async def wait() -> None:
        rung = asyncio.Event()
        timer.start(rung.set, 0.01)
        await rung.wait()

    asyncio.run(leave())
    asyncio.run(asyncio.wait_for(wait(), LONG))
