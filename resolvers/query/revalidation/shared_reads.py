"""One statement for all who ask for the same thing at the same time."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

Found = TypeVar("Found")


class SharedReads(Generic[Found]):
    """Reads by key, each of which begins after all calls that it answers.

    Calls that come while one runs share the next one: none is answered with what was read before it
    came. There are as many keys as there are calls that wait.
    """

    def __init__(self) -> None:
        self._running: dict[Hashable, asyncio.Task[Found]] = {}
        self._next: dict[Hashable, asyncio.Task[Found]] = {}

    async def get(self, key: Hashable, read: Callable[[], Awaitable[Found]]) -> Found:
        """Return what is read for a key after this call; raises what ``read`` raises."""
        task = self._next.get(key)
        if task is None:
            running = self._running.get(key)
            task = self._next[key] = asyncio.create_task(self._take(key, read, running))
            # Perhaps nobody is left to be told of a failure.
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
        # One of those who wait for it may leave.
        return await asyncio.shield(task)

    async def _take(
        self,
        key: Hashable,
        read: Callable[[], Awaitable[Found]],
        before: "asyncio.Task[Found] | None",
    ) -> Found:
        if before is not None:
            await asyncio.wait([before])
        # Those who come from here on need a later one.
        self._running[key] = self._next.pop(key)
        try:
            return await read()
        finally:
            del self._running[key]
