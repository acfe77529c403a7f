"""The inputs of the mutations, and how they become values for the resolvers."""

from uuid import UUID

import strawberry
from strawberry import ID, UNSET

from resolvers.errors import Problem
from schema.projection.arguments import read_id
from schema.types.descriptions import argument, field
from schema.types.enums import Role, Team, TicketCategory, TicketPriority, TicketStatus
from schema.types.scalars import DateTime

_VERSION = "Refuse with CONFLICT if the object's version is another one by now."
# Input fields whose values are ids; the resolvers call them without the ending.
_REFERENCES = {"company_id", "contact_id", "assigned_to_id"}


def values_of(given: object, *, without: frozenset[str] = frozenset()) -> dict[str, object]:
    """Return the values of an input that were given, by the resolvers' names.

    In what creates something null is absent: there is nothing yet that it could clear.
    """
    creates = type(given).__name__.startswith(("Create", "Add"))
    values: dict[str, object] = {}
    for name, value in vars(given).items():
        if value is UNSET or name in without or (creates and value is None):
            continue
        if name in _REFERENCES:
            values[name.removesuffix("_id")] = None if value is None else reference(value)
        elif name == "tags":
            values[name] = None if value is None else _tags(value)
        else:
            values[name] = value
    return values


def _tags(tags: list[str]) -> str | Problem:
    """Return tags as they are stored, between commas."""
    return Problem("comma") if any("," in tag for tag in tags) else ",".join(tags)


def reference(value: object) -> UUID | Problem:
    """Read an id of an input."""
    return read_id(value) or Problem("invalid_uuid", {"value": str(value)})


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
    expected_version: int | None = argument(_VERSION)
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
    expected_version: int | None = argument(_VERSION)


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
    expected_version: int | None = argument(_VERSION)
    text: str | None = argument("What is said from now on; it may not be blank.")
    is_internal: bool | None = argument(
        "Whether it is a note among staff, which customers never see."
    )


@strawberry.input(description="Which comment to delete, for `deleteComment`.")
class DeleteCommentInput:
    id: ID = field("The comment that is to be deleted.")


@strawberry.input(description="A new company, for `createCompany`.")
class CreateCompanyInput:
    name: str = field("The name that people use, at most 255 characters.")
    legal_entity_name: str | None = argument("The name on contracts.")
    country: str | None = argument("The country of its address.")
    city: str | None = argument("The city of its address.")
    website: str | None = argument("The address of its web site.")
    industry: str | None = argument("The line of business that it is in.")
    billing_entity: str | None = argument("Which of our companies bills it.")
    is_active: bool | None = argument("Whether it is a customer today.")
    notes: str | None = argument("What staff know about it.")


@strawberry.input(
    description="A company and its fields to change, for `updateCompany`; the others stay."
)
class UpdateCompanyInput:
    id: ID = field("The company that is to be changed.")
    name: str | None = argument("The name that people use, at most 255 characters.")
    legal_entity_name: str | None = argument("The name on contracts.")
    country: str | None = argument("The country of its address.")
    city: str | None = argument("The city of its address.")
    website: str | None = argument("The address of its web site.")
    industry: str | None = argument("The line of business that it is in.")
    billing_entity: str | None = argument("Which of our companies bills it.")
    is_active: bool | None = argument("Whether it is a customer today.")
    notes: str | None = argument("What staff know about it.")


@strawberry.input(description="A new contact, for `createContact`.")
class CreateContactInput:
    company_id: ID = field("The company that the person works for.")
    name: str = field("The person's name, at most 100 characters.")
    email: str | None = argument("The email address, or an empty text.")
    phone: str | None = argument("The phone number, or an empty text.")
    title: str | None = argument("The position that the person has.")
    department: str | None = argument("Where in the company the person works.")
    contact_type: str | None = argument("What the contact is for, such as Primary or Technical.")
    is_primary: bool | None = argument("Whether it is the primary contact of its company.")
    notes: str | None = argument("What staff know about it.")


@strawberry.input(
    description="A contact and its fields to change, for `updateContact`; the others stay."
)
class UpdateContactInput:
    id: ID = field("The contact that is to be changed.")
    company_id: ID | None = argument("The company that the person works for.")
    name: str | None = argument("The person's name, at most 100 characters.")
    email: str | None = argument("The email address, or an empty text.")
    phone: str | None = argument("The phone number, or an empty text.")
    title: str | None = argument("The position that the person has.")
    department: str | None = argument("Where in the company the person works.")
    contact_type: str | None = argument("What the contact is for, such as Primary or Technical.")
    is_primary: bool | None = argument("Whether it is the primary contact of its company.")
    is_active: bool | None = argument(
        "Whether it is in use; one that is not stays with its tickets."
    )
    notes: str | None = argument("What staff know about it.")


@strawberry.input(description="A new user, for `createUser`.")
class CreateUserInput:
    username: str = field("The name to log in with, at most 150 characters.")
    password: str = field("The password: at least 10 characters, and none that everybody uses.")
    role: Role = field("What the user is to the desk: staff of a team, an Admin or a customer.")
    company_id: ID | None = argument("The company of a customer; staff have none.")
    first_name: str | None = argument("The given name of the user.")
    last_name: str | None = argument("The family name of the user.")
    email: str | None = argument("The email address, or an empty text.")
    phone: str | None = argument("The phone number, or an empty text.")
    department: str | None = argument("Where in their company the user works.")


@strawberry.input(description="A user and the fields to change, for `updateUser`; the others stay.")
class UpdateUserInput:
    id: ID = field("The user who is to be changed.")
    username: str | None = argument("The name to log in with, at most 150 characters.")
    password: str | None = argument(
        "The password: at least 10 characters, and none that everybody uses."
    )
    role: Role | None = argument(
        "What the user is to the desk: staff of a team, an Admin or a customer."
    )
    company_id: ID | None = argument("The company of a customer; null for staff.")
    first_name: str | None = argument("The given name of the user.")
    last_name: str | None = argument("The family name of the user.")
    email: str | None = argument("The email address, or an empty text.")
    phone: str | None = argument("The phone number, or an empty text.")
    department: str | None = argument("Where in their company the user works.")
    is_active: bool | None = argument("Whether the user can log in.")


@strawberry.input(description="Which company to deactivate, for `deactivateCompany`.")
class DeactivateCompanyInput:
    id: ID = field("The company that is no customer any more.")


@strawberry.input(description="Which contact to deactivate, for `deactivateContact`.")
class DeactivateContactInput:
    id: ID = field("The contact that is not in use any more.")


@strawberry.input(description="Which user to deactivate, for `deactivateUser`.")
class DeactivateUserInput:
    id: ID = field("The user who can no longer log in.")
