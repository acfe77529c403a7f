"""The fields of an event that say whether it can be undone."""

from sqlalchemy import case, select

from models import TicketEvent, table_of
from resolvers.query.compile_context import CompileContext, Row
from resolvers.query.shapes import TYPENAME, Shape
from resolvers.query.sql.elements import SQL, Constant, JsonObject, Word
from resolvers.query.undo.reasons import SENTENCES, UndoRefusalReason
from resolvers.query.undo.refusals import refusal_reason


def can_undo(build: CompileContext, row: Row, _slot: int | None) -> SQL:
    """Return whether an event can be undone."""
    return _reason_of(build, row).is_(None)


def refusal_object(build: CompileContext, shape: Shape, row: Row) -> SQL:
    """Return the reason why an event cannot be undone, with its sentence, or NULL."""
    told = {Constant(one.value): _told(build, shape, one) for one in UndoRefusalReason}
    return case(*told.items(), value=_reason_of(build, row))


def _told(build: CompileContext, shape: Shape, reason: UndoRefusalReason) -> SQL:
    name = reason.value.upper() if build.choice_names else reason.value
    told = {TYPENAME: "UndoRefusal", "reason": name, "message": SENTENCES[reason]}
    return JsonObject([(field.key, Word(told[field.name])) for field in shape.fields])


def _reason_of(build: CompileContext, row: Row) -> SQL:
    """Return the reason by way of a view, which a statement has once however often it asks.

    Inside of other objects the conditions would also nest too deep for SQLite's parser.
    """
    view = build.views.get("undo")
    if view is None:
        event = build.alias(table_of(TicketEvent))
        reasons = select(event.c.id, refusal_reason(build, event.c).label("reason"))
        # Otherwise a view that is used twice would be made for all events at once.
        view = reasons.cte("undo_reasons").prefix_with("NOT MATERIALIZED")
        build.views["undo"] = view
    other = view.alias(f"u{build.next_name()}")
    found = select(other.c.reason).where(other.c.id == row.id)
    return found.correlate_except(other).scalar_subquery()
