"""One follower of the event log, from a place in it to where they leave."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable
from contextlib import aclosing, suppress
from dataclasses import dataclass

from resolvers.context import Context
from resolvers.errors import AnswerTooLarge, Unavailable
from resolvers.events.subscriber import DeliveredEvent, Subscriber
from resolvers.query import binds
from resolvers.query.event_log import (
    MAX_FOLLOWED,
    MAX_FOLLOWED_BYTES,
    check_kept,
    purged_to_statement,
)
from resolvers.query.execute import Query, plan_for
from resolvers.query.shapes import Args
from resolvers.query.statements import argument_values, context_values, fetch_row
from resolvers.services import Broker, Services

# How old an event may be when it is sent, in seconds: then it is read again, and with it whether
# it may still be seen.
FRESH_SECONDS = 1.0
# How often it is checked whether a waiting follower is still logged in, in seconds.
RECHECK_SECONDS = 15.0
# How soon a follower reads again where the database was away, in seconds.
RETRY_SECONDS = 1.0

# Returns the viewer of the next events; raises ``Unauthenticated`` once there is none.
Check = Callable[[], Awaitable[Context]]


@dataclass(frozen=True)
class EventFilter:
    """What a follower asks for: a read of the root ``followed`` with its arguments.

    ``position``: the ``seq`` after which to begin; None begins with what happens from now on.
    ``whole``: begin with the oldest event that is kept, whatever was removed before it.
    ``types``: only events of these types; None for all.
    """

    read: Query
    args: tuple[Args, ...]
    key: Hashable
    position: int | None
    types: frozenset[str] | None
    whole: bool = False


async def require_kept(services: Services, position: int) -> None:
    """Raise ``CursorExpired`` if any event after a position was removed."""
    row = await fetch_row(services, purged_to_statement, purged_to_statement, {})
    check_kept(position, row[0])


async def follow(
    services: Services, check: Check, wanted: EventFilter
) -> AsyncGenerator[DeliveredEvent, None]:
    """Yield each event once, in the order of the commits, as its viewer sees it at that moment.

    Ends by what ``check`` raises, and with the feed. While the database is away, nothing is sent
    and nothing is missed. Raises ``CursorExpired`` where events were removed before they were read.
    """
    await check()
    subscriber = await services.broker.join(services, wanted.position, wanted.types)
    joined_at = services.broker.head
    try:
        while not services.broker.ended:
            pause = RECHECK_SECONDS
            subscriber.woken.clear()
            try:
                context = await check()
                viewer = context.require_viewer()
                subscriber.company_id = str(viewer.company_id) if viewer.is_customer else None
                if subscriber.position < services.broker.head:
                    read = _read(services.broker, context, subscriber, wanted)
                    async with aclosing(read) as events:
                        async for event in events:
                            # What was missed before is as old as the client was away.
                            if event.seq > joined_at:
                                services.instruments.delivered(event.at)
                            yield event
                    continue
            except Unavailable:
                pause = RETRY_SECONDS
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await subscriber.woken.wait()
    finally:
        services.broker.leave(subscriber)


async def _read(
    broker: Broker, context: Context, subscriber: Subscriber, wanted: EventFilter
) -> AsyncGenerator[DeliveredEvent, None]:
    """Yield the next events, as long as they are fresh, and move the follower on."""
    since = subscriber.position
    values = {binds.of_root(binds.SEQ): since, **argument_values(wanted.args)}
    plan = await plan_for(context, wanted.read, wanted.args, wanted.key)
    now = asyncio.get_running_loop().time
    until = broker.head
    while True:
        try:
            found = await broker.read(
                context.services,
                plan,
                {**context_values(context), **values, binds.of_root(binds.UNTIL): until},
            )
            break
        except AnswerTooLarge:
            # Lists inside the events count for no limit of a page: fewer events may fit.
            if until - subscriber.position <= 1:
                raise
            until = (subscriber.position + until) // 2
    if since > 0 or not wanted.whole:
        check_kept(since, found.purged_to)
    stale = now() + FRESH_SECONDS
    for event in found.events:
        subscriber.position = event.seq
        yield event
        if now() > stale:
            return
    size = sum(event.size for event in found.events)
    if len(found.events) < MAX_FOLLOWED and size < MAX_FOLLOWED_BYTES:
        # It has been read to the end: by neither limit was anything left for later.
        subscriber.position = max(subscriber.position, until)
