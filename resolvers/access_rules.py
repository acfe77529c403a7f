"""The table of what customers may do with tickets and comments; ``access`` applies it.

Staff may do all of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum, auto

# The fields of a ticket that a customer may set when creating it.
CUSTOMER_MAY_CREATE = frozenset(
    {"subject", "description", "company", "contact", "priority", "category", "tags", "due_date"}
)


class Action(StrEnum):
    """What can be done with a ticket or a comment that one sees."""

    UPDATE = "update"
    CHANGE_STATUS = "change_status"
    MANAGE = "manage"
    ASSIGN = "assign"
    DELETE = "delete"
    COMMENT = "comment"
    ADD_INTERNAL_NOTE = "add_internal_note"
    ATTACH_FILE = "attach_file"
    MAKE_INTERNAL = "make_internal"


class Customers(Enum):
    """Which customers may do something that staff may always do."""

    ALL = auto()
    OWNER = auto()
    NONE = auto()


@dataclass(frozen=True)
class AccessRule:
    """Who may do something, and the message for those who may not: a sentence without quotes."""

    customers: Customers
    refusal: str = ""


class ReasonCode(StrEnum):
    """Why a viewer may not do something."""

    NOT_YOURS = "not_yours"
    STAFF_ONLY = "staff_only"


# The column with the owner of a row.
OWNER = {"Ticket": "created_by_id", "Comment": "author_id"}
RULES: Mapping[str, Mapping[Action, AccessRule]] = {
    "Ticket": {
        Action.UPDATE: AccessRule(
            Customers.OWNER, "Customers may only change tickets that they created."
        ),
        Action.CHANGE_STATUS: AccessRule(Customers.NONE, "Only staff may change the status."),
        Action.MANAGE: AccessRule(
            Customers.NONE, "Only staff may change priority, category, company or due date."
        ),
        Action.ASSIGN: AccessRule(Customers.NONE, "Only staff may assign tickets."),
        Action.DELETE: AccessRule(Customers.NONE, "Only staff may delete tickets."),
        Action.COMMENT: AccessRule(Customers.ALL),
        Action.ADD_INTERNAL_NOTE: AccessRule(
            Customers.NONE, "Only staff may write internal notes."
        ),
        Action.ATTACH_FILE: AccessRule(Customers.ALL),
    },
    "Comment": {
        Action.UPDATE: AccessRule(Customers.OWNER, "Customers may only change their own comments."),
        Action.MAKE_INTERNAL: AccessRule(Customers.NONE, "Only staff may write internal notes."),
        Action.DELETE: AccessRule(Customers.OWNER, "Customers may only delete their own comments."),
    },
}
# Which permissions a change of a ticket's field needs, besides ``UPDATE``.
TAKES = {
    "status": Action.CHANGE_STATUS,
    "priority": Action.MANAGE,
    "category": Action.MANAGE,
    "company": Action.MANAGE,
    "due_date": Action.MANAGE,
    "assigned_to": Action.ASSIGN,
    "assigned_team": Action.ASSIGN,
}
CODE_OF = {Customers.OWNER: ReasonCode.NOT_YOURS, Customers.NONE: ReasonCode.STAFF_ONLY}
