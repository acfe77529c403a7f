"""The inputs of the mutations, and how they become values for the resolvers."""

from typing import Any
from uuid import UUID

import strawberry
from strawberry import ID, UNSET
from strawberry.file_uploads import Upload

from resolvers.errors import Problem
from schema.arguments import read_id
from schema.choices import Role, Team, TicketCategory, TicketPriority, TicketStatus
from schema.scalars import DateTime
from schema.words import said, told

_VERSION = "Refuse with CONFLICT if the object's version is another one by now."
# Input fields whose values are ids; the resolvers call them without the ending.
_REFERENCES = {"company_id", "contact_id", "assigned_to_id"}


def values_of(given: Any, *, without: frozenset[str] = frozenset()) -> dict[str, object]:
    """Return the values of an input that were given, by the resolvers' names."""
    values: dict[str, object] = {}
    for name in given.__dataclass_fields__:
        value = getattr(given, name)
        if value is UNSET or name in without:
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


@strawberry.input(description="What `login` takes.")
class LoginInput:
    """Credentials."""

    username: str = said("The user's name.")
    password: str = said("The user's password.")


@strawberry.input(description="What `refreshToken` takes.")
class RefreshTokenInput:
    """A token."""

    refresh_token: str = said("The refresh token of a login.")


@strawberry.input(description="What `logout` takes.")
class LogoutInput:
    """A token."""

    refresh_token: str = said("The refresh token that is to end.")


@strawberry.input(description="What `createTicket` takes.")
class CreateTicketInput:
    """A new ticket."""

    subject: str = said("What it is about, at most 200 characters.")
    description: str = said("What happened.")
    company_id: ID = said("The company that needs help.")
    contact_id: ID | None = told("The person it is about.")
    status: TicketStatus | None = told("Where it stands; NEW if absent. Staff only.")
    priority: TicketPriority | None = told("How urgent it is; MEDIUM if absent.")
    category: TicketCategory | None = told("What kind of request; GENERAL if absent.")
    assigned_to_id: ID | None = told("Who is responsible. Staff only.")
    assigned_team: Team | None = told("Which team; the category's if absent. Staff only.")
    due_date: DateTime | None = told("When it ought to be resolved.")
    tags: list[str] | None = told("Its tags; none may contain a comma.")


@strawberry.input(description="What `updateTicket` takes: the fields to change.")
class UpdateTicketInput:
    """Changes of a ticket."""

    id: ID = said("The ticket.")
    expected_version: int | None = told(_VERSION)
    subject: str | None = told("What it is about, at most 200 characters.")
    description: str | None = told("What happened.")
    company_id: ID | None = told("The company that needs help.")
    contact_id: ID | None = told("The person it is about; null for nobody.")
    status: TicketStatus | None = told("Where it stands.")
    priority: TicketPriority | None = told("How urgent it is.")
    category: TicketCategory | None = told("What kind of request it is.")
    assigned_to_id: ID | None = told("Who is responsible; null for nobody.")
    assigned_team: Team | None = told("Which team; null for the category's.")
    due_date: DateTime | None = told("When it ought to be resolved; null for never.")
    tags: list[str] | None = told("All of its tags; none may contain a comma.")


@strawberry.input(description="What `deleteTicket` takes.")
class DeleteTicketInput:
    """A ticket."""

    id: ID = said("The ticket.")


@strawberry.input(description="What `assignTicket` takes.")
class AssignTicketInput:
    """A ticket and a user."""

    id: ID = said("The ticket.")
    user_id: ID | None = strawberry.field(
        description="Who becomes responsible; null unassigns.", default=None
    )


@strawberry.input(description="What `addComment` takes.")
class AddCommentInput:
    """A new comment."""

    ticket_id: ID = said("The ticket.")
    text: str = said("What is to be said.")
    is_internal: bool = strawberry.field(
        description="Whether it is a note among staff.", default=False
    )


@strawberry.input(description="What `updateComment` takes: the fields to change.")
class UpdateCommentInput:
    """Changes of a comment."""

    id: ID = said("The comment.")
    expected_version: int | None = told(_VERSION)
    text: str | None = told("What is said.")
    is_internal: bool | None = told("Whether it is a note among staff.")


@strawberry.input(description="What `deleteComment` takes.")
class DeleteCommentInput:
    """A comment."""

    id: ID = said("The comment.")


