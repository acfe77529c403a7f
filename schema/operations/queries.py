"""The root of all reads. Each field is one statement."""

from typing import Annotated

import orjson
import strawberry
from strawberry import ID

from resolvers.errors import BadInput, Unauthenticated
from resolvers.query import binds
from resolvers.query.execute import QueryRoot
from resolvers.query.search.results import CANDIDATES
from resolvers.texts import is_storable
from schema.execution.context import CoreInfo, Info
from schema.execution.engine import Json, executing
from schema.execution.strawberry_internals import core_info
from schema.inputs.filters import CommentFilter, ContactFilter, TicketEventFilter, UserFilter
from schema.operations.bulk_jobs.queries import BulkJobQuery
from schema.operations.roots import LIST, one
from schema.operations.transfers.exports import ExportQuery
from schema.operations.transfers.imports import ImportQuery
from schema.projection.arguments import known_id
from schema.projection.resolve import project
from schema.types.connections import Connection, FilterArg, Node, OrderArg
from schema.types.descriptions import described, field, resolver
from schema.types.events import EventsAfterArg
from schema.types.objects import Comment, Company, Contact, Ticket, TicketEvent, User
from schema.types.page_arguments import (
    MAX_NODES,
    AfterArg,
    BeforeArg,
    FirstArg,
    LastArg,
    OnlyFirstArg,
)
from schema.types.projected import Root, projected
from schema.types.scalars import DateTime
from schema.types.search import SearchResultConnection, SearchType
from schema.types.statistics import TicketStats
from schema.types.webhooks import Webhook


async def _search(_root: object, info: CoreInfo, **given: object) -> Json | None:
    info.context.resolver_context.require_viewer()
    return await project(info, QueryRoot.SEARCH, given=given)


async def _statistics(_root: object, info: CoreInfo, **given: object) -> Json | None:
    info.context.resolver_context.require_viewer()
    return await project(info, QueryRoot.STATISTICS, given=given)


SEARCH, STATISTICS = Root(_search), Root(_statistics)


@strawberry.type(description="The points that requests cost, of one user or one address.")
class RateLimit:
    maximum: int = field("The most there can be.")
    available: int = field("Those that are left.")
    restore_rate: float = field("How many come back in a second.")
    reset_at: DateTime = field("When all of them are back.")


