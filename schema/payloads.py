"""What the mutations answer: the changed objects, null where they failed, and the errors."""

import strawberry
from strawberry import ID

from schema.errors import UserError
from schema.types import Attachment, Comment, Company, Contact, Ticket, User
from schema.words import said

_ERRORS = "Why nothing was changed; empty where it was."
_TICKET = "The ticket as it is now; null if nothing was changed."
_GONE = "The id of what is gone; null if nothing was deleted."


@strawberry.type(description="The answer of `refreshToken`.")
class RefreshTokenPayload:
    """A token, or errors."""

    access_token: str | None = said("A new access token.")
    errors: list[UserError] = said(_ERRORS)


@strawberry.type(description="The answer of `logout`.")
class LogoutPayload:
    """Nothing but errors."""

    ok: bool = said("Whether the refresh token is of no more use; true also if it never was.")
    errors: list[UserError] = said(_ERRORS)


@strawberry.type(description="The answer of `createTicket`.")
class CreateTicketPayload:
    """The new ticket."""

    ticket: Ticket | None = said(_TICKET)
    errors: list[UserError] = said(_ERRORS)


@strawberry.type(description="The answer of `updateTicket`.")
class UpdateTicketPayload:
    """The changed ticket."""

    ticket: Ticket | None = said(_TICKET)
    errors: list[UserError] = said(_ERRORS)


@strawberry.type(description="The answer of `assignTicket`.")
class AssignTicketPayload:
    """The changed ticket."""

    ticket: Ticket | None = said(_TICKET)
    errors: list[UserError] = said(_ERRORS)


@strawberry.type(description="The answer of `deleteTicket`.")
class DeleteTicketPayload:
    """What is gone."""

    deleted_ticket_id: ID | None = said(_GONE)
    errors: list[UserError] = said(_ERRORS)


@strawberry.type(description="The answer of `addComment`.")
class AddCommentPayload:
    """The new comment and its ticket."""

    comment: Comment | None = said("The new comment; null if there is none.")
    ticket: Ticket | None = said(_TICKET)
    errors: list[UserError] = said(_ERRORS)


@strawberry.type(description="The answer of `updateComment`.")
class UpdateCommentPayload:
    """The changed comment."""

    comment: Comment | None = said("The comment as it is now; null if nothing was changed.")
    errors: list[UserError] = said(_ERRORS)


@strawberry.type(description="The answer of `deleteComment`.")
class DeleteCommentPayload:
    """What is gone."""

    deleted_comment_id: ID | None = said(_GONE)
    errors: list[UserError] = said(_ERRORS)


@strawberry.type(description="The answer of `uploadAttachment`.")
class UploadAttachmentPayload:
    """The new file and its ticket."""

    attachment: Attachment | None = said("The new attachment; null if there is none.")
    ticket: Ticket | None = said(_TICKET)
    errors: list[UserError] = said(_ERRORS)


@strawberry.type(description="The answer of `deleteAttachment`.")
class DeleteAttachmentPayload:
    """What is gone."""

    deleted_attachment_id: ID | None = said(_GONE)
    errors: list[UserError] = said(_ERRORS)


@strawberry.type(description="The answer of `createCompany`.")
class CreateCompanyPayload:
    """The company."""

    company: Company | None = said("The company as of now; null if nothing was changed.")
    errors: list[UserError] = said(_ERRORS)


@strawberry.type(description="The answer of `updateCompany`.")
class UpdateCompanyPayload:
    """The company."""

    company: Company | None = said("The company as of now; null if nothing was changed.")
    errors: list[UserError] = said(_ERRORS)


@strawberry.type(description="The answer of `deactivateCompany`.")
class DeactivateCompanyPayload:
    """The company."""

    company: Company | None = said("The company as of now; null if nothing was changed.")
    errors: list[UserError] = said(_ERRORS)


@strawberry.type(description="The answer of `createContact`.")
class CreateContactPayload:
    """The contact."""

    contact: Contact | None = said("The contact as of now; null if nothing was changed.")
    errors: list[UserError] = said(_ERRORS)


@strawberry.type(description="The answer of `updateContact`.")
class UpdateContactPayload:
    """The contact."""

    contact: Contact | None = said("The contact as of now; null if nothing was changed.")
    errors: list[UserError] = said(_ERRORS)


@strawberry.type(description="The answer of `deactivateContact`.")
class DeactivateContactPayload:
    """The contact."""

    contact: Contact | None = said("The contact as of now; null if nothing was changed.")
    errors: list[UserError] = said(_ERRORS)


@strawberry.type(description="The answer of `createUser`.")
class CreateUserPayload:
    """The user."""

    user: User | None = said("The user as of now; null if nothing was changed.")
    errors: list[UserError] = said(_ERRORS)


@strawberry.type(description="The answer of `updateUser`.")
class UpdateUserPayload:
    """The user."""

    user: User | None = said("The user as of now; null if nothing was changed.")
    errors: list[UserError] = said(_ERRORS)


@strawberry.type(description="The answer of `deactivateUser`.")
class DeactivateUserPayload:
    """The user."""

    user: User | None = said("The user as of now; null if nothing was changed.")
    errors: list[UserError] = said(_ERRORS)
