"""The schema of 412: what ``error_messages.explained`` returns."""

from resolvers.query.undo.reasons import UndoRefusalReason
from rest_compat.openapi.examples import ID, TIME
from rest_compat.openapi.values import Json, Schemas, members


def failed_precondition(schemas: Schemas, sentence: Json) -> Json:
    """Return the schema; what has happened is there where ``If-Match`` names a version."""
    properties = {"detail": sentence, "conflict": schemas.ref("Conflict", _conflict(schemas))}
    return schemas.ref("PreconditionRefusal", {**members(properties), "required": ["detail"]})


def refused_undo(schemas: Schemas, sentence: Json) -> Json:
    """Return the schema of why something is not undone: a reason, or what others have changed."""
    reason = {
        "type": "string",
        "description": "Why it cannot be undone, for programs.",
        "enum": [reason.value for reason in UndoRefusalReason],
    }
    conflict = schemas.ref("Conflict", _conflict(schemas))
    properties = {"detail": sentence, "reason": reason, "conflict": conflict}
    return schemas.ref("UndoRefusal", {**members(properties), "required": ["detail"]})


def _conflict(schemas: Schemas) -> Json:
    known = "Whether it is known what has happened in between."
    return members(
        {
            "expected_version": _value("integer", "The version of `If-Match`.", 3),
            "actual_version": _value("integer", "The version that is the current one.", 4),
            "is_explained": _value("boolean", known, True),
            "changed_fields": {
                "type": "array",
                "items": {"type": "string"},
                "description": "The fields that others have changed.",
            },
            "fields": {
                "type": "array",
                "items": schemas.ref("ConflictingField", _field()),
                "description": "Those that stand against the change.",
            },
        }
    )


def _field() -> Json:
    excerpt = "Where `base` begins, of a text that was too long to be kept in full."
    who = "The full name of that user."
    return members(
        {
            "field": _value("string", "Its name, as in the feed of events.", "priority"),
            "base": _nullable("string", "What it was in the version of `If-Match`.", "high"),
            "base_excerpt_start": _nullable("integer", excerpt, 1200),
            "base_length": _nullable("integer", "How many characters that text had.", 4000),
            "yours": _nullable("string", "What the request would make of it.", "urgent"),
            "theirs": _nullable("string", "What it is now.", "low"),
            "changed_by": _nullable("string", "The user who changed it last.", str(ID)),
            "changed_by_name": _nullable("string", who, "Keith Thompson"),
            "changed_at": _nullable("string", "When it was changed last.", TIME),
        }
    )


def _value(kind: object, text: str, example: object) -> Json:
    return {"type": kind, "description": text, "examples": [example]}


def _nullable(kind: str, text: str, example: object) -> Json:
    return _value([kind, "null"], text, example)
