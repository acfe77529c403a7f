"""What the viewer may do, and why not: the answers of ``resolvers/access.py``."""

from enum import StrEnum

import strawberry

from resolvers.access import Action, ReasonCode
from schema.words import said

_ACTIONS = {
    "UPDATE": "Change its text; of a ticket, `subject`, `description`, `contactId` and `tags`.",
    "CHANGE_STATUS": "Change the status, as to resolve, close or reopen it.",
    "MANAGE": "Change `priority`, `category`, `companyId` and `dueDate`.",
    "ASSIGN": "Assign it to somebody, to a team, or to nobody.",
    "DELETE": "Delete it.",
    "COMMENT": "Add a public comment.",
    "ADD_INTERNAL_NOTE": "Add an internal note.",
    "ATTACH_FILE": "Add a file.",
    "MAKE_INTERNAL": "Turn a comment into an internal note.",
}
_CODES = {
    "NOT_YOURS": "Customers may do it only with what is their own.",
    "STAFF_ONLY": "Customers may not do it at all.",
}


def _describe(choices: type[StrEnum], name: str, description: str, values: dict[str, str]) -> None:
    strawberry.enum(choices, name=name, description=description)
    for value in choices.__strawberry_definition__.values:  # type: ignore[attr-defined]
        value.description = values[value.name]


_describe(Action, "ViewerAction", "What can be done with a ticket or a comment.", _ACTIONS)
_describe(ReasonCode, "ViewerCannotCode", "Why a viewer may not do something.", _CODES)


@strawberry.type(description="What the viewer may do with a ticket.")
class TicketPermissions:
    """The rules of ``Ticket``."""

    update: bool = said("Change `subject`, `description`, `contactId` and `tags`.")
    change_status: bool = said("Change the status, as to resolve, close or reopen it.")
    manage: bool = said("Change `priority`, `category`, `companyId` and `dueDate`.")
    assign: bool = said("Assign it to somebody, to a team, or to nobody.")
    delete: bool = said("Delete it.")
    comment: bool = said("Add public comments.")
    add_internal_note: bool = said("Add internal notes.")
    attach_file: bool = said("Add files.")


@strawberry.type(description="What the viewer may do with a comment.")
class CommentPermissions:
    """The rules of ``Comment``."""

    update: bool = said("Change its text.")
    make_internal: bool = said("Turn it into an internal note, or stay with one.")
    delete: bool = said("Delete it.")


@strawberry.type(description="Something that the viewer may not do, and why.")
class ViewerCannotReason:
    """See ``resolvers.access.refusals``."""

    action: Action = said("What they may not do.")
    code: ReasonCode = said("Why, for programs.")
    message: str = said("Why, in a sentence for people.")
