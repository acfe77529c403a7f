"""The catalog's part about bulk jobs."""

from sqlalchemy.types import Integer

from models import BulkJob, BulkJobError, table_of
from models.types import UtcDateTime
from resolvers.query.expressions import columns, member
from resolvers.query.field_types import (
    MAX_PAGE_BYTES,
    Entity,
    FieldKind,
    JsonItems,
    JsonPart,
    Order,
    Scalar,
    ToMany,
    ToOne,
)

_NEWEST = (("created_at", True),)
_IN_ORDER = (("position", False),)


def _text(name: str) -> Scalar:
    """Define a text, or null, of an object in JSON."""
    return Scalar(FieldKind.TEXT, lambda _build, row, _slot: member(row, name), nullable=True)


def _json(name: str) -> Scalar:
    """Define a number, a boolean or a list of an object in JSON, or null."""
    return Scalar(FieldKind.JSON, lambda _build, row, _slot: member(row, name))


BULK_JOB = Entity(
    "BulkJob",
    table_of(BulkJob),
    {
        **columns(FieldKind.UUID, "id"),
        **columns(FieldKind.CHOICE, "kind", "state"),
        **columns(FieldKind.TEXT, "reason", nullable=True),
        **columns(FieldKind.NUMBER, "total_count", nullable=True),
        **columns(FieldKind.NUMBER, "done_count", "changed_count", "failed_count"),
        **columns(FieldKind.TIME, "created_at"),
        **columns(FieldKind.TIME, "started_at", "finished_at", nullable=True),
        "created_by": ToOne("User", "created_by_id", anyone=True),
        "undo_of": ToOne("BulkJob", "undo_of_id"),
        "errors": ToMany("BulkJobError", "job_id", _IN_ORDER),
    },
    {"created_at": Order("created_at", UtcDateTime)},
    _NEWEST,
)

BULK_JOB_ERROR = Entity(
    "BulkJobError",
    table_of(BulkJobError),
    {
        **columns(FieldKind.UUID, "id"),
        **columns(FieldKind.NUMBER, "position"),
        **columns(FieldKind.UUID, "ticket_id", nullable=True),
        "ticket": ToOne("Ticket", "ticket_id"),
        "errors": JsonItems("UserError", "errors"),
    },
    {"position": Order("position", Integer)},
    _IN_ORDER,
    MAX_PAGE_BYTES,
)

# An error of a list that is stored as JSON.
USER_ERROR = Entity(
    "UserError",
    BULK_JOB_ERROR.table,
    {
        **{name: _text(name) for name in ("message", "code")},
        "field": _json("field"),
        "conflict": JsonPart("Conflict", "conflict"),
    },
    {},
    (),
)

CONFLICT = Entity(
    "Conflict",
    BULK_JOB_ERROR.table,
    {
        **{name: _json(name) for name in ("expected_version", "actual_version", "is_explained")},
        "changed_fields": _json("changed_fields"),
        "fields": JsonItems("ConflictingField", "fields"),
    },
    {},
    (),
)

CONFLICTING_FIELD = Entity(
    "ConflictingField",
    BULK_JOB_ERROR.table,
    {
        **{
            name: _text(name)
            for name in ("field", "base", "yours", "theirs", "changed_by_name", "changed_at")
        },
        "changed_by_id": _text("changed_by_id"),
        **{name: _json(name) for name in ("base_excerpt_start", "base_length")},
    },
    {},
    (),
)
