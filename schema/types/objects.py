"""The objects of the schema.

Fields carry no code: a root field answers with finished JSON (``schema/projection/resolve.py``), so
these classes only declare the types. Each field is one of the catalog's,
``resolvers/query/catalog.py``.
"""

from typing import Annotated

import strawberry
from strawberry import ID

from schema.types.connections import Connection, FilterArg, Node, OrderArg
from schema.types.descriptions import field
from schema.types.enums import (
    OrderDirection,
    Role,
    Team,
    TicketCategory,
    TicketEventType,
    TicketPriority,
    TicketStatus,
    Via,
)
from schema.types.events import FieldChange
from schema.types.page_arguments import AfterArg, BeforeArg, FirstArg, LastArg
from schema.types.permissions import CommentPermissions, TicketPermissions, ViewerCannotReason
from schema.types.projected import projected
from schema.types.scalars import DateTime
from schema.types.undo import UndoRefusal


@strawberry.type(description="Somebody who can log in: staff, or a customer of one company.")
class User(Node):
    username: str = field("The unique name that the user logs in with.")
    first_name: str = field("The given name of the user; may be empty.")
    last_name: str = field("The family name of the user; may be empty.")
    full_name: str = field("First and last name together, for showing; may be empty.")
    email: str | None = field("The email address; null unless the viewer's own or for an Admin.")
    phone: str | None = field("The phone number; null unless the viewer's own or for an Admin.")
    role: Role = field("What the user is to the desk: staff of a team, an Admin or a customer.")
    department: str = field("Where in their company the user works; may be empty.")
    is_active: bool = field("Whether the user can log in; one that was deactivated cannot.")
    date_joined: DateTime = field("When the user was created in the desk.")
    company: "Company | None" = field("The company of a customer; null for staff.")

    @projected("The tickets that are assigned to the user, newest first.")
    def assigned_tickets(
        self,
        filter: FilterArg = None,
        order_by: OrderArg = None,
        first: FirstArg = None,
        after: AfterArg = None,
        last: LastArg = None,
        before: BeforeArg = None,
    ) -> "Connection[Ticket]":
        raise NotImplementedError


@strawberry.type(description="A company that the desk helps.")
class Company(Node):
    name: str = field("The name that people use.")
    legal_entity_name: str = field("The name on contracts; may be empty.")
    country: str = field("The country of its address; may be empty.")
    city: str = field("The city of its address; may be empty.")
    website: str = field("The address of its web site; may be empty.")
    industry: str = field("The line of business that it is in; may be empty.")
    billing_entity: str = field("Which of our companies bills it; may be empty.")
    is_active: bool = field("Whether it is a customer today.")
    notes: str | None = field("What staff know about it; null for customers.")
    created_at: DateTime = field("When the company was created in the desk.")
    updated_at: DateTime = field("When a field of the company was last changed.")

    @projected("The people at the company, sorted by name.")
    def contacts(
        self,
        first: FirstArg = None,
        after: AfterArg = None,
        last: LastArg = None,
        before: BeforeArg = None,
    ) -> "Connection[Contact]":
        raise NotImplementedError

    @projected("The tickets about the company, newest first if nothing else is said.")
    def tickets(
        self,
        filter: FilterArg = None,
        order_by: OrderArg = None,
        first: FirstArg = None,
        after: AfterArg = None,
        last: LastArg = None,
        before: BeforeArg = None,
    ) -> "Connection[Ticket]":
        raise NotImplementedError


@strawberry.type(description="A person at a company whom a ticket may be about; cannot log in.")
class Contact(Node):
    name: str = field("First and last name of the person.")
    email: str = field("The email address; may be empty.")
    phone: str = field("The phone number; may be empty.")
    title: str = field("The position that the person has; may be empty.")
    department: str = field("Where in the company the person works; may be empty.")
    contact_type: str = field("What the contact is for, such as Primary or Technical.")
    is_primary: bool = field("Whether it is the primary contact of its company.")
    is_active: bool = field("Whether it is in use; one that is not stays with its tickets.")
    notes: str | None = field("What staff know about it; null for customers.")
    company: Company = field("The company that the person works for.")
    created_at: DateTime = field("When the contact was created in the desk.")
    updated_at: DateTime = field("When a field of the contact was last changed.")

    @projected("The tickets about this contact, newest first.")
    def tickets(
        self,
        filter: FilterArg = None,
        order_by: OrderArg = None,
        first: FirstArg = None,
        after: AfterArg = None,
        last: LastArg = None,
        before: BeforeArg = None,
    ) -> "Connection[Ticket]":
        raise NotImplementedError


