"""The event log as the schema has it."""

from typing import Annotated

import strawberry
from strawberry import ID

from schema.types.descriptions import field as described_field
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

    field: str = described_field("The name of the field, such as `assigned_to`.")
    from_: str | None = strawberry.field(
        name="from", description="What it was: the value, or the id of a related object."
    )
    to: str | None = described_field("What it became: the value, or the id of a related object.")
    excerpt_start: int | None = described_field(
        "Where `from` and `to` begin in the texts, in characters, where these are too long to be "
        "kept in full: then both are the part that changed, with a little around it, and at most "
        "2000 characters of it. Null where both are in full."
    )
    from_length: int | None = described_field(
        "How many characters the text had, where `from` is an excerpt of it."
    )
    to_length: int | None = described_field(
        "How many characters the text has, where `to` is an excerpt of it."
    )


@strawberry.type(description="Something that happened to a ticket.")
class TicketEvent(Node):
    """See ``models.TicketEvent``."""

    cursor: str = described_field("Its place in the feed: `ticketEvents` goes on after it.")
    type: TicketEventType = described_field("What kind of thing happened.")
    at: DateTime = described_field("When it happened, by the clock of the server.")
    actor: User | None = described_field("The user who did it; null where that is not known.")
    via: Via = described_field("What the change came through.")
    is_internal: bool = described_field("Whether it is about what customers never see.")
    ticket: Ticket | None = described_field("The ticket as it is now; null once it is deleted.")
    ticket_id: ID = described_field("The ticket's id, also after it is deleted.")
    ticket_number: str = described_field("The ticket's number, also after it is deleted.")
    comment: Comment | None = described_field(
        "The comment as it is now, where it is about one that exists."
    )
    comment_id: ID | None = described_field("The id of the comment that it is about.")
    attachment: Attachment | None = described_field(
        "The file as it is now, where it is about one that exists."
    )
    attachment_id: ID | None = described_field("The id of the file that it is about.")
    changes: list[FieldChange] = described_field("The fields that changed, each with both values.")
