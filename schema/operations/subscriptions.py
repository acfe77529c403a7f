"""What can be followed."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Annotated

import orjson
import strawberry

from resolvers.errors import Unauthenticated
from resolvers.events.subscriber import DeliveredEvent
from resolvers.events.subscription import EventFilter, follow, require_kept
from resolvers.query.catalog import BY_COMMIT, EVENT
from resolvers.query.cursors import decode_cursor
from resolvers.query.execute import QueryRoot
from schema.execution.context import CoreInfo, GraphContext
from schema.execution.engine import EventResult
from schema.operations.bulk_jobs.progress import BulkJobSubscription
from schema.operations.roots import not_streamed
from schema.projection.resolve import planned
from schema.types.connections import FilterArg
from schema.types.enums import TicketEventType
from schema.types.events import EventsAfterArg
from schema.types.objects import TicketEvent
from schema.types.projected import Root, projected


async def _follow(
    _root: object,
    info: CoreInfo,
    after: str | None = None,
    types: Sequence[object] | None = None,
    **_: object,
) -> AsyncGenerator[EventResult, None]:
    """Return the events with their finished JSON; they end when the token is no longer valid.

    Raises at once what is wrong with the arguments, and ``Unauthenticated``.
    """
    context = info.context
    services = (await context.refreshed()).services
    context.resolver_context.require_viewer()
    template, args = planned(info, QueryRoot.FOLLOWED)
    after = context.resumes_after or after
    position = 0 if after == "" else None
    if after:
        position = int(str(decode_cursor(after, EVENT, BY_COMMIT, services.signer)[0]))
        await require_kept(services, position)
    wanted = EventFilter(
        template.read,
        tuple(args),
        template,
        position,
        None if types is None else frozenset(str(one) for one in types),
        whole=after == "",
    )
    return _finished(context, str(info.path.key), follow(services, context.refreshed, wanted))


async def _finished(
    context: GraphContext, key: str, events: AsyncGenerator[DeliveredEvent, None]
) -> AsyncGenerator[EventResult, None]:
    try:
        async with aclosing(events):
            async for event in events:
                data: dict[str, object] = {key: orjson.Fragment(event.json)}
                yield EventResult(data=data, errors=None, cursor=event.cursor)
    except Unauthenticated:
        # The transport breaks the stream off, so that its client comes again with a new token;
        # an error would be the end of it.
        if not context.bad_token:
            raise


@strawberry.type(description="Everything that can be followed, over WebSockets or SSE.")
class Subscription(BulkJobSubscription):
    """All of it needs a login."""

    @projected(
        "What happens to the tickets that the viewer may see, each event once and in order: first "
        "what was missed since `after`, or nothing if it is absent, then what happens from now on.",
        Root(not_streamed, subscribe=_follow),
    )
    def ticket_events(
        self,
        after: EventsAfterArg = None,
        filter: FilterArg = None,
        types: Annotated[
            list[TicketEventType] | None,
            strawberry.argument(description="Only events of these types; all of them if absent."),
        ] = None,
    ) -> TicketEvent:
        raise NotImplementedError
