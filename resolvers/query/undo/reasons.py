"""Why an event cannot be undone."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from resolvers.errors import ServiceError


class UndoRefusalReason(StrEnum):
    """Why an event cannot be undone, in the order in which it is found."""

    IMPORTED = "imported"
    CREATED = "created"
    TOO_OLD = "too_old"
    RESTORED = "restored"
    DELETED = "deleted"
    NOT_KEPT = "not_kept"
    FORBIDDEN = "forbidden"
    CHANGED = "changed"


SENTENCES: Mapping[UndoRefusalReason, str] = {
    UndoRefusalReason.IMPORTED: "What an import did is not undone.",
    UndoRefusalReason.CREATED: "What was added, or restored, is not undone: delete it instead.",
    UndoRefusalReason.TOO_OLD: "It is too long ago to be undone.",
    UndoRefusalReason.RESTORED: "What was deleted is there again.",
    UndoRefusalReason.DELETED: "What was changed is deleted: undo that first.",
    UndoRefusalReason.NOT_KEPT: "What was there before is not kept.",
    UndoRefusalReason.FORBIDDEN: "You may not make this change, so you may not undo it.",
    UndoRefusalReason.CHANGED: "The same fields were changed again since then.",
}


@dataclass
class UndoRefused(ServiceError):
    """An event cannot be undone."""

    reason: UndoRefusalReason

    def __str__(self) -> str:
        return SENTENCES[self.reason]
