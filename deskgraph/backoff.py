"""Waiting between attempts that fail: twice as long each time."""

import asyncio


class Backoff:
    """The waits of one loop that tries again until it succeeds."""

    def __init__(self, first_seconds: float, max_seconds: float) -> None:
        self._first = self._next = first_seconds
        self._max = max_seconds

    async def wait(self) -> None:
        """Wait after a failure."""
        seconds, self._next = self._next, min(2 * self._next, self._max)
        await asyncio.sleep(seconds)

    def reset(self) -> None:
        """Begin with the first wait again, after a success."""
        self._next = self._first
