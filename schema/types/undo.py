"""Whether an event can be undone."""

import strawberry

from resolvers.query.undo.reasons import UndoRefusalReason
from schema.types.descriptions import describe_enum, field

describe_enum(
    UndoRefusalReason,
    "Why an event cannot be undone. The first that holds is told.",
    {
        "IMPORTED": "An import did it.",
        "CREATED": "Something was added, or restored by an undo: delete it instead.",
        "TOO_OLD": "It is older than the server allows.",
        "RESTORED": "What was deleted is there again.",
        "DELETED": "What was changed is deleted: undo that first.",
        "NOT_KEPT": "What was there before is not kept, as where an earlier release did it.",
        "FORBIDDEN": "The viewer may not make the change that would undo it.",
        "CHANGED": "The same fields were changed again: `undo` says by whom, and when.",
    },
)


@strawberry.type(description="Why an event cannot be undone.")
class UndoRefusal:
    reason: UndoRefusalReason = field("Why it cannot be undone, for programs.")
    message: str = field("Why it cannot be undone, in a sentence for people.")


__all__ = ["UndoRefusal", "UndoRefusalReason"]
