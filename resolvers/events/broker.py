"""Following the event log: what was missed, then what happens, without a gap or a repetition.

One task of a process reads the end of the log for all subscribers (``EventBroker``). It wakes only
those that may see an event, and those with the same selection and visibility share one statement:
a thousand of them cost what one does. A slow subscriber holds a few events and reads the others
later from the log.
"""

import asyncio
import logging
from collections.abc import Hashable, Mapping
from contextlib import suppress
from contextvars import Context
from datetime import datetime

import orjson
from sqlalchemy import SelectBase, bindparam, func, select
from sqlalchemy.types import BigInteger

from models import TicketEvent, table_of
from resolvers.errors import Unavailable
from resolvers.events.subscriber import (
    CommittedEvent,
    DeliveredEvent,
    FollowedEvents,
    Subscriber,
)
from resolvers.query import binds
from resolvers.query.event_log import purged_to
from resolvers.query.plans import Plan
from resolvers.query.sql.elements import (
    JsonArray,
    JsonArrayAgg,
    JsonBool,
    JsonNumber,
    JsonWord,
    Plain,
)
from resolvers.query.statements import checked_row, fetch_row
from resolvers.services import Services

logger = logging.getLogger("deskgraph.events")

# How many events the end of the log is read by.
WINDOW = 500
# For how long followers share what one of them has read, in seconds.
SHARED_SECONDS = 1.0
# After how long the log is tried again when it could not be read, in seconds.
RETRY_SECONDS = 1.0
# Values of a statement that say when it is asked, not what for.
_MOMENT = frozenset({binds.NOW, binds.EPOCH, binds.UNDO_SINCE})

_events = table_of(TicketEvent)


class EventBroker:
    """The end of the log, read once for all followers in a process, while there are any."""

    def __init__(self) -> None:
        self.head = 0
        self._ended = asyncio.Event()
        self._subscribers: set[Subscriber] = set()
        self._tail: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self._shared: dict[Hashable, asyncio.Task[FollowedEvents]] = {}

    @property
    def subscriber_count(self) -> int:
        """How many subscribers follow the log in this process."""
        return len(self._subscribers)

    @property
    def ended(self) -> bool:
        """Whether the process is about to end."""
        return self._ended.is_set()

    async def until_ended(self) -> None:
        """Wait until the process is about to end."""
        await self._ended.wait()

    async def join(
        self, services: Services, position: int | None, types: frozenset[str] | None
    ) -> Subscriber:
        """Begin to follow after a position, or from now on."""
        async with self._starting:
            if self._tail is None or self._tail.done():
                # From here on the signal reports every event.
                seen = services.event_signal.count
                self.head = await _head(services)
                # Not as a part of the request that is the first to follow.
                self._tail = asyncio.create_task(self._run(services, seen), context=Context())
            subscriber = Subscriber(self.head if position is None else position, types)
            self._subscribers.add(subscriber)
        return subscriber

    def leave(self, subscriber: Subscriber) -> None:
        """Stop following; after the last one the log is left alone."""
        self._subscribers.discard(subscriber)
        if not self._subscribers and self._tail is not None:
            self._tail.cancel()
            self._tail = None

    def end(self) -> None:
        """Let everybody's stream end: the process is about to."""
        self._ended.set()
        for subscriber in self._subscribers:
            subscriber.woken.set()

    async def close(self) -> None:
        """Stop reading."""
        tail, self._tail = self._tail, None
        if tail is not None:
            tail.cancel()
            with suppress(asyncio.CancelledError):
                await tail

    async def _run(self, services: Services, seen: int) -> None:
        """Read the end of the log at each signal."""
        while True:
            try:
                purged, window = await _window(services, self.head)
            except Unavailable:
                # The database has logged that it is away.
                await asyncio.sleep(RETRY_SECONDS)
                continue
            except Exception:
                # Nobody misses anything: it is read from the same place again.
                logger.exception("cannot read the event log, trying again")
                await asyncio.sleep(RETRY_SECONDS)
                continue
            if window:
                before, self.head = self.head, window[-1].seq
                for subscriber in tuple(self._subscribers):
                    subscriber.notice(window, before, purged)
            if len(window) < WINDOW:
                await services.event_signal.wait(seen)
                seen = services.event_signal.count

    async def read(
        self, services: Services, plan: Plan, values: Mapping[str, object]
    ) -> FollowedEvents:
        """Return the events that a plan finds; equal reads at the same time share a statement.

        ``values`` are all of the plan's. Two reads are equal if they differ in the time only.
        """
        key = (plan.sql, *(values.get(name) for name in plan.names if name not in _MOMENT))
        task = self._shared.get(key)
        if task is None:
            task = self._shared[key] = asyncio.create_task(_read(services, plan, values))
            # Perhaps nobody is left to be told of a failure.
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
            asyncio.get_running_loop().call_later(SHARED_SECONDS, self._shared.pop, key, None)
        # One of those who wait for it may leave.
        return await asyncio.shield(task)


async def _read(services: Services, plan: Plan, values: Mapping[str, object]) -> FollowedEvents:
    row = checked_row(services, await services.database.fetch_row(plan.sql, plan.values(values)))
    events = [
        DeliveredEvent(
            item["seq"],
            item["cursor"],
            orjson.dumps(item["event"]),
            item["size"],
            datetime.fromisoformat(item["at"]),
        )
        for item in orjson.loads(row[1])
    ]
    return FollowedEvents(row[0], events)


async def _head(services: Services) -> int:
    row = await fetch_row(services, _last, _last, {})
    return int(row[0] or 0)


def _last() -> SelectBase:
    return select(func.max(_events.c.seq))


async def _window(services: Services, after: int) -> tuple[int, list[CommittedEvent]]:
    row = await fetch_row(services, _next, _next, {"after": after})
    return row[0], [CommittedEvent(*item) for item in orjson.loads(row[1])]


def _next() -> SelectBase:
    wanted = select(_events).where(_events.c.seq > bindparam("after", type_=BigInteger))
    rows = wanted.order_by(_events.c.seq).limit(WINDOW).subquery("happened")
    row = rows.c
    item = JsonArray(
        JsonNumber(row.seq),
        JsonWord(Plain(row.company_id)),
        JsonWord(row.type),
        JsonBool(row.is_internal),
    )
    return select(purged_to().label("purged_to"), JsonArrayAgg(item)).select_from(rows)
