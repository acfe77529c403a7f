"""The event log as the schema has it."""

from typing import Annotated

import strawberry
from strawberry import ID

from schema.types.descriptions import said
from schema.types.enums import TicketEventType, Via
from schema.types.objects import Attachment, Comment, Node, Ticket, User
from schema.types.scalars import DateTime

EventsAfterArg = Annotated[
    str | None,
    strawberry.argument(
        description="Only what follows this cursor of the feed; an empty text is its beginning."
    ),
]


@strawberry.type(description="A field that changed, in the words of REST.")
class FieldChange:
    """See ``resolvers.events.log.change``."""

    field: str = said("The name of the field, such as `assigned_to`.")
    from_: str | None = strawberry.field(
        name="from", description="What it was: the value, or the id of a related object."
    )
    to: str | None = said("What it became: the value, or the id of a related object.")
    excerpt_start: int | None = said(
        "Where `from` and `to` begin in the texts, in characters, where these are too long to be "
        "kept in full: then both are the part that changed, with a little around it, and at most "
        "2000 characters of it. Null where both are in full."
    )
    from_length: int | None = said(
        "How many characters the text had, where `from` is an excerpt of it."
    )
    to_length: int | None = said(
        "How many characters the text has, where `to` is an excerpt of it."
    )


@strawberry.type(description="Something that happened to a ticket.")
class TicketEvent(Node):
    """See ``models.TicketEvent``."""

    cursor: str = said("Its place in the feed: `ticketEvents` goes on after it.")
    type: TicketEventType = said("What kind of thing happened.")
    at: DateTime = said("When it happened, by the clock of the server.")
    actor: User | None = said("The user who did it; null where that is not known.")
    via: Via = said("What the change came through.")
    is_internal: bool = said("Whether it is about what customers never see.")
    ticket: Ticket | None = said("The ticket as it is now; null once it is deleted.")
    ticket_id: ID = said("The ticket's id, also after it is deleted.")
    ticket_number: str = said("The ticket's number, also after it is deleted.")
    comment: Comment | None = said("The comment as it is now, where it is about one that exists.")
    comment_id: ID | None = said("The id of the comment that it is about.")
    attachment: Attachment | None = said(
        "The file as it is now, where it is about one that exists."
    )
    attachment_id: ID | None = said("The id of the file that it is about.")
    changes: list[FieldChange] = said("The fields that changed, each with both values.")
