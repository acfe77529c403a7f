"""The choices a field may hold: stored and shown by REST as their values, by GraphQL as names."""

from enum import StrEnum


class TicketStatus(StrEnum):
    """The workflow of a ticket, in its order."""

    NEW = "new"
    ASSIGNED = "assigned"
    IN_PROGRESS = "in_progress"
    PENDING = "pending"
    RESOLVED = "resolved"
    CLOSED = "closed"


class TicketPriority(StrEnum):
    """How urgent a ticket is, least urgent first."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    URGENT = "urgent"


class TicketCategory(StrEnum):
    """What a ticket is about; decides the team when none is given."""

    TECHNICAL = "technical"
    BILLING = "billing"
    ZONE_CONFIG = "zone_config"
    ACCOUNT = "account"
    FEATURE_REQUEST = "feature_request"
    GENERAL = "general"


class Team(StrEnum):
    """The teams that work on tickets."""

    SALES = "Sales"
    TECH = "Tech"
    FINANCE = "Finance"
    MUSIC = "Music"
    ADMIN = "Admin"


class Role(StrEnum):
    """What a user is: a member of staff (each role is also a team) or a customer."""

    SALES = "Sales"
    TECH = "Tech"
    FINANCE = "Finance"
    MUSIC = "Music"
    ADMIN = "Admin"
    CUSTOMER = "Customer"


class TicketEventType(StrEnum):
    """What happened to a ticket."""

    CREATED = "created"
    UPDATED = "updated"
    STATUS_CHANGED = "status_changed"
    ASSIGNED = "assigned"
    COMMENT_ADDED = "comment_added"
    COMMENT_EDITED = "comment_edited"
    COMMENT_DELETED = "comment_deleted"
    ATTACHMENT_ADDED = "attachment_added"
    ATTACHMENT_RENAMED = "attachment_renamed"
    ATTACHMENT_DELETED = "attachment_deleted"
    DELETED = "deleted"


class Via(StrEnum):
    """What a change came through."""

    REST = "rest"
    GRAPHQL = "graphql"
    IMPORT = "import"


class BulkJobKind(StrEnum):
    """What a bulk job does."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    IMPORT = "import"
    UNDO = "undo"


class BulkJobState(StrEnum):
    """Where a bulk job stands."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


OPEN_JOBS = (BulkJobState.PENDING, BulkJobState.RUNNING)


class WebhookDeliveryState(StrEnum):
    """What became of an event that a webhook is to be sent."""

    PENDING = "pending"
    DELIVERED = "delivered"
    SET_ASIDE = "set_aside"


FINISHED_STATUSES = (TicketStatus.RESOLVED, TicketStatus.CLOSED)

TEAM_OF_CATEGORY = {
    TicketCategory.TECHNICAL: Team.TECH,
    TicketCategory.BILLING: Team.FINANCE,
    TicketCategory.ZONE_CONFIG: Team.MUSIC,
    TicketCategory.ACCOUNT: Team.SALES,
}
