"""What can be followed."""

from collections.abc import AsyncGenerator
from typing import Annotated, Any

import orjson
import strawberry
from graphql import GraphQLResolveInfo

from resolvers.fields import BY_COMMIT, EVENT
from resolvers.following import Wanted, follow
from resolvers.positions import open_position
from schema.choices import TicketEventType
from schema.events import EventsAfterArg, TicketEvent
from schema.projecting import planned
from schema.types import FilterArg, projected
from schema.words import answered


@strawberry.type(description="Everything that can be followed, over WebSockets or SSE.")
class Subscription:
    """All of it needs a login."""

    @answered(
        "What happens to the tickets that the viewer may see, each event once and in order: first "
        "what was missed since `after`, or nothing if it is absent, then what happens from now on."
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
        """See ``follow_events``."""
        projected()


async def follow_events(
    _root: object, info: GraphQLResolveInfo[Any], **given: Any
) -> AsyncGenerator[orjson.Fragment, None]:
    """Yield events as finished JSON; raises ``Unauthenticated`` once the viewer is nobody."""
    context = info.context
    desk = (await context.renewed()).desk
    context.desk_context.require_viewer()
    template, args = planned(info, "followed")
    after = context.resumes_after or given.get("after")
    position = 0 if after == "" else None
    if after:
        position = int(str(open_position(after, EVENT, BY_COMMIT, desk.signer)[0]))
    types = given.get("types")
    wanted = Wanted(
        template.read,
        tuple(args),
        template,
        position,
        None if types is None else frozenset(str(one) for one in types),
    )
    async for event in follow(desk, context.renewed, wanted):
        context.place = event.cursor
        yield orjson.Fragment(event.json)


def event_itself(event: object, _info: GraphQLResolveInfo[Any], **_: object) -> Any:
    """Answer with the event, which is finished."""
    return event


FOLLOWED = {"ticketEvents": follow_events}