@strawberry.input(description="What `uploadAttachment` takes.")
class UploadAttachmentInput:
    """A new file."""

    ticket_id: ID = said("The ticket.")
    file: Upload = said("The file, by the GraphQL multipart request specification.")


@strawberry.input(description="What `deleteAttachment` takes.")
class DeleteAttachmentInput:
    """A file."""

    id: ID = said("The attachment.")


@strawberry.input(description="What `createCompany` takes.")
class CreateCompanyInput:
    """A new company."""

    name: str = said("The name that people use, at most 255 characters.")
    legal_entity_name: str | None = told("The name on contracts.")
    country: str | None = told("The country.")
    city: str | None = told("The city.")
    website: str | None = told("The web site.")
    industry: str | None = told("The line of business.")
    billing_entity: str | None = told("Which of our companies bills it.")
    is_active: bool | None = told("Whether it is a customer today.")
    notes: str | None = told("What staff know about it.")


@strawberry.input(description="What `updateCompany` takes: the fields to change.")
class UpdateCompanyInput:
    """Changes of a company."""

    id: ID = said("The company.")
    name: str | None = told("The name that people use, at most 255 characters.")
    legal_entity_name: str | None = told("The name on contracts.")
    country: str | None = told("The country.")
    city: str | None = told("The city.")
    website: str | None = told("The web site.")
    industry: str | None = told("The line of business.")
    billing_entity: str | None = told("Which of our companies bills it.")
    is_active: bool | None = told("Whether it is a customer today.")
    notes: str | None = told("What staff know about it.")


@strawberry.input(description="What `createContact` takes.")
class CreateContactInput:
    """A new contact."""

    company_id: ID = said("The company.")
    name: str = said("The name, at most 100 characters.")
    email: str | None = told("The address.")
    phone: str | None = told("The number.")
    title: str | None = told("The position.")
    department: str | None = told("The department.")
    contact_type: str | None = told("What the contact is for, such as Primary or Technical.")
    is_primary: bool | None = told("Whether it is the primary contact of its company.")
    notes: str | None = told("What staff know about it.")


@strawberry.input(description="What `updateContact` takes: the fields to change.")
class UpdateContactInput:
    """Changes of a contact."""

    id: ID = said("The contact.")
    company_id: ID | None = told("The company.")
    name: str | None = told("The name, at most 100 characters.")
    email: str | None = told("The address.")
    phone: str | None = told("The number.")
    title: str | None = told("The position.")
    department: str | None = told("The department.")
    contact_type: str | None = told("What the contact is for, such as Primary or Technical.")
    is_primary: bool | None = told("Whether it is the primary contact of its company.")
    is_active: bool | None = told("Whether it is in use.")
    notes: str | None = told("What staff know about it.")


@strawberry.input(description="What `createUser` takes.")
class CreateUserInput:
    """A new user."""

    username: str = said("The name to log in with, at most 150 characters.")
    password: str = said("The password, at least 8 characters.")
    role: Role = said("What the user is to the desk.")
    company_id: ID | None = told("The company of a customer; staff have none.")
    first_name: str | None = told("The given name.")
    last_name: str | None = told("The family name.")
    email: str | None = told("The address.")
    phone: str | None = told("The number.")
    department: str | None = told("The department.")


@strawberry.input(description="What `updateUser` takes: the fields to change.")
class UpdateUserInput:
    """Changes of a user."""

    id: ID = said("The user.")
    username: str | None = told("The name to log in with, at most 150 characters.")
    password: str | None = told("The password, at least 8 characters.")
    role: Role | None = told("What the user is to the desk.")
    company_id: ID | None = told("The company of a customer; null for staff.")
    first_name: str | None = told("The given name.")
    last_name: str | None = told("The family name.")
    email: str | None = told("The address.")
    phone: str | None = told("The number.")
    department: str | None = told("The department.")
    is_active: bool | None = told("Whether the user can log in.")


@strawberry.input(description="What `deactivateCompany` takes.")
class DeactivateCompanyInput:
    """A company."""

    id: ID = said("The company.")


@strawberry.input(description="What `deactivateContact` takes.")
class DeactivateContactInput:
    """A contact."""

    id: ID = said("The contact.")


@strawberry.input(description="What `deactivateUser` takes.")
class DeactivateUserInput:
    """A user."""

    id: ID = said("The user.")
