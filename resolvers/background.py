"""Work that keeps the interpreter busy for long, beside the event loop: documents and plans."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


class Compiler:
    """A thread that does one piece of work at a time, users in turn.

    A user who asks for much waits for the earlier pieces; others wait for one piece of each user at
    most. The interpreter switches from the thread to the event loop every few milliseconds.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "compiler")
        self._free = asyncio.Lock()
        # A lock and how many wait for it, for each user who has work to be done.
        self._turns: dict[str, tuple[asyncio.Lock, int]] = {}

    async def run(
        self,
        user: str,
        known: Callable[[], T | None],
        work: Callable[[], T],
        keep: Callable[[T], None],
    ) -> T:
        """Return what is known by the user's turn, or else what the work returns.

        That is kept also where the user has left by then: work that has begun cannot be stopped.
        """
        turn, waiting = self._turns.get(user, (asyncio.Lock(), 0))
        self._turns[user] = (turn, waiting + 1)
        try:
            async with turn, self._free:
                found = known()
                return await self._done(work, keep) if found is None else found
        finally:
            turn, waiting = self._turns.pop(user)
            if waiting > 1:
                self._turns[user] = (turn, waiting - 1)

    async def _done(self, work: Callable[[], T], keep: Callable[[T], None]) -> T:
        def ended(done: "asyncio.Future[T]") -> None:
            if done.exception() is None:
                keep(done.result())

        done = asyncio.get_running_loop().run_in_executor(self._thread, work)
        done.add_done_callback(ended)
        try:
            return await asyncio.shield(done)
        except asyncio.CancelledError:
            # The user's turn lasts as long as the work.
            with suppress(Exception):
                await done
            raise
