"""What the viewer may do, and why not: the answers of ``resolvers/access.py``."""

import strawberry

from resolvers.access_rules import Action, ReasonCode
from schema.types.descriptions import describe_enum, field

_ACTIONS = {
    "UPDATE": "Change its text; of a ticket, `subject`, `description`, `contactId` and `tags`.",
    "CHANGE_STATUS": "Change the status, as to resolve, close or reopen it.",
    "MANAGE": "Change `priority`, `category`, `companyId` and `dueDate`.",
    "ASSIGN": "Assign it to somebody, to a team, or to nobody.",
    "DELETE": "Remove it; a ticket with its comments and files.",
    "COMMENT": "Say something about a ticket that customers see.",
    "ADD_INTERNAL_NOTE": "Add a note that customers never see.",
    "ATTACH_FILE": "Upload a file to a ticket.",
    "MAKE_INTERNAL": "Turn a comment into a note that customers never see.",
}
_CODES = {
    "NOT_YOURS": "Customers may do it only with what is their own.",
    "STAFF_ONLY": "Customers may not do it at all.",
}


describe_enum(Action, "What can be done with a ticket or a comment.", _ACTIONS, name="ViewerAction")
describe_enum(ReasonCode, "Why a viewer may not do something.", _CODES, name="ViewerCannotCode")


@strawberry.type(description="What the viewer may do with a ticket.")
class TicketPermissions:
    """The rules of ``Ticket``."""

    update: bool = field("Whether `subject`, `description`, `contactId` and `tags` may be changed.")
    change_status: bool = field("Whether it may be resolved, closed or reopened.")
    manage: bool = field(
        "Whether `priority`, `category`, `companyId` and `dueDate` may be changed."
    )
    assign: bool = field("Whether it may be given to somebody, to a team, or to nobody.")
    delete: bool = field("Whether it may be removed, with its comments and files.")
    comment: bool = field("Whether something may be said about it that customers see.")
    add_internal_note: bool = field("Whether notes that customers never see may be added.")
    attach_file: bool = field("Whether files may be uploaded to it.")


@strawberry.type(description="What the viewer may do with a comment.")
class CommentPermissions:
    """The rules of ``Comment``."""

    update: bool = field("Whether its text may be changed.")
    make_internal: bool = field(
        "Whether it may become a note that customers never see, or stay one."
    )
    delete: bool = field("Whether it may be removed.")


@strawberry.type(description="Something that the viewer may not do, and why.")
class ViewerCannotReason:
    """See ``resolvers.access.refusals``."""

    action: Action = field("What the viewer may not do.")
    code: ReasonCode = field("Why it is refused, for programs.")
    message: str = field("Why it is refused, in a sentence for people.")
