"""What the mutations answer: the changed objects, null where they failed, and the errors."""

from uuid import UUID

import strawberry
from strawberry import ID

from schema.errors.formatting import UserError
from schema.execution.context import Info
from schema.execution.engine import Json
from schema.operations.mutation_field import Made, ReadsLater, project_one
from schema.types.conflicts import Merge
from schema.types.descriptions import described, errors, field
from schema.types.objects import (
    Attachment,
    Comment,
    Company,
    Contact,
    Ticket,
    TicketEvent,
    User,
)
from schema.types.webhooks import Webhook, WebhookDelivery

_TICKET = "The ticket as it is now; null if nothing was changed."
_GONE = "The id of what is gone; null if nothing was deleted."
_EVENTS = "What was written to the event log, or would be; null if nothing was changed."
_MERGED = "What the change was merged with, by `onConflict: MERGE`; null if it was not."
_WEBHOOK = "The webhook as it is now; null if nothing was changed."


@strawberry.type
class _OfTicket:
    ticket: Ticket | None = field(_TICKET)
    events: list[TicketEvent] | None = field(_EVENTS)
    errors: list[UserError] = errors()


@strawberry.type(description="The answer of `createTicket`: the new ticket, or errors.")
class CreateTicketPayload(_OfTicket):
    """The new ticket."""


@strawberry.type(description="The answer of `updateTicket`: the changed ticket, or errors.")
class UpdateTicketPayload(_OfTicket):
    merged: Merge | None = field(_MERGED)


@strawberry.type(description="The answer of `assignTicket`: the changed ticket, or errors.")
class AssignTicketPayload(_OfTicket):
    merged: Merge | None = field(_MERGED)


@strawberry.type(
    description="The answer of `deleteTicket`: the id of the deleted ticket, or errors."
)
class DeleteTicketPayload:
    deleted_ticket_id: ID | None = field(_GONE)
    events: list[TicketEvent] | None = field(_EVENTS)
    errors: list[UserError] = errors()


@strawberry.type(description="What came of one ticket of several: the ticket, or errors.")
class BulkTicketResult:
    id: ID | None = field("The id as it was given or found, or of the new ticket; null of none.")
    ticket: Ticket | None = field("The ticket as it is now; null if it was refused, or deleted.")
    errors: list[UserError] = errors("Why this ticket was left as it is; empty where it was not.")


@strawberry.type
class _OfTickets:
    results: list[BulkTicketResult] | None = field(
        "What came of each ticket, in the order of `ids`, `inputs` or their first `eventIds`, and "
        "of a filter by their ids; null if nothing was tried."
    )
    changed_count: int | None = field(
        "How many tickets were changed, not counting those that were the same already; null if "
        "nothing was tried."
    )
    events: list[TicketEvent] | None = field(
        "What was written to the event log, or would be, in the order of the tickets; null if "
        "nothing was tried."
    )
    errors: list[UserError] = errors("Why nothing was tried; empty where it was.")


@strawberry.type(description="The answer of `createTickets`: the new tickets, or errors.")
class CreateTicketsPayload(_OfTickets):
    """The new tickets."""


@strawberry.type(description="The answer of `updateTickets`: the changed tickets, or errors.")
class UpdateTicketsPayload(_OfTickets):
    """The changed tickets."""


@strawberry.type(description="The answer of `deleteTickets`: what was deleted, or errors.")
class DeleteTicketsPayload(_OfTickets):
    """The tickets that are gone."""


@strawberry.type(description="The answer of `undoTickets`: the tickets as they are, or errors.")
class UndoTicketsPayload(_OfTickets):
    """The tickets as they were before."""


@strawberry.type(description="The answer of `addComment`: the new comment, or errors.")
class AddCommentPayload:
    """The new comment and its ticket."""

    comment: Comment | None = field("The new comment; null if there is none.")
    ticket: Ticket | None = field(_TICKET)
    events: list[TicketEvent] | None = field(_EVENTS)
    errors: list[UserError] = errors()


@strawberry.type(description="The answer of `updateComment`: the changed comment, or errors.")
class UpdateCommentPayload:
    comment: Comment | None = field("The comment as it is now; null if nothing was changed.")
    events: list[TicketEvent] | None = field(_EVENTS)
    merged: Merge | None = field(_MERGED)
    errors: list[UserError] = errors()


@strawberry.type(
    description="The answer of `deleteComment`: the id of the deleted comment, or errors."
)
class DeleteCommentPayload:
    deleted_comment_id: ID | None = field(_GONE)
    events: list[TicketEvent] | None = field(_EVENTS)
    errors: list[UserError] = errors()


@strawberry.type(description="The answer of `uploadAttachment`: the new attachment, or errors.")
class UploadAttachmentPayload:
    """The new file and its ticket."""

    attachment: Attachment | None = field("The new attachment; null if there is none.")
    ticket: Ticket | None = field(_TICKET)
    events: list[TicketEvent] | None = field(_EVENTS)
    errors: list[UserError] = errors()


@strawberry.type(description="The answer of `updateAttachment`: the changed attachment, or errors.")
class UpdateAttachmentPayload:
    attachment: Attachment | None = field(
        "The attachment as it is now; null if nothing was changed."
    )
    events: list[TicketEvent] | None = field(_EVENTS)
    errors: list[UserError] = errors()


@strawberry.type(
    description="The answer of `deleteAttachment`: the id of the deleted attachment, or errors."
)
class DeleteAttachmentPayload:
    deleted_attachment_id: ID | None = field(_GONE)
    events: list[TicketEvent] | None = field(_EVENTS)
    errors: list[UserError] = errors()


@strawberry.type(description="The answer of `undo`: what was changed as it is now, or errors.")
class UndoPayload:
    ticket: Ticket | None = field(_TICKET)
    comment: Comment | None = field("The comment as it is now, where the change was of one.")
    attachment: Attachment | None = field("The file as it is now, where the change was of one.")
    events: list[TicketEvent] | None = field(_EVENTS)
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
class CreateWebhookPayload(ReadsLater):
    """The webhook and its secret."""

    secret: str | None = field("The secret that signs, `whsec_…`; it is never shown again.")
    errors: list[UserError] = errors()
    webhook_id: strawberry.Private[UUID | None] = None

    @described(_WEBHOOK, Webhook | None)
    async def webhook(self, info: Info) -> Json | None:
        return await project_one(info, self.webhook_id)

    def made(self) -> Made:
        return {"webhook": self.webhook_id, "secret": self.secret}


@strawberry.type(description="The answer of `rotateWebhookSecret`: the new secret, or errors.")
class RotateWebhookSecretPayload(ReadsLater):
    """The webhook and its new secret."""

    secret: str | None = field("The new secret, `whsec_…`; it is never shown again.")
    errors: list[UserError] = errors()
    webhook_id: strawberry.Private[UUID | None] = None

    @described(_WEBHOOK, Webhook | None)
    async def webhook(self, info: Info) -> Json | None:
        return await project_one(info, self.webhook_id)

    def made(self) -> Made:
        return {"webhook": self.webhook_id, "secret": self.secret}


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
