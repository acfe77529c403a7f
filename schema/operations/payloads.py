"""What the mutations answer: the changed objects, null where they failed, and the errors."""

from uuid import UUID

import strawberry
from strawberry import ID

from schema.errors.formatting import UserError
from schema.execution.context import Info
from schema.execution.engine import Json
from schema.operations.mutation_field import project_one
from schema.types.descriptions import described, errors, field
from schema.types.objects import Attachment, Comment, Company, Contact, Ticket, User
from schema.types.webhooks import Webhook, WebhookDelivery

_TICKET = "The ticket as it is now; null if nothing was changed."
_GONE = "The id of what is gone; null if nothing was deleted."
_WEBHOOK = "The webhook as it is now; null if nothing was changed."


@strawberry.type
class _OfTicket:
    ticket: Ticket | None = field(_TICKET)
    errors: list[UserError] = errors()


@strawberry.type(description="The answer of `createTicket`: the new ticket, or errors.")
class CreateTicketPayload(_OfTicket):
    """The new ticket."""


@strawberry.type(description="The answer of `updateTicket`: the changed ticket, or errors.")
class UpdateTicketPayload(_OfTicket):
    """The changed ticket."""


@strawberry.type(description="The answer of `assignTicket`: the changed ticket, or errors.")
class AssignTicketPayload(_OfTicket):
    """The changed ticket."""


@strawberry.type(
    description="The answer of `deleteTicket`: the id of the deleted ticket, or errors."
)
class DeleteTicketPayload:
    deleted_ticket_id: ID | None = field(_GONE)
    errors: list[UserError] = errors()


@strawberry.type(description="The answer of `addComment`: the new comment, or errors.")
class AddCommentPayload:
    """The new comment and its ticket."""

    comment: Comment | None = field("The new comment; null if there is none.")
    ticket: Ticket | None = field(_TICKET)
    errors: list[UserError] = errors()


@strawberry.type(description="The answer of `updateComment`: the changed comment, or errors.")
class UpdateCommentPayload:
    comment: Comment | None = field("The comment as it is now; null if nothing was changed.")
    errors: list[UserError] = errors()


@strawberry.type(
    description="The answer of `deleteComment`: the id of the deleted comment, or errors."
)
class DeleteCommentPayload:
    deleted_comment_id: ID | None = field(_GONE)
    errors: list[UserError] = errors()


@strawberry.type(description="The answer of `uploadAttachment`: the new attachment, or errors.")
class UploadAttachmentPayload:
    """The new file and its ticket."""

    attachment: Attachment | None = field("The new attachment; null if there is none.")
    ticket: Ticket | None = field(_TICKET)
    errors: list[UserError] = errors()


@strawberry.type(description="The answer of `updateAttachment`: the changed attachment, or errors.")
class UpdateAttachmentPayload:
    attachment: Attachment | None = field(
        "The attachment as it is now; null if nothing was changed."
    )
    errors: list[UserError] = errors()


@strawberry.type(
    description="The answer of `deleteAttachment`: the id of the deleted attachment, or errors."
)
class DeleteAttachmentPayload:
    deleted_attachment_id: ID | None = field(_GONE)
    errors: list[UserError] = errors()


@strawberry.type
class _OfCompany:
    company: Company | None = field("The company as it is now; null if nothing was changed.")
    errors: list[UserError] = errors()


@strawberry.type(description="The answer of `createCompany`: the new company, or errors.")
class CreateCompanyPayload(_OfCompany):
    """The new company."""


@strawberry.type(description="The answer of `updateCompany`: the changed company, or errors.")
class UpdateCompanyPayload(_OfCompany):
    """The changed company."""


@strawberry.type(
    description="The answer of `deactivateCompany`: the deactivated company, or errors."
)
class DeactivateCompanyPayload(_OfCompany):
    """The deactivated company."""


@strawberry.type
class _OfContact:
    contact: Contact | None = field("The contact as it is now; null if nothing was changed.")
    errors: list[UserError] = errors()


@strawberry.type(description="The answer of `createContact`: the new contact, or errors.")
class CreateContactPayload(_OfContact):
    """The new contact."""


@strawberry.type(description="The answer of `updateContact`: the changed contact, or errors.")
class UpdateContactPayload(_OfContact):
    """The changed contact."""


@strawberry.type(
    description="The answer of `deactivateContact`: the deactivated contact, or errors."
)
class DeactivateContactPayload(_OfContact):
    """The deactivated contact."""


@strawberry.type
class _OfUser:
    user: User | None = field("The user as it is now; null if nothing was changed.")
    errors: list[UserError] = errors()


@strawberry.type(description="The answer of `createUser`: the new user, or errors.")
class CreateUserPayload(_OfUser):
    """The new user."""


@strawberry.type(description="The answer of `updateUser`: the changed user, or errors.")
class UpdateUserPayload(_OfUser):
    """The changed user."""


@strawberry.type(description="The answer of `deactivateUser`: the deactivated user, or errors.")
class DeactivateUserPayload(_OfUser):
    """The deactivated user."""


@strawberry.type(
    description="The answer of `createWebhook`: the webhook with its secret, or errors."
)
class CreateWebhookPayload:
    """The webhook and its secret."""

    secret: str | None = field("The secret that signs, `whsec_…`; it is never shown again.")
    errors: list[UserError] = errors()
    webhook_id: strawberry.Private[UUID | None] = None

    @described(_WEBHOOK, Webhook | None)
    async def webhook(self, info: Info) -> Json | None:
        return await project_one(info, self.webhook_id)


@strawberry.type(description="The answer of `rotateWebhookSecret`: the new secret, or errors.")
class RotateWebhookSecretPayload:
    """The webhook and its new secret."""

    secret: str | None = field("The new secret, `whsec_…`; it is never shown again.")
    errors: list[UserError] = errors()
    webhook_id: strawberry.Private[UUID | None] = None

    @described(_WEBHOOK, Webhook | None)
    async def webhook(self, info: Info) -> Json | None:
        return await project_one(info, self.webhook_id)


@strawberry.type(description="The answer of `updateWebhook`: the changed webhook, or errors.")
class UpdateWebhookPayload:
    webhook: Webhook | None = field(_WEBHOOK)
    errors: list[UserError] = errors()


@strawberry.type(
    description="The answer of `deleteWebhook`: the id of the deleted webhook, or errors."
)
class DeleteWebhookPayload:
    deleted_webhook_id: ID | None = field(_GONE)
    errors: list[UserError] = errors()


@strawberry.type(description="The answer of `pingWebhook`: the delivery of the ping, or errors.")
class PingWebhookPayload:
    delivery: WebhookDelivery | None = field("The ping, which is sent right now.")
    errors: list[UserError] = errors()


@strawberry.type(
    description="The answer of `redeliver`: the delivery that is due again, or errors."
)
class RedeliverPayload:
    delivery: WebhookDelivery | None = field("The delivery as it is now.")
    errors: list[UserError] = errors()
