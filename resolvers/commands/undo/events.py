"""The events that an undo is of, as they are stored."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, String, bindparam, func, select

from models import TicketEvent, TicketEventType, UndoRecord, table_of
from models.types import Uuid36
from resolvers import access
from resolvers.commands.batches.chosen import MAX_BYTES
from resolvers.commands.undo.keeping import EVENT, text_hash
from resolvers.context import Context
from resolvers.errors import Invalid, NotFound, Problem
from resolvers.events.log import shown
from resolvers.query.compile_context import CompileContext, Row
from resolvers.query.shapes import NO_ARGS
from resolvers.query.sql.elements import ByteLength, InIds
from resolvers.query.statements import context_values
from resolvers.query.undo.reasons import UndoRefusalReason, UndoRefused
from resolvers.query.undo.refusals import refusal_reason, together
from resolvers.viewer import ViewerKind
from resolvers.write_statements import KEYS, Built, Statement, Transaction, key_list

_COLUMNS = ("id", "seq", "type", "ticket_id", "comment_id", "attachment_id", "version", "at")


@dataclass(frozen=True)
class UndoneEvent:
    """An event, with the texts that it has only excerpts of (``models.UndoRecord``)."""

    id: UUID
    seq: int
    type: TicketEventType
    ticket_id: UUID
    comment_id: UUID | None
    attachment_id: UUID | None
    version: int | None
    at: datetime
    changes: Sequence[Mapping[str, Any]]
    texts: Mapping[str, Mapping[str, str]] | None

    def before(self) -> dict[str, Any]:
        """Return what each field was: of JSON, and texts in full."""
        return {
            name: self._kept(name)["from"] if _is_excerpt(entry) else entry["from"]
            for name, entry in self._entries()
        }

    def changed_since(self, current: Mapping[str, object]) -> list[str]:
        """Return the fields that are not, or no longer, what the event made them."""
        return [
            name for name, entry in self._entries() if not self._made(name, entry, current[name])
        ]

    def _entries(self) -> list[tuple[str, Mapping[str, object]]]:
        return [(str(entry["field"]), entry) for entry in self.changes]

    def _made(self, name: str, entry: Mapping[str, object], value: object) -> bool:
        if _is_excerpt(entry):
            return text_hash(str(value)) == self._kept(name)["to_sha256"]
        return bool(shown(value) == entry["to"])

    def _kept(self, name: str) -> Mapping[str, str]:
        if self.texts is None or name not in self.texts:
            raise UndoRefused(UndoRefusalReason.NOT_KEPT)
        return self.texts[name]


def _is_excerpt(entry: Mapping[str, object]) -> bool:
    return entry.get("excerpt_start") is not None


async def events_to_undo(
    context: Context, transaction: Transaction, event_id: UUID
) -> Sequence[UndoneEvent]:
    """Return the events that are undone with one: all of its write, in their order.

    Raises ``NotFound`` for an event that the viewer does not see, and ``UndoRefused``. That fields
    have changed since is left to who has locked what they are of.
    """
    context.require_viewer()
    kind = ViewerKind.CUSTOMER if context.kind is ViewerKind.CUSTOMER else ViewerKind.STAFF
    values = {**context_values(context), EVENT: event_id}
    rows = await transaction.fetch(_statement(kind), values)
    if not rows:
        raise NotFound("Event", field="event_id")
    reason = rows[0][-1]
    if reason is not None and reason != UndoRefusalReason.CHANGED:
        raise UndoRefused(UndoRefusalReason(reason))
    return [UndoneEvent(*row[:-1]) for row in rows]


@dataclass(frozen=True)
class FoundEvent:
    """An event that is to be undone, and why it cannot be, apart from what changed since."""

    event: UndoneEvent
    refusal: UndoRefusalReason | None


async def some_events_to_undo(
    context: Context, transaction: Transaction, keys: Iterable[UUID]
) -> list[FoundEvent]:
    """Return the events that are undone with some, in their order, of those that the viewer sees.

    Events of what was added are refused for other reasons only. Raises ``Invalid`` where the texts
    that they keep are too long to be held at once.
    """
    kind = ViewerKind.CUSTOMER if context.kind is ViewerKind.CUSTOMER else ViewerKind.STAFF
    values = {**context_values(context), **key_list(keys)}
    row = await transaction.fetch_row(_bytes_statement(kind), values)
    if row is not None and (row[0] or 0) > MAX_BYTES:
        raise Invalid({"event_ids": [Problem("too_long", {"max": MAX_BYTES})]})
    rows = await transaction.fetch(_some_statement(kind), values)
    return [FoundEvent(UndoneEvent(*row[:-1]), _refusal(row[-1])) for row in rows]


def _refusal(reason: str | None) -> UndoRefusalReason | None:
    found = None if reason is None else UndoRefusalReason(reason)
    return None if found is UndoRefusalReason.CHANGED else found


def _with(compiling: CompileContext, kind: ViewerKind, row: Row) -> ColumnElement[bool]:
    """Return the condition for what is undone with the events ``KEYS``, by the index of ids."""
    event, other = (compiling.alias(table_of(TicketEvent)) for _ in range(2))
    visible = access.visible("TicketEvent", event.c, kind, compiling.bind_viewer)
    wanted = InIds(event.c.id, bindparam(KEYS, type_=String))
    found = select(other.c.id).select_from(event.join(other, together(event.c, other.c)))
    condition: ColumnElement[bool] = row.id.in_(found.where(wanted, visible))
    return condition


@cache
def _bytes_statement(kind: ViewerKind) -> Statement:
    def build(dialect: str) -> Built:
        compiling = CompileContext(dialect, kind, False, False, (NO_ARGS,), deep=False)
        records, event = table_of(UndoRecord), compiling.alias(table_of(TicketEvent))
        joined = event.join(records, records.c.event_id == event.c.id)
        found = select(func.sum(ByteLength(records.c.texts))).select_from(joined)
        return found.where(_with(compiling, kind, event.c))

    return Statement(build)


@cache
def _some_statement(kind: ViewerKind) -> Statement:
    def build(dialect: str) -> Built:
        compiling = CompileContext(dialect, kind, False, False, (NO_ARGS,), deep=False)
        records, event = table_of(UndoRecord), compiling.alias(table_of(TicketEvent))
        found = select(
            *(event.c[name] for name in _COLUMNS),
            event.c.changes,
            records.c.texts,
            refusal_reason(compiling, event.c, additions=True).label("reason"),
        )
        found = found.select_from(event.outerjoin(records, records.c.event_id == event.c.id))
        return found.where(_with(compiling, kind, event.c)).order_by(event.c.seq)

    return Statement(build)


@cache
def _statement(kind: ViewerKind) -> Statement:
    def build(dialect: str) -> Built:
        compiling = CompileContext(dialect, kind, False, False, (NO_ARGS,), deep=False)
        records = table_of(UndoRecord)
        event, other = (compiling.alias(table_of(TicketEvent)) for _ in range(2))
        visible = access.visible("TicketEvent", event.c, kind, compiling.bind_viewer)
        found = select(
            *(other.c[name] for name in _COLUMNS),
            other.c.changes,
            records.c.texts,
            refusal_reason(compiling, event.c).label("reason"),
        )
        joined = event.join(other, together(event.c, other.c))
        found = found.select_from(joined.outerjoin(records, records.c.event_id == other.c.id))
        wanted = event.c.id == bindparam(EVENT, type_=Uuid36)
        return found.where(wanted, visible).order_by(other.c.seq)

    return Statement(build)
