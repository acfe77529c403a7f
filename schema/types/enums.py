"""The enums of the schema: the model's choices with their descriptions, and the orders.

The model's choices are imported from here by the rest of the schema, so that none of them is
read before it has its descriptions.
"""

from enum import Enum

import strawberry

from models import (
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
from resolvers.commands.batches.outcomes import BatchMode
from schema.types.descriptions import describe_enum

describe_enum(
    TicketStatus,
    "Where a ticket stands in the workflow; sorting by status follows it.",
    {
        "NEW": "Nobody works on it yet.",
        "ASSIGNED": "Somebody is responsible for it.",
        "IN_PROGRESS": "Somebody works on it.",
        "PENDING": "It waits for the customer or for a third party.",
        "RESOLVED": "It is answered; the first time this is reached sets `resolvedAt`.",
        "CLOSED": "It is done; the first time this is reached sets `closedAt`.",
    },
)
describe_enum(
    BatchMode,
    "What happens to the other tickets where some of those that go together are refused.",
    {"EACH": "The other ones are written.", "ALL": "None of them is written."},
)
describe_enum(
    TicketPriority,
    "How urgent a ticket is; sorting by priority follows urgency.",
    {
        "LOW": "It can wait until there is time.",
        "MEDIUM": "The usual urgency, and the default.",
        "HIGH": "It ought to be done before the usual ones.",
        "URGENT": "It ought to be done now, before all others.",
    },
)
describe_enum(
    TicketCategory,
    "What a ticket is about; it decides the team of a ticket that has none.",
    {
        "TECHNICAL": "Something does not work; goes to the team TECH.",
        "BILLING": "Invoices and payments; goes to the team FINANCE.",
        "ZONE_CONFIG": "Settings of a music zone; goes to the team MUSIC.",
        "ACCOUNT": "Contracts and accounts; goes to the team SALES.",
        "FEATURE_REQUEST": "A wish for something that is not there yet.",
        "GENERAL": "Anything else, and the default.",
    },
)
describe_enum(
    Team,
    "A team that tickets are assigned to.",
    {
        "SALES": "The team for contracts and accounts.",
        "TECH": "The team for devices and networks.",
        "FINANCE": "The team for invoices and payments.",
        "MUSIC": "The team for playlists and zones.",
        "ADMIN": "The administrators of the desk.",
    },
)
describe_enum(
    Role,
    "What a user is to the desk.",
    {
        "SALES": "Staff of the team SALES.",
        "TECH": "Staff of the team TECH.",
        "FINANCE": "Staff of the team FINANCE.",
        "MUSIC": "Staff of the team MUSIC.",
        "ADMIN": "Staff who also manage users, companies and contacts.",
        "CUSTOMER": "Somebody of one company, who sees that company's tickets.",
    },
)


describe_enum(
    TicketEventType,
    "What happened to a ticket.",
    {
        "CREATED": "The ticket came in.",
        "UPDATED": "Fields changed, other than those that have an event of their own.",
        "STATUS_CHANGED": "It went on, or back, in the workflow.",
        "ASSIGNED": "The responsible user or team changed.",
        "COMMENT_ADDED": "Somebody commented, or an internal note was published.",
        "COMMENT_EDITED": "A comment changed: its text, or who may see it.",
        "COMMENT_DELETED": "A comment or internal note is gone.",
        "ATTACHMENT_ADDED": "A file was uploaded to it.",
        "ATTACHMENT_RENAMED": "A file got another name.",
        "ATTACHMENT_DELETED": "A file of the ticket is gone.",
        "DELETED": "The ticket was deleted, with its comments and files.",
    },
)
describe_enum(
    Via,
    "What a change came through.",
    {
        "REST": "A request to the REST API.",
        "GRAPHQL": "A request to the GraphQL API.",
        "IMPORT": "An import from another system.",
    },
)


describe_enum(
    WebhookDeliveryState,
    "What became of an event that a webhook is to be sent.",
    {
        "PENDING": "It is still to arrive: it is due, being sent, or tried again later.",
        "DELIVERED": "The receiver answered with a status of success.",
        "SET_ASIDE": "It was given up; `redeliver` sends it again.",
    },
)


describe_enum(
    BulkJobKind,
    "What a bulk job does.",
    {
        "CREATE": "It creates tickets from a list of inputs.",
        "UPDATE": "It changes tickets, and may comment on each of them.",
        "DELETE": "It deletes tickets, with their comments and files.",
        "IMPORT": "It creates tickets from the rows of a file.",
        "UNDO": "It undoes what another bulk job has done.",
    },
)
describe_enum(
    BulkJobState,
    "Where a bulk job stands.",
    {
        "PENDING": "It waits for its turn; none of it is done.",
        "RUNNING": "A part of it is done, and it goes on.",
        "DONE": "All of it is done, apart from the tickets that were refused.",
        "CANCELLED": "It was cancelled: what was done by then stays.",
        "FAILED": "It could not go on; `reason` says why. What was done by then stays.",
    },
)


@strawberry.enum(description="What tickets can be sorted by.")
class TicketOrderField(Enum):
    """The values are the catalog's names."""

    CREATED_AT = strawberry.enum_value("created_at", description="When the ticket came in.")
    UPDATED_AT = strawberry.enum_value(
        "updated_at", description="When a field of it was last changed."
    )
    DUE_DATE = strawberry.enum_value(
        "due_date", description="When it is due; tickets without a due date count as the latest."
    )
    PRIORITY = strawberry.enum_value("priority", description="Its urgency, LOW to URGENT.")
    STATUS = strawberry.enum_value(
        "status", description="The place in the workflow, NEW to CLOSED."
    )
    TICKET_NUMBER = strawberry.enum_value("ticket_number", description="Its number, as text.")


@strawberry.enum(description="Which end of an order comes first.")
class OrderDirection(Enum):
    """The values are for people."""

    ASC = strawberry.enum_value("asc", description="Smallest, earliest or least urgent first.")
    DESC = strawberry.enum_value("desc", description="Largest, latest or most urgent first.")


@strawberry.enum(description="Why something that was asked for was not done.")
class ErrorCode(Enum):
    """The codes of expected failures, in payloads."""

    NOT_FOUND = strawberry.enum_value(
        "NOT_FOUND", description="There is no such object, or the viewer may not see it."
    )
    INVALID = strawberry.enum_value(
        "INVALID", description="A value is not acceptable; `field` says which."
    )
    FORBIDDEN = strawberry.enum_value(
        "FORBIDDEN", description="The viewer may see this, but not do it."
    )
    CONFLICT = strawberry.enum_value(
        "CONFLICT", description="The object has changed since it was read; read it again."
    )
    ABORTED = strawberry.enum_value(
        "ABORTED", description="Nothing is wrong with this, but with others that go with it."
    )


__all__ = [
    "BatchMode",
    "BulkJobKind",
    "BulkJobState",
    "ErrorCode",
    "OrderDirection",
    "Role",
    "Team",
    "TicketCategory",
    "TicketEventType",
    "TicketOrderField",
    "TicketPriority",
    "TicketStatus",
    "Via",
    "WebhookDeliveryState",
]
