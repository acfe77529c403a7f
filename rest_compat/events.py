"""The feed of events: new here, for clients that followed the desk by reading its lists again.

Read to the end with ``next``, then ask again with ``cursor``: nothing is missed or comes twice.
"""

from urllib.parse import urlencode

import orjson
from starlette.requests import Request
from starlette.responses import Response

from models import TicketEventType
from resolvers.desk import Context
from resolvers.fields import BY_COMMIT, EVENT
from resolvers.positions import open_position
from resolvers.reading import REST, Read, read_json
from resolvers.shapes import Args, Field, Shape
from rest_compat import lists, shapes
from rest_compat.answers import answer
from rest_compat.lists import checked, filter_args, require_references
from rest_compat.operations import operation
from rest_compat.paging import window_of

LISTING = lists.Listing(
    "/api/v1/ticket-events/",
    "TicketEvent",
    shapes.EVENT,
    {
        "type": lists.choice(TicketEventType),
        # Not looked for: a ticket that is deleted has events none the less.
        "ticket": lists.reference(None),
        "actor": lists.reference("User"),
    },
    frozenset(),
    more=frozenset({"after"}),
)
_PAGE = Shape((Field("cursor", "end_cursor"), Field("more", "has_next_page")))
_SHAPE = Shape((Field("results", "nodes", shapes.EVENT), Field("page", "page_info", _PAGE)))
FEED = Read("connection", "TicketEvent", (("TicketEvent", _SHAPE),), REST)
EVENTS = Read("list", "TicketEvent", (("TicketEvent", shapes.EVENT),), REST)


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
        position = open_position(after, EVENT, BY_COMMIT, context.desk.signer)
        values |= {f"after_{i}": value for i, value in enumerate(position)}
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
