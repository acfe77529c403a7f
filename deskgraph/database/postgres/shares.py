"""Limits how much of a fixed number, such as connections, one user holds."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Shares:
    """Counts what each user holds; one who holds all that a user may waits for some of it."""

    def __init__(self, most: int) -> None:
        """Take how much one user may hold."""
        self._most = most
        # By user: what may still be taken, and how many hold or wait.
        self._users: dict[str, tuple[asyncio.Semaphore, int]] = {}

    @asynccontextmanager
    async def of(self, user: str | None) -> AsyncIterator[None]:
        """Hold one; without a user, it is the server's own."""
        if user is None:
            yield
            return
        free, holding = self._users.get(user) or (asyncio.Semaphore(self._most), 0)
        self._users[user] = (free, holding + 1)
        try:
            async with free:
                yield
        finally:
            _, holding = self._users.pop(user)
            if holding > 1:
                self._users[user] = (free, holding - 1)