@strawberry.type(description="Everything that can be read, each of it in the eyes of the viewer.")
class Query(BulkJobQuery, ExportQuery, ImportQuery):
    """All of it but ``viewer`` needs a login."""

    @described("Any object by its id; null if there is none for the viewer.", Node | None)
    async def node(
        self,
        info: Info,
        id: Annotated[
            ID, strawberry.argument(description="The id that the object has in all answers.")
        ],
    ) -> Json | None:
        """Fetch one object again, as Relay does."""
        info.context.resolver_context.require_viewer()
        return await project(core_info(info), QueryRoot.NODE, values={binds.KEY: known_id(id)})

    @described("Objects by their ids, in that order, null where there is none.", list[Node | None])
    async def nodes(
        self,
        info: Info,
        ids: Annotated[
            list[ID],
            strawberry.argument(description=f"The ids of the objects, at most {MAX_NODES}."),
        ],
    ) -> Json | None:
        info.context.resolver_context.require_viewer()
        if len(ids) > MAX_NODES:
            raise BadInput(f"`ids` takes at most {MAX_NODES} ids.")
        keys = [str(known_id(key)) for key in ids]
        listed = orjson.dumps(keys).decode()
        return await project(core_info(info), QueryRoot.NODES, values={binds.KEYS: listed})

    @described("Who is logged in; null when nobody is.", User | None)
    async def viewer(self, info: Info) -> Json | None:
        """Answer null, not an error, without a token."""
        viewer = info.context.resolver_context.viewer
        if info.context.bad_token:
            raise Unauthenticated
        return None if viewer is None else await one(info, viewer.id)

    @described("One ticket, by its id or by its number; give exactly one.", Ticket | None)
    async def ticket(
        self,
        info: Info,
        id: Annotated[
            ID | None, strawberry.argument(description="The id that the ticket has in all answers.")
        ] = None,
        ticket_number: Annotated[
            str | None,
            strawberry.argument(description="The number that people use, `T-YYYYMMDD-NNNN`."),
        ] = None,
    ) -> Json | None:
        """Answer null for what the viewer may not see."""
        if (id is None) is (ticket_number is None):
            raise BadInput("Give exactly one of `id` and `ticketNumber`.")
        if ticket_number is not None:
            # A text that no database can compare is as good as unknown.
            number = ticket_number if is_storable(ticket_number) else None
            return await one(info, number, "ticket_number")
        return await one(info, known_id(id))

    @projected("The tickets that the viewer may see, newest first.", LIST)
    def tickets(
        self,
        filter: FilterArg = None,
        order_by: OrderArg = None,
        first: FirstArg = None,
        after: AfterArg = None,
        last: LastArg = None,
        before: BeforeArg = None,
    ) -> Connection[Ticket]:
        raise NotImplementedError

    @projected("Counts over the tickets that the viewer may see.", STATISTICS)
    def ticket_stats(self, filter: FilterArg = None) -> TicketStats:
        raise NotImplementedError

    @projected(
        "The feed: what happened to all tickets that the viewer may see, oldest first.", LIST
    )
    def ticket_events(
        self,
        filter: Annotated[
            TicketEventFilter | None,
            strawberry.argument(description="Which events; all of them if absent."),
        ] = None,
        first: FirstArg = None,
        after: EventsAfterArg = None,
        last: LastArg = None,
        before: BeforeArg = None,
    ) -> Connection[TicketEvent]:
        raise NotImplementedError

    @projected("The comments that the viewer may see, oldest first.", LIST)
    def comments(
        self,
        filter: Annotated[
            CommentFilter | None,
            strawberry.argument(description="Which comments; all of them if absent."),
        ] = None,
        first: FirstArg = None,
        after: AfterArg = None,
        last: LastArg = None,
        before: BeforeArg = None,
    ) -> Connection[Comment]:
        raise NotImplementedError

    @projected("The users that the viewer may see, newest first.", LIST)
    def users(
        self,
        filter: Annotated[
            UserFilter | None,
            strawberry.argument(description="Which users; all of them if absent."),
        ] = None,
        first: FirstArg = None,
        after: AfterArg = None,
        last: LastArg = None,
        before: BeforeArg = None,
    ) -> Connection[User]:
        raise NotImplementedError

    @projected("The companies that the viewer may see, by name.", LIST)
    def companies(
        self,
        search: Annotated[
            str | None,
            strawberry.argument(
                description="Words that each occur in name, website, notes or country."
            ),
        ] = None,
        first: FirstArg = None,
        after: AfterArg = None,
        last: LastArg = None,
        before: BeforeArg = None,
    ) -> Connection[Company]:
        raise NotImplementedError

    @projected("The contacts that the viewer may see, by name.", LIST)
    def contacts(
        self,
        filter: Annotated[
            ContactFilter | None,
            strawberry.argument(description="Which contacts; all of them if absent."),
        ] = None,
        first: FirstArg = None,
        after: AfterArg = None,
        last: LastArg = None,
        before: BeforeArg = None,
    ) -> Connection[Contact]:
        raise NotImplementedError

    @projected(
        "The tickets, comments, contacts and companies that the viewer may see and in which every "
        "term occurs. First are those that have a number, subject, name, email, phone or website "
        "equal to the search, then those with all terms in the number and subject of a ticket, the "
        "name and email of a contact or the name of a company, then the others; each group newest "
        f"first. Of each type the newest {CANDIDATES} that are found are looked at.",
        SEARCH,
    )
    def search(
        self,
        query: Annotated[
            str,
            strawberry.argument(
                description='Terms that must all occur; `"quotes"` keep a phrase together.'
            ),
        ],
        first: OnlyFirstArg = None,
        after: AfterArg = None,
        types: Annotated[
            list[SearchType] | None,
            strawberry.argument(description="The types to look at; all of them if absent."),
        ] = None,
    ) -> SearchResultConnection:
        raise NotImplementedError

    @projected("The webhooks, newest first; none but for Admins.", LIST)
    def webhooks(
        self,
        first: FirstArg = None,
        after: AfterArg = None,
        last: LastArg = None,
        before: BeforeArg = None,
    ) -> Connection[Webhook]:
        raise NotImplementedError

    @resolver("The points that the viewer has for requests; null where they are not counted.")
    def rate_limit(self, info: Info) -> RateLimit | None:
        """Answer what this operation has left; asking alone costs nothing."""
        if (recorder := info.context.resolver_context.recorder) is not None:
            # It is another one at each request.
            recorder.note(None)
        level = executing.get().level
        if level is None:
            return None
        reset_at = level.reset_at.isoformat(timespec="microseconds").replace("+00:00", "Z")
        return RateLimit(
            maximum=level.maximum,
            available=level.available,
            restore_rate=level.restore_rate,
            reset_at=reset_at,  # type: ignore[arg-type] # written as all times are
        )

    @described("One webhook; null if there is none for the viewer.", Webhook | None)
    async def webhook(
        self,
        info: Info,
        id: Annotated[
            ID, strawberry.argument(description="The id that the webhook got when it was created.")
        ],
    ) -> Json | None:
        """Answer null for everybody but Admins."""
        return await one(info, known_id(id))
