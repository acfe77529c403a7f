"""Time limits of requests, most of which are answered long before: one timer for all of them.

A timer of the event loop for each costs as much as a tenth of a short read.
"""

import asyncio
from collections.abc import Callable
from types import TracebackType


class SharedTimer:
    """Calls functions when their time is up, by one timer of the event loop."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        # Each function with the time of the loop at which it is called.
        self._due: dict[Callable[[], None], float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._rings_at = 0.0

    def start(self, call: Callable[[], None], seconds: float) -> None:
        """Call a function once after some seconds, unless it is stopped before."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            # The first one, or what waited in a loop that has ended.
            self._loop, self._due, self._timer = loop, {}, None
        due = self._due[call] = loop.time() + seconds
        if self._timer is None or due < self._rings_at:
            self._set(loop, due)

    def stop(self, call: Callable[[], None]) -> None:
        """Do not call a function any more."""
        self._due.pop(call, None)

    def _set(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_at(due, self._ring, loop)
        self._rings_at = due

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        if loop is not self._loop:
            return
        self._timer = None
        # A loop may ring early, by less than its clock can tell.
        over = [call for call, due in self._due.items() if due <= self._rings_at]
        for call in over:
            del self._due[call]
        if self._due:
            self._set(loop, min(self._due.values()))
        for call in over:
            call()


class TimeLimit:
    """Cancels the task of a block after some seconds, as ``asyncio.timeout`` does.

    The block ends with ``TimeoutError`` then, unless somebody else cancelled the task as well.
    """

    __slots__ = ("_cancelling", "_over", "_seconds", "_task", "_timer")

    def __init__(self, timer: SharedTimer, seconds: float) -> None:
        self._timer = timer
        self._seconds = seconds
        self._over = False

    def __enter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._cancelling = task.cancelling()
        self._timer.start(self._end, self._seconds)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._timer.stop(self._end)
        if (
            self._over
            and self._task.uncancel() <= self._cancelling
            and kind is asyncio.CancelledError
        ):
            raise TimeoutError from error

    def _end(self) -> None:
        self._over = True
        self._task.cancel()