@strawberry.type(description="A request for help, and what became of it.")
class Ticket(Node):
    ticket_number: str = field("Its number for people: `T-YYYYMMDD-NNNN`, the day in UTC.")
    subject: str = field("What it is about, at most 200 characters.")
    description: str = field("What happened, in the words of the person who asks for help.")
    status: TicketStatus = field("Where it stands in the workflow.")
    priority: TicketPriority = field("How urgent it is, from LOW to URGENT.")
    category: TicketCategory = field("What kind of request it is.")
    tags: list[str] = field("Its tags, in the order they were given.")
    company: Company = field("The company that needs help.")
    contact: Contact | None = field("The person at the company whom it is about; null for nobody.")
    assigned_to: User | None = field("The user who is responsible; null while nobody is.")
    assigned_team: Team | None = field("The team that is responsible; null while none is.")
    created_by: User | None = field("Who created it; null where that is no longer known.")
    first_response_at: DateTime | None = field("When the first public comment was made, or null.")
    resolved_at: DateTime | None = field("When it was first resolved; null until then.")
    closed_at: DateTime | None = field("When it was first closed; null until then.")
    due_date: DateTime | None = field("When it ought to be resolved; null for no such time.")
    first_response_time_hours: float | None = field(
        "Hours from creation to first response, or null."
    )
    resolution_time_hours: float | None = field("Hours from creation to first resolution, or null.")
    is_overdue: bool = field("Whether it is past its due date and neither resolved nor closed.")
    comments_count: int = field("How many public comments it has.")
    internal_notes_count: int = field("How many internal notes it has; 0 for customers.")
    attachments: list["Attachment"] = field("The files that were uploaded to it, newest first.")
    viewer_can: TicketPermissions = field("What the viewer may do with it.")
    viewer_cannot_reasons: list[ViewerCannotReason] = field(
        "Why the viewer may not do the rest; empty where they may do everything."
    )
    version: int = field("Counts its changes; give it as `expectedVersion` when changing it.")
    created_at: DateTime = field("When the request came in.")
    updated_at: DateTime = field("When a field of it was last changed.")

    @projected("Public comments, and for staff internal notes, oldest first.")
    def comments(
        self,
        first: FirstArg = None,
        after: AfterArg = None,
        last: LastArg = None,
        before: BeforeArg = None,
        is_internal: Annotated[
            bool | None,
            strawberry.argument(description="Only internal notes, or only public comments."),
        ] = None,
    ) -> "Connection[Comment]":
        raise NotImplementedError

    @projected("The events of this ticket alone, as the feed has them.")
    def history(
        self,
        first: FirstArg = None,
        after: AfterArg = None,
        last: LastArg = None,
        before: BeforeArg = None,
        direction: Annotated[
            OrderDirection,
            strawberry.argument(description="Oldest first (ASC), or newest first (DESC)."),
        ] = OrderDirection.ASC,
    ) -> "Connection[TicketEvent]":
        raise NotImplementedError


@strawberry.type(description="Something said about a ticket: a public comment or internal note.")
class Comment(Node):
    ticket: Ticket = field("The request for help that it belongs to.")
    author: User | None = field("Who wrote it; null where that is no longer known.")
    text: str = field("What was said, with its line breaks.")
    is_internal: bool = field("Whether it is a note among staff, which customers never see.")
    viewer_can: CommentPermissions = field("What the viewer may do with it.")
    viewer_cannot_reasons: list[ViewerCannotReason] = field(
        "Why the viewer may not do the rest; empty where they may do everything."
    )
    version: int = field("Counts its changes; give it as `expectedVersion` when changing it.")
    created_at: DateTime = field("When it was written.")
    updated_at: DateTime = field("When the text was last changed, or who may see it.")


@strawberry.type(description="A file that somebody uploaded to a ticket.")
class Attachment(Node):
    ticket: Ticket = field("The request for help that it was uploaded to.")
    name: str = field("The file's name as it was given.")
    size: int = field("How large the file is, in bytes.")
    content_type: str = field("Its media type, such as `image/png`, by its first bytes.")
    sha256: str = field("The SHA-256 of its content, in hex.")
    uploaded_by: User | None = field("Who uploaded it; null where that is no longer known.")
    created_at: DateTime = field("When the file was uploaded.")

    @projected("A link to the file that works for a while without a token.")
    def download_url(
        self,
        expires_in: Annotated[
            int, strawberry.argument(description="For how many seconds: 1 to 86400.")
        ] = 300,
    ) -> str:
        raise NotImplementedError


@strawberry.type(description="Something that happened to a ticket.")
class TicketEvent(Node):
    cursor: str = field("Its place in the feed: `ticketEvents` goes on after it.")
    type: TicketEventType = field("What kind of thing happened.")
    at: DateTime = field("When it happened, by the clock of the server.")
    actor: User | None = field("The user who did it; null where that is not known.")
    via: Via = field("What the change came through.")
    is_internal: bool = field("Whether it is about what customers never see.")
    ticket: Ticket | None = field("The ticket as it is now; null once it is deleted.")
    ticket_id: ID = field("The ticket's id, also after it is deleted.")
    ticket_number: str = field("The ticket's number, also after it is deleted.")
    comment: Comment | None = field("The comment as it is now, where it is about one that exists.")
    comment_id: ID | None = field("The id of the comment that it is about.")
    attachment: Attachment | None = field(
        "The file as it is now, where it is about one that exists."
    )
    attachment_id: ID | None = field("The id of the file that it is about.")
    changes: list[FieldChange] = field("The fields that changed, each with both values.")
    can_undo: bool = field("Whether the viewer can undo it, as things are now, by `undo`.")
    undo_refusal: UndoRefusal | None = field("Why it cannot be undone; null where it can.")
