"""The inputs of the mutations of tickets and comments."""

import strawberry
from strawberry import ID

from schema.types.descriptions import argument, field
from schema.types.enums import Team, TicketCategory, TicketPriority, TicketStatus
from schema.types.scalars import DateTime

VERSION = "Refuse with CONFLICT if the object's version is another one by now."


@strawberry.input(description="A new ticket, for `createTicket`.")
class CreateTicketInput:
    subject: str = field("What it is about, at most 200 characters.")
    description: str = field("What happened, in as many lines as it takes.")
    company_id: ID = field("The company that needs help.")
    contact_id: ID | None = argument("The person at the company whom it is about.")
    status: TicketStatus | None = argument(
        "Where it stands in the workflow; NEW if absent. Staff only."
    )
    priority: TicketPriority | None = argument("How urgent it is; MEDIUM if absent.")
    category: TicketCategory | None = argument("What kind of request; GENERAL if absent.")
    assigned_to_id: ID | None = argument("The user who becomes responsible. Staff only.")
    assigned_team: Team | None = argument("Which team; the category's if absent. Staff only.")
    due_date: DateTime | None = argument("When it ought to be resolved.")
    tags: list[str] | None = argument("Words to find it by; none may contain a comma.")


@strawberry.input(
    description="A ticket and its fields to change, for `updateTicket`; the others stay."
)
class UpdateTicketInput:
    id: ID = field("The ticket that is to be changed.")
    expected_version: int | None = argument(VERSION)
    subject: str | None = argument("What it is about, at most 200 characters.")
    description: str | None = argument("What happened, in as many lines as it takes.")
    company_id: ID | None = argument("The company that needs help.")
    contact_id: ID | None = argument("The person it is about; null for nobody.")
    status: TicketStatus | None = argument("Where it stands in the workflow.")
    priority: TicketPriority | None = argument("How urgent it is.")
    category: TicketCategory | None = argument("What kind of request it is.")
    assigned_to_id: ID | None = argument("Who is responsible; null for nobody.")
    assigned_team: Team | None = argument("Which team; null for the category's.")
    due_date: DateTime | None = argument("When it ought to be resolved; null for never.")
    tags: list[str] | None = argument(
        "All of the tags that it is to have; none may contain a comma."
    )


@strawberry.input(description="Which ticket to delete, for `deleteTicket`.")
class DeleteTicketInput:
    id: ID = field("The ticket that is to be deleted.")


@strawberry.input(description="A ticket and its new user, for `assignTicket`.")
class AssignTicketInput:
    """A ticket and a user."""

    id: ID = field("The ticket that somebody becomes responsible for.")
    user_id: ID | None = argument("Who becomes responsible; null unassigns. It may not be absent.")
    expected_version: int | None = argument(VERSION)


@strawberry.input(description="A new comment or internal note, for `addComment`.")
class AddCommentInput:
    ticket_id: ID = field("The ticket that it is about.")
    text: str = field("What is to be said; it may not be blank.")
    is_internal: bool | None = argument(
        "Whether it is a note among staff, which customers never see.", default=False
    )


@strawberry.input(
    description="A comment and its fields to change, for `updateComment`; the others stay."
)
class UpdateCommentInput:
    id: ID = field("The comment that is to be changed.")
    expected_version: int | None = argument(VERSION)
    text: str | None = argument("What is said from now on; it may not be blank.")
    is_internal: bool | None = argument(
        "Whether it is a note among staff, which customers never see."
    )


@strawberry.input(description="Which comment to delete, for `deleteComment`.")
class DeleteCommentInput:
    id: ID = field("The comment that is to be deleted.")
