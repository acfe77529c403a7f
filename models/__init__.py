"""What is stored: tables, choices and column types. Importing this registers every table."""

from models.base import new_id, table_of
from models.choices import (
    FINISHED_STATUSES,
    TEAM_OF_CATEGORY,
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
from models.events import TicketEvent
from models.imports import ImportedRow
from models.people import Company, Contact, RefreshToken, User
from models.rates import RateBucket
from models.tickets import Attachment, Comment, DayCounter, Ticket
from models.webhooks import Webhook, WebhookAttempt, WebhookDelivery

__all__ = [
    "ALL_ID",
    "FINISHED_STATUSES",
    "TEAM_OF_CATEGORY",
    "Attachment",
    "Comment",
    "Company",
    "Contact",
    "CountScope",
    "DayCounter",
    "ImportedRow",
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
    "User",
    "Via",
    "Webhook",
    "WebhookAttempt",
    "WebhookDelivery",
    "WebhookDeliveryState",
    "new_id",
    "table_of",
]
