"""What viewers may do, written again for the answers of ``reference``."""

from typing import Any

from models import Comment, Role

STAFF, OWN = "STAFF_ONLY", "NOT_YOURS"
NOTES = "Only staff may write internal notes."
OF_TICKETS = {
    "update": (OWN, "Customers may only change tickets that they created."),
    "changeStatus": (STAFF, "Only staff may change the status."),
    "manage": (STAFF, "Only staff may change priority, category, company or due date."),
    "assign": (STAFF, "Only staff may assign tickets."),
    "delete": (STAFF, "Only staff may delete tickets."),
    "comment": None,
    "addInternalNote": (STAFF, NOTES),
    "attachFile": None,
}
OF_COMMENTS = {
    "update": (OWN, "Customers may only change their own comments."),
    "makeInternal": (STAFF, NOTES),
    "delete": (OWN, "Customers may only delete their own comments."),
}
ACTIONS = {
    "changeStatus": "CHANGE_STATUS",
    "addInternalNote": "ADD_INTERNAL_NOTE",
    "attachFile": "ATTACH_FILE",
    "makeInternal": "MAKE_INTERNAL",
}


def _refused(viewer: Any, row: Any) -> dict[str, tuple[str, str]]:
    if viewer.role is not Role.CUSTOMER:
        return {}
    owner = row.author_id if isinstance(row, Comment) else row.created_by_id
    rules = OF_COMMENTS if isinstance(row, Comment) else OF_TICKETS
    found = {name: why for name, why in rules.items() if why}
    return {name: why for name, why in found.items() if why[0] == STAFF or owner != viewer.id}


def able(viewer: Any, row: Any) -> dict[str, bool]:
    """Return what ``viewerCan`` says."""
    rules = OF_COMMENTS if isinstance(row, Comment) else OF_TICKETS
    return {name: name not in _refused(viewer, row) for name in rules}


def reasons(viewer: Any, row: Any) -> list[dict[str, str]]:
    """Return what ``viewerCannotReasons`` says."""
    return [
        {"action": ACTIONS.get(name, name.upper()), "code": code, "message": message}
        for name, (code, message) in _refused(viewer, row).items()
    ]
