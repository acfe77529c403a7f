"""The inputs of the mutations of tickets and comments."""

import strawberry
from strawberry import ID

from schema.inputs.values import write_input
from schema.types.conflicts import ConflictResolution
from schema.types.descriptions import argument, field
from schema.types.enums import Team, TicketCategory, TicketPriority, TicketStatus
from schema.types.scalars import DateTime

VERSION = "Refuse with CONFLICT if the object's version is another one by now."
VERSION_OF_TICKET = "Refuse with CONFLICT if the ticket's version is another one by now."
RESOLUTION = "What happens if the version is not `expectedVersion`; FAIL if absent."


@strawberry.input(description="A new ticket, for `createTickets`.")
class NewTicketInput:
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


@write_input("A new ticket, for `createTicket`.")
class CreateTicketInput(NewTicketInput):
    """The same values."""


@strawberry.input(description="The fields to change of each ticket; the others stay.")
class TicketChangesInput:
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


@strawberry.input
class _OfTicket:
    id: ID = field("The ticket that is to be changed.")
    expected_version: int | None = argument(VERSION)
    on_conflict: ConflictResolution | None = argument(RESOLUTION, default=ConflictResolution.FAIL)


@write_input("A ticket and its fields to change, for `updateTicket`; the others stay.")
class UpdateTicketInput(_OfTicket, TicketChangesInput):
    """A ticket and what is to become of it."""


@write_input("Which ticket to delete, for `deleteTicket`.")
class DeleteTicketInput:
    id: ID = field("The ticket that is to be deleted.")
    expected_version: int | None = argument(VERSION)


@write_input("A ticket and its new user, for `assignTicket`.")
class AssignTicketInput:
    """A ticket and a user."""

    id: ID = field("The ticket that somebody becomes responsible for.")
    user_id: ID | None = argument("Who becomes responsible; null unassigns. It may not be absent.")
    expected_version: int | None = argument(VERSION)
    on_conflict: ConflictResolution | None = argument(RESOLUTION, default=ConflictResolution.FAIL)


@write_input("A new comment or internal note, for `addComment`.")
class AddCommentInput:
    ticket_id: ID = field("The ticket that it is about.")
    text: str = field("What is to be said; it may not be blank.")
    is_internal: bool | None = argument(
        "Whether it is a note among staff, which customers never see.", default=False
    )
    expected_version: int | None = argument(VERSION_OF_TICKET)


@write_input("A comment and its fields to change, for `updateComment`; the others stay.")
class UpdateCommentInput:
    id: ID = field("The comment that is to be changed.")
    expected_version: int | None = argument(VERSION)
    on_conflict: ConflictResolution | None = argument(RESOLUTION, default=ConflictResolution.FAIL)
    text: str | None = argument("What is said from now on; it may not be blank.")
    is_internal: bool | None = argument(
        "Whether it is a note among staff, which customers never see."
    )


@write_input("Which comment to delete, for `deleteComment`.")
class DeleteCommentInput:
    id: ID = field("The comment that is to be deleted.")
    expected_version: int | None = argument(VERSION)
