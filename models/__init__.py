"""What is stored: tables, choices and column types. Importing this registers every table."""

from models.base import new_id, table_of
from models.bulk import BulkJob, BulkJobBatch, BulkJobError
from models.choices import (
    FINISHED_STATUSES,
    OPEN_JOBS,
    TEAM_OF_CATEGORY,
    BulkJobKind,
    BulkJobState,
    Role,
    Team,
    TicketCategory,
    TicketEventType,
    TicketPriority,
    TicketStatus,
    Via,
    WebhookDeliveryState,
)
from models.counts import ALL_ID, CountScope, TicketCount, TicketCountChange, TicketDueCount
from models.events import PurgedEvents, TicketEvent
from models.idempotency import IdempotencyKey
from models.imports import ImportedRow
from models.people import Company, Contact, RefreshToken, User
from models.rates import RateBucket
from models.revisions import DataRevision, renewal
from models.ticket_imports import ImportFile, ImportReject
from models.tickets import Attachment, Comment, DayCounter, Ticket
from models.undo import DELETED_ATTACHMENTS, DELETED_COMMENTS, DELETED_TICKETS, UndoRecord
from models.webhooks import Webhook, WebhookAttempt, WebhookDelivery

__all__ = [
    "ALL_ID",
    "DELETED_ATTACHMENTS",
    "DELETED_COMMENTS",
    "DELETED_TICKETS",
    "FINISHED_STATUSES",
    "OPEN_JOBS",
    "TEAM_OF_CATEGORY",
    "Attachment",
    "BulkJob",
    "BulkJobBatch",
    "BulkJobError",
    "BulkJobKind",
    "BulkJobState",
    "Comment",
    "Company",
    "Contact",
    "CountScope",
    "DataRevision",
    "DayCounter",
    "IdempotencyKey",
    "ImportFile",
    "ImportReject",
    "ImportedRow",
    "PurgedEvents",
    "RateBucket",
    "RefreshToken",
    "Role",
    "Team",
    "Ticket",
    "TicketCategory",
    "TicketCount",
    "TicketCountChange",
    "TicketDueCount",
    "TicketEvent",
    "TicketEventType",
    "TicketPriority",
    "TicketStatus",
    "UndoRecord",
    "User",
    "Via",
    "Webhook",
    "WebhookAttempt",
    "WebhookDelivery",
    "WebhookDeliveryState",
    "new_id",
    "renewal",
    "table_of",
]
