"""Why an event cannot be undone, as SQL: for each row of a history, and for an undo itself."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Integer,
    and_,
    case,
    cast,
    exists,
    false,
    func,
    literal_column,
    not_,
    or_,
    select,
    true,
)
from sqlmodel import SQLModel

from models import (
    DELETED_ATTACHMENTS,
    DELETED_COMMENTS,
    Attachment,
    Comment,
    Ticket,
    TicketEvent,
    TicketEventType,
    UndoRecord,
    table_of,
)
from models.types import UtcDateTime
from resolvers import access
from resolvers.access_rules import TAKES, Action
from resolvers.query import binds
from resolvers.query.compile_context import CompileContext, Row
from resolvers.query.sql.elements import (
    SQL,
    Constant,
    JsonMember,
    Plain,
    TimeText,
)
from resolvers.query.undo.reasons import UndoRefusalReason
from resolvers.viewer import ViewerKind

Condition = ColumnElement[bool]
# The fields of a row as the texts of events, by their names.
Texts = Callable[[Row], Mapping[str, SQL]]
_Type, _Reason = TicketEventType, UndoRefusalReason
WRITTEN = (_Type.UPDATED, _Type.STATUS_CHANGED, _Type.ASSIGNED)
_CREATED = (_Type.CREATED, _Type.COMMENT_ADDED, _Type.ATTACHMENT_ADDED)
# A write has one event of each type in ``WRITTEN`` at most.
_ONE: SQL = literal_column("1")
_NEIGHBOURS: SQL = literal_column(str(len(WRITTEN) - 1))
# The fields of events whose columns have other names, and those that are times.
_COLUMN_OF = {"company": "company_id", "contact": "contact_id", "assigned_to": "assigned_to_id"}
_TICKET_FIELDS = (
    *("subject", "description", "status", "priority", "category", "company", "contact"),
    *("assigned_to", "assigned_team", "tags"),
)
_TIMES = ("due_date", "resolved_at", "closed_at")


def together(row: Row, other: Row) -> Condition:
    """Return the condition for the events that are undone with one: those of the same write."""
    alike = and_(_is(row, *WRITTEN), _is(other, *WRITTEN), other.version == row.version)
    return and_(
        other.ticket_id == row.ticket_id,
        # By the index of a ticket's events.
        other.seq >= row.seq - _NEIGHBOURS,
        other.seq <= row.seq + _NEIGHBOURS,
        or_(other.seq == row.seq, alike),
    )


def refusal_reason(build: CompileContext, row: Row, *, additions: bool = False) -> SQL:
    """Return the reason why an event cannot be undone, NULL where it can.

    ``additions``: what was added may be undone, too, by deleting it.
    """
    reasons = _refusals(build, row)
    told = [
        (reason, when) for reason, when in reasons if not additions or reason != _Reason.CREATED
    ]
    return case(*((when, Constant(reason.value)) for reason, when in told))


def _refusals(build: CompileContext, row: Row) -> Iterator[tuple[UndoRefusalReason, Condition]]:
    """Yield each reason with its condition. The first that holds counts."""
    yield _Reason.IMPORTED, _literal(row.via, "import")
    yield _Reason.CREATED, _is(row, *_CREATED)
    yield _Reason.TOO_OLD, row.at <= build.bind(binds.UNDO_SINCE, UtcDateTime)
    yield _Reason.RESTORED, _is_there_again(build, row)
    yield _Reason.DELETED, _is_gone(build, row)
    yield _Reason.NOT_KEPT, _is_not_kept(build, row)
    if build.kind is ViewerKind.CUSTOMER:
        yield _Reason.FORBIDDEN, not_(_customer_may(build, row))
    yield _Reason.CHANGED, _has_changed(build, row)


def _literal(column: SQL, *values: str) -> Condition:
    listed = ", ".join(f"'{value}'" for value in values)
    condition: Condition = column.op("IN", is_comparison=True)(literal_column(f"({listed})"))
    return condition


def _is(row: Row, *types: TicketEventType) -> Condition:
    return _literal(row.type, *(one.value for one in types))


def _exists(
    build: CompileContext, table: FromClause, where: Callable[[Any], Condition]
) -> Condition:
    other = build.alias(table)
    found = select(_ONE).select_from(other).where(where(other.c))
    return exists(found.correlate_except(other))


def _row(build: CompileContext, model: type[SQLModel], key: SQL) -> Condition:
    return _exists(build, table_of(model), lambda other: other.id == key)


def _is_there_again(build: CompileContext, row: Row) -> Condition:
    def same(ticket: Row) -> Condition:
        # An import may have brought it back under another id.
        return or_(ticket.id == row.ticket_id, ticket.ticket_number == row.ticket_number)

    return or_(
        and_(_is(row, _Type.DELETED), _exists(build, table_of(Ticket), same)),
        and_(_is(row, _Type.COMMENT_DELETED), _row(build, Comment, row.comment_id)),
        and_(_is(row, _Type.ATTACHMENT_DELETED), _row(build, Attachment, row.attachment_id)),
    )


def _is_gone(build: CompileContext, row: Row) -> Condition:
    return or_(
        and_(not_(_is(row, _Type.DELETED)), not_(_row(build, Ticket, row.ticket_id))),
        and_(
            _is(row, _Type.COMMENT_ADDED, _Type.COMMENT_EDITED),
            not_(_row(build, Comment, row.comment_id)),
        ),
        and_(_is(row, _Type.ATTACHMENT_RENAMED), not_(_row(build, Attachment, row.attachment_id))),
    )


def _is_not_kept(build: CompileContext, row: Row) -> Condition:
    def has_record(event: Row) -> Condition:
        return _exists(build, table_of(UndoRecord), lambda other: other.event_id == event.id)

    deleted = _is(row, _Type.DELETED, _Type.COMMENT_DELETED, _Type.ATTACHMENT_DELETED)
    return or_(
        and_(deleted, not_(has_record(row))),
        _any_change(
            build,
            row,
            lambda entry, event: and_(
                _member(entry, "excerpt_start").is_not(None), not_(has_record(event))
            ),
        ),
    )


def _any_change(
    build: CompileContext, row: Row, holds: Callable[[Row, Row], Condition]
) -> Condition:
    """Return whether a condition holds for any change of the events that are undone with one.

    ``holds`` takes the change and its event.
    """
    event = build.alias(table_of(TicketEvent))
    read = func.json_each if build.dialect == "sqlite" else func.json_array_elements
    each = read(event.c.changes).table_valued("value", name=f"u{build.next_name()}")
    changed = select(_ONE).select_from(each).where(holds(each.c, event.c))
    found = select(_ONE).select_from(event)
    found = found.where(together(row, event.c), exists(changed.correlate_except(each)))
    return exists(found.correlate_except(event))


def _member(entry: Row, name: str) -> SQL:
    return JsonMember(entry.value, Constant(name))


def _customer_may(build: CompileContext, row: Row) -> Condition:
    """Return whether a customer could make the change that undoes an event."""
    restricted = [*TAKES, *_TIMES]
    takes_more = _any_change(
        build,
        row,
        lambda entry, _event: or_(
            _literal(_member(entry, "field"), *restricted), not_(_sees_from(build, entry))
        ),
    )

    def owned(table: FromClause, key: SQL, column: str) -> Condition:
        def own(other: Row) -> Condition:
            mine: Condition = other[column] == build.bind_viewer(binds.VIEWER_ID)
            deleted = other.event_id == row.id if "event_id" in other else true()
            return and_(other.id == key, mine, deleted)

        return _exists(build, table, own)

    def may_update(ticket: Row) -> Condition:
        may = access.may("Ticket", Action.UPDATE, ticket, build.kind, build.bind_viewer)
        return and_(ticket.id == row.ticket_id, may)

    comment, file = row.comment_id, row.attachment_id
    return case(
        (_is(row, *WRITTEN), and_(_exists(build, table_of(Ticket), may_update), not_(takes_more))),
        (
            _is(row, _Type.COMMENT_ADDED, _Type.COMMENT_EDITED),
            owned(table_of(Comment), comment, "author_id"),
        ),
        (_is(row, _Type.COMMENT_DELETED), owned(DELETED_COMMENTS, comment, "author_id")),
        (_is(row, _Type.ATTACHMENT_RENAMED), owned(table_of(Attachment), file, "uploaded_by_id")),
        (_is(row, _Type.ATTACHMENT_DELETED), owned(DELETED_ATTACHMENTS, file, "uploaded_by_id")),
        else_=false(),
    )


def _sees_from(build: CompileContext, entry: Row) -> Condition:
    """Return whether the viewer sees what a field would be again."""
    value = _member(entry, "from")
    seen = access.sees_changed(_member(entry, "field"), value, build.kind, build.bind_viewer)
    return or_(value.is_(None), seen)


def _has_changed(build: CompileContext, row: Row) -> Condition:
    """Return whether any field is no longer what an event made it.

    Of a long text, the length and the excerpt are compared. An undo compares all of it.
    """

    def differs(
        types: Sequence[TicketEventType], model: type[SQLModel], key: SQL, texts: Texts
    ) -> Condition:
        def holds(entry: Row, _event: Row) -> Condition:
            table = table_of(model)
            return _exists(
                build, table, lambda other: and_(other.id == key, _differs(entry, texts(other)))
            )

        return and_(_is(row, *types), _any_change(build, row, holds))

    return or_(
        differs(WRITTEN, Ticket, row.ticket_id, _ticket_texts),
        differs([_Type.COMMENT_EDITED], Comment, row.comment_id, _comment_texts),
        differs([_Type.ATTACHMENT_RENAMED], Attachment, row.attachment_id, _attachment_texts),
    )


def _differs(entry: Row, texts: Mapping[str, SQL]) -> Condition:
    field, to = _member(entry, "field"), _member(entry, "to")
    current = case(*((_literal(field, name), text) for name, text in texts.items()))
    start, length = (cast(_member(entry, name), Integer) for name in ("excerpt_start", "to_length"))
    excerpt = func.substr(current, start + _ONE, func.length(to))
    return case(
        (start.is_not(None), or_(func.length(current) != length, excerpt != to)),
        else_=current.is_distinct_from(to),
    )


def _ticket_texts(ticket: Row) -> Mapping[str, SQL]:
    """Return the fields of a ticket as the texts of events."""
    found = {name: Plain(ticket[_COLUMN_OF.get(name, name)]) for name in _TICKET_FIELDS}
    return {**found, **{name: TimeText(ticket[name]) for name in _TIMES}}


def _comment_texts(comment: Row) -> Mapping[str, SQL]:
    internal = case((comment.is_internal, Constant("true")), else_=Constant("false"))
    return {"text": comment.text, "is_internal": internal}


def _attachment_texts(attachment: Row) -> Mapping[str, SQL]:
    return {"name": attachment.name}
