"""The users of the last seconds, so that a request need not read its user again."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from resolvers.viewer import Viewer

# A session that ended is over within five seconds: so long a user is not looked up again.
VIEWER_LIFETIME = timedelta(seconds=4)
MAX_VIEWERS = 10_000

Read = Callable[[UUID], Coroutine[None, None, "Account"]]


@dataclass(frozen=True, slots=True)
class Account:
    """An active user, and since when their tokens are good."""

    viewer: Viewer
    tokens_not_before: datetime | None


class Viewers:
    """The users seen in the last seconds, so that a request need not ask for its user again."""

    def __init__(self) -> None:
        self._seen: dict[UUID, tuple[datetime, Account]] = {}
        self._asked: dict[UUID, asyncio.Task[Account]] = {}

    def get(self, user_id: UUID, now: datetime) -> Account | None:
        """Return a user who was looked up a moment ago."""
        seen = self._seen.get(user_id)
        if seen is None or not seen[0] <= now < seen[0] + VIEWER_LIFETIME:
            return None
        return seen[1]

    def put(self, account: Account, now: datetime) -> None:
        """Remember a user for a moment."""
        if len(self._seen) >= MAX_VIEWERS:
            self._seen.clear()
        self._seen[account.viewer.id] = (now, account)

    def forget(self, user_id: UUID) -> None:
        """Look a user up again at the next request: what they are has changed."""
        self._seen.pop(user_id, None)
        self._asked.pop(user_id, None)

    def forget_all(self) -> None:
        """Forget all users, so that the next request of each looks it up."""
        self._seen.clear()
        self._asked.clear()

    async def look_up(self, user_id: UUID, now: datetime, read: Read) -> Account:
        """Read a user once for all requests that need it at a time; raises what ``read`` raises.

        Hundreds of subscriptions of one user look at the same moment.
        """
        asked = self._asked.get(user_id)
        if asked is None:
            asked = self._asked[user_id] = asyncio.create_task(read(user_id))
            asked.add_done_callback(lambda done: self._answered(user_id, done, now))
        # One of those who wait for it may leave.
        return await asyncio.shield(asked)

    def _answered(self, user_id: UUID, asked: "asyncio.Task[Account]", now: datetime) -> None:
        # Perhaps nobody is left to be told of a failure.
        failed = asked.cancelled() or asked.exception() is not None
        if self._asked.get(user_id) is not asked:
            # Forgotten meanwhile: what was read may be of before the change.
            return
        del self._asked[user_id]
        if not failed:
            self.put(asked.result(), now)
