"""What is sent: events as REST's feed shows them, with what they are about as it is now."""

from typing import Any
from uuid import UUID

import orjson

from models import Role
from resolvers.context import Context
from resolvers.query.execute import REST, Query, QueryRoot, read_json
from resolvers.query.shapes import Args, Field, Shape
from resolvers.services import Services
from resolvers.viewer import Viewer
from rest_compat.serializers import shapes

# Lists may be long, files need a token, and the count reports internal notes.
_LEFT_OUT = frozenset({"comments", "attachments", "internal_notes_count"})
_TICKET = Shape(tuple(field for field in shapes.TICKET.fields if field.key not in _LEFT_OUT))
_ATTACHMENT = Shape(
    (
        *(Field(name, name) for name in ("id", "name", "size", "content_type", "sha256")),
        Field("uploaded_by", "uploaded_by_id"),
        Field("created_at", "created_at"),
    )
)
_ABOUT = ("ticket", "comment", "attachment")
_EVENT = Shape(
    (
        *shapes.EVENT.fields,
        Field("sequence", "sequence"),
        Field("_ticket", "ticket", _TICKET),
        Field("_comment", "comment", shapes.COMMENT),
        Field("_attachment", "attachment", _ATTACHMENT),
    )
)
_PAGE = Shape(
    (
        Field("events", "nodes", _EVENT),
        Field("page", "page_info", Shape((Field("more", "has_next_page"),))),
    )
)
FEED = Query(QueryRoot.CONNECTION, "TicketEvent", (("TicketEvent", _PAGE),), REST)
# A webhook sees what an Admin sees, but is no user.
_VIEWER = Viewer(UUID(int=0), Role.ADMIN, None)

# An event as ``_EVENT`` reads it from JSON.
Event = dict[str, Any]


async def read_events(services: Services, args: Args) -> tuple[list[Event], bool]:
    """Return the events that arguments choose, oldest first, as ``body_of`` takes them.

    They are a page, which is bounded by bytes as well; the second value tells whether more follow.
    """
    text = await read_json(Context(services, _VIEWER, "webhook"), FEED, [args])
    assert text is not None
    found = orjson.loads(text)
    return found["events"], found["page"]["more"]


def type_of(event: Event) -> str:
    """Return the type of an event's message."""
    return f"ticket.{event['type']}"


def body_of(event: Event) -> str:
    """Return the body of an event's message.

    ``data`` has the event, and the ticket, the comment and the file that it is about as they are
    when it is taken from the log; null for what there is none of, or no longer.
    """
    told = {key: value for key, value in event.items() if not key.startswith("_")}
    about = {name: event[f"_{name}"] for name in _ABOUT}
    message = {"type": type_of(event), "timestamp": event["at"], "data": {"event": told, **about}}
    return orjson.dumps(message).decode()
