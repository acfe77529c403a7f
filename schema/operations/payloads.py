"""What the mutations answer: the changed objects, null where they failed, and the errors."""

import strawberry
from strawberry import ID

from schema.errors.formatting import UserError
from schema.types.descriptions import field
from schema.types.objects import Attachment, Comment, Company, Contact, Ticket, User

_ERRORS = "Why nothing was changed; empty where it was."
_TICKET = "The ticket as it is now; null if nothing was changed."
_GONE = "The id of what is gone; null if nothing was deleted."


@strawberry.type(description="The answer of `refreshToken`: a new token, or errors.")
class RefreshTokenPayload:
    """A token, or errors."""

    access_token: str | None = field(
        "A new access token, good for an hour; null if there are errors."
    )
    refresh_token: str | None = field(
        "The refresh token to keep instead of the one that was sent; null if there are errors."
    )
    errors: list[UserError] = field(_ERRORS)


@strawberry.type(description="The answer of `logout`: that the token is ended, or errors.")
class LogoutPayload:
    """Nothing but errors."""

    ok: bool = field("Whether the refresh token is of no more use; true also if it never was.")
    errors: list[UserError] = field(_ERRORS)


@strawberry.type(description="The answer of `logoutEverywhere`: that all sessions are ended.")
class LogoutEverywherePayload:
    """Nothing but errors."""

    ok: bool = field("Whether no token issued up to now is of any more use.")
    errors: list[UserError] = field(_ERRORS)


@strawberry.type(
    description="The answer of `changePassword`: the tokens of a new session, or errors."
)
class ChangePasswordPayload:
    """Tokens, or errors."""

    access_token: str | None = field("The token to send from now on; null if there are errors.")
    refresh_token: str | None = field(
        "The token that gets new access tokens; null if there are errors."
    )
    errors: list[UserError] = field(_ERRORS)


@strawberry.type(description="The answer of `createTicket`: the new ticket, or errors.")
class CreateTicketPayload:
    """The new ticket."""

    ticket: Ticket | None = field(_TICKET)
    errors: list[UserError] = field(_ERRORS)


@strawberry.type(description="The answer of `updateTicket`: the changed ticket, or errors.")
class UpdateTicketPayload:
    """The changed ticket."""

    ticket: Ticket | None = field(_TICKET)
    errors: list[UserError] = field(_ERRORS)


@strawberry.type(description="The answer of `assignTicket`: the changed ticket, or errors.")
class AssignTicketPayload:
    """The changed ticket."""

    ticket: Ticket | None = field(_TICKET)
    errors: list[UserError] = field(_ERRORS)


@strawberry.type(
    description="The answer of `deleteTicket`: the id of the deleted ticket, or errors."
)
class DeleteTicketPayload:
    """What is gone."""

    deleted_ticket_id: ID | None = field(_GONE)
    errors: list[UserError] = field(_ERRORS)


@strawberry.type(description="The answer of `addComment`: the new comment, or errors.")
class AddCommentPayload:
    """The new comment and its ticket."""

    comment: Comment | None = field("The new comment; null if there is none.")
    ticket: Ticket | None = field(_TICKET)
    errors: list[UserError] = field(_ERRORS)


@strawberry.type(description="The answer of `updateComment`: the changed comment, or errors.")
class UpdateCommentPayload:
    """The changed comment."""

    comment: Comment | None = field("The comment as it is now; null if nothing was changed.")
    errors: list[UserError] = field(_ERRORS)


@strawberry.type(
    description="The answer of `deleteComment`: the id of the deleted comment, or errors."
)
class DeleteCommentPayload:
    """What is gone."""

    deleted_comment_id: ID | None = field(_GONE)
    errors: list[UserError] = field(_ERRORS)


@strawberry.type(description="The answer of `uploadAttachment`: the new attachment, or errors.")
class UploadAttachmentPayload:
    """The new file and its ticket."""

    attachment: Attachment | None = field("The new attachment; null if there is none.")
    ticket: Ticket | None = field(_TICKET)
    errors: list[UserError] = field(_ERRORS)


@strawberry.type(description="The answer of `updateAttachment`: the changed attachment, or errors.")
class UpdateAttachmentPayload:
    """The changed attachment."""

    attachment: Attachment | None = field(
        "The attachment as it is now; null if nothing was changed."
    )
    errors: list[UserError] = field(_ERRORS)


@strawberry.type(
    description="The answer of `deleteAttachment`: the id of the deleted attachment, or errors."
)
class DeleteAttachmentPayload:
    """What is gone."""

    deleted_attachment_id: ID | None = field(_GONE)
    errors: list[UserError] = field(_ERRORS)


@strawberry.type(description="The answer of `createCompany`: the new company, or errors.")
class CreateCompanyPayload:
    """The company."""

    company: Company | None = field("The company as it is now; null if nothing was changed.")
    errors: list[UserError] = field(_ERRORS)


@strawberry.type(description="The answer of `updateCompany`: the changed company, or errors.")
class UpdateCompanyPayload:
    """The company."""

    company: Company | None = field("The company as it is now; null if nothing was changed.")
    errors: list[UserError] = field(_ERRORS)


@strawberry.type(
    description="The answer of `deactivateCompany`: the deactivated company, or errors."
)
class DeactivateCompanyPayload:
    """The company."""

    company: Company | None = field("The company as it is now; null if nothing was changed.")
    errors: list[UserError] = field(_ERRORS)


@strawberry.type(description="The answer of `createContact`: the new contact, or errors.")
class CreateContactPayload:
    """The contact."""

    contact: Contact | None = field("The contact as it is now; null if nothing was changed.")
    errors: list[UserError] = field(_ERRORS)


@strawberry.type(description="The answer of `updateContact`: the changed contact, or errors.")
class UpdateContactPayload:
    """The contact."""

    contact: Contact | None = field("The contact as it is now; null if nothing was changed.")
    errors: list[UserError] = field(_ERRORS)


@strawberry.type(
    description="The answer of `deactivateContact`: the deactivated contact, or errors."
)
class DeactivateContactPayload:
    """The contact."""

    contact: Contact | None = field("The contact as it is now; null if nothing was changed.")
    errors: list[UserError] = field(_ERRORS)


@strawberry.type(description="The answer of `createUser`: the new user, or errors.")
class CreateUserPayload:
    """The user."""

    user: User | None = field("The user as it is now; null if nothing was changed.")
    errors: list[UserError] = field(_ERRORS)


@strawberry.type(description="The answer of `updateUser`: the changed user, or errors.")
class UpdateUserPayload:
    """The user."""

    user: User | None = field("The user as it is now; null if nothing was changed.")
    errors: list[UserError] = field(_ERRORS)


@strawberry.type(description="The answer of `deactivateUser`: the deactivated user, or errors.")
class DeactivateUserPayload:
    """The user."""

    user: User | None = field("The user as it is now; null if nothing was changed.")
    errors: list[UserError] = field(_ERRORS)
