"""The feed of events: new here, for clients that used to poll the lists.

Read to the end with ``next``, then ask again with ``cursor``: nothing is missed or comes twice.
"""

from urllib.parse import urlencode

import orjson
from starlette.requests import Request
from starlette.responses import Response

from models import TicketEventType
from resolvers.commands.undo import undo as undoing
from resolvers.context import Context
from resolvers.query import binds
from resolvers.query.catalog import BY_COMMIT, EVENT
from resolvers.query.cursors import decode_cursor
from resolvers.query.execute import REST, Query, QueryRoot, read_json
from resolvers.query.shapes import Args, Field, Shape
from rest_compat.http.etags import done_answer, tagged_answer
from rest_compat.http.responses import answer
from rest_compat.lists import list_endpoint
from rest_compat.lists.list_endpoint import checked, filter_args, require_references
from rest_compat.lists.pagination import window_of
from rest_compat.openapi.operations import operation
from rest_compat.serializers import shapes
from rest_compat.serializers.reads import id_of

LISTING = list_endpoint.ListEndpoint(
    "/api/v1/ticket-events/",
    "TicketEvent",
    shapes.EVENT,
    {
        "type": list_endpoint.choice(TicketEventType),
        # Not looked for: a ticket that is deleted has events none the less.
        "ticket": list_endpoint.reference(None),
        "actor": list_endpoint.reference("User"),
    },
    frozenset(),
    more=frozenset({"after"}),
)
_PAGE = Shape((Field("cursor", "end_cursor"), Field("more", "has_next_page")))
_SHAPE = Shape((Field("results", "nodes", shapes.EVENT), Field("page", "page_info", _PAGE)))
FEED = Query(QueryRoot.CONNECTION, "TicketEvent", (("TicketEvent", _SHAPE),), REST)
EVENTS = Query(QueryRoot.LIST, "TicketEvent", (("TicketEvent", shapes.EVENT),), REST)


@operation(
    {"next": str | None, "cursor": str | None, "results": EVENTS}, listing=LISTING, follows=True
)
async def listing(request: Request, context: Context) -> Response:
    """List events after a cursor, oldest first: ``next``, ``cursor`` and ``results``."""
    params = request.query_params
    wanted = await checked(LISTING, request, context)
    after = params.get("after", "")
    limit = window_of({"limit": params.get("limit", "")}).limit
    where, values = filter_args(wanted)
    if after:
        position = decode_cursor(after, EVENT, BY_COMMIT, context.services.signer)
        values |= {binds.position(binds.AFTER, i): value for i, value in enumerate(position)}
    args = Args(where, BY_COMMIT, after=bool(after), limit=limit, values=values)
    found = orjson.loads(await read_json(context, FEED, (args,)) or "{}")
    if not found["results"]:
        await require_references(context, wanted)
    cursor = found["page"]["cursor"] or after or None
    following = None
    if found["page"]["more"]:
        query = urlencode(sorted({**params, "after": cursor}.items()))
        following = f"{context.base_url}{LISTING.path}?{query}"
    return answer({"next": following, "cursor": cursor, "results": found["results"]})


@operation(shapes.ONE_TICKET, tagged=True, refusals=frozenset({403, 404, 409}))
async def undo(request: Request, context: Context) -> Response:
    """Undo the change that an event tells of; answers with the ticket as it is now."""
    undone = await undoing.undo(context, id_of(request))
    shown = tagged_answer(context, shapes.ONE_TICKET, undone.ticket_id)
    return await done_answer(undone.ticket_id, 200, shown)
