"""Undoing what was done to many tickets, such as all of another batch."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import String, bindparam, not_, select

from models import TicketEvent, TicketEventType, table_of
from resolvers.commands.batches.chosen import lock
from resolvers.commands.batches.inverses import Inverse, Kind, Known, TicketEvents, inverse_of
from resolvers.commands.batches.outcomes import BatchMode, Outcome, attempt, check_size, grouped
from resolvers.commands.ticket_references import references_of
from resolvers.commands.ticket_rows import TicketRow, locked_comments
from resolvers.commands.undo.events import FoundEvent, some_events_to_undo
from resolvers.commands.undo.restoring import deleted_rows
from resolvers.commands.undo.ticket_fields import ChangedSince, FieldsBefore, fields_before
from resolvers.context import Context
from resolvers.errors import Invalid, Problem, ServiceError
from resolvers.events.history import histories_after
from resolvers.events.log import append_all
from resolvers.query.sql.elements import InIds
from resolvers.query.undo.refusals import WRITTEN
from resolvers.viewer import Viewer
from resolvers.write_statements import KEYS, Transaction, always, key_list

# What the largest batch has written: three events of each ticket's fields, and one of a comment.
MAX_EVENTS = 400
_Type = TicketEventType
_added, _later = (table_of(TicketEvent).alias(name) for name in ("added", "later"))
_WORKED_ON = always(
    select(_added.c.id)
    .distinct()
    .join_from(_added, _later, _later.c.ticket_id == _added.c.ticket_id)
    .where(
        InIds(_added.c.id, bindparam(KEYS, type_=String)),
        _later.c.seq > _added.c.seq,
        not_(InIds(_later.c.id, bindparam("undone", type_=String))),
    )
)


@dataclass(frozen=True)
class UndoOutcome(Outcome):
    """What came of one ticket; ``place``: of the first of its events among those given."""

    place: int = 0


async def undo_tickets(
    context: Context, event_ids: Sequence[UUID | None], mode: BatchMode = BatchMode.EACH
) -> list[UndoOutcome]:
    """Undo the changes of tickets that events tell of, in one transaction.

    Returns what came of each ticket, in the order of their first events; all of a ticket's events
    are undone, or none. An event is None where there is none. Beside what ``undo`` does, a ticket
    or a comment that was added is deleted, if nobody has done anything to it since. Raises
    ``Invalid`` for too many events or tickets, or none, and where their texts are too long.
    """
    context.require_viewer()
    if not 1 <= len(event_ids) <= MAX_EVENTS:
        size = {"count": len(event_ids), "max": MAX_EVENTS}
        raise Invalid({"event_ids": [Problem("events_size", size)]})
    async with context.services.database.write() as transaction:
        asked = [key for key in event_ids if key is not None]
        found = await some_events_to_undo(context, transaction, asked) if asked else []
        tickets = _by_ticket(event_ids, found)
        check_size("event_ids", len(tickets))
        known = await _known(context, transaction, tickets)
        now = context.services.clock()
        tried = await attempt(tickets, lambda one: inverse_of(context, known, one, now), mode)
        tried = await _explained(context, transaction, tried)
        done = [one for one in tried if isinstance(one, Inverse) and one.changed]
        if done:
            steps = [
                step
                for kind in Kind
                for step in grouped(
                    [step for one in done if one.kind is kind for step in one.steps]
                )
            ]
            events = [(one.ticket, one.events) for one in done]
            await append_all(context, transaction, events, *steps, at=now)
    return [_outcome(*one) for one in zip(tickets, tried, strict=True)]


def _by_ticket(event_ids: Sequence[UUID | None], found: Iterable[FoundEvent]) -> list[TicketEvents]:
    """Return the events of each ticket, and each that was not found by itself."""
    by_id = {one.event.id: one for one in found}
    events: dict[UUID, list[FoundEvent]] = {}
    for one in by_id.values():
        events.setdefault(one.event.ticket_id, []).append(one)
    tickets: dict[UUID | int, TicketEvents] = {}
    for place, key in enumerate(event_ids):
        if key is None or key not in by_id:
            tickets[place] = TicketEvents(place, None, ())
            continue
        ticket_id = by_id[key].event.ticket_id
        tickets.setdefault(ticket_id, TicketEvents(place, ticket_id, events[ticket_id]))
    return list(tickets.values())


async def _known(
    context: Context, transaction: Transaction, tickets: Iterable[TicketEvents]
) -> Known:
    """Lock all that is to be written, and read what the inverses depend on."""
    viewer = context.require_viewer()
    some = [one for one in tickets if one.refusal is None and one.ticket_id is not None]
    there = [one.ticket_id for one in some if not one.of(_Type.DELETED)]
    locked = dict(await lock(context, transaction, there, field="event_ids"))
    rows = {key: row for key, row in locked.items() if key is not None and row is not None}
    fields = dict(_fields(viewer, some, rows))
    before = [one for one in fields.values() if isinstance(one, FieldsBefore)]
    references = await references_of(transaction, [one.referenced for one in before])
    events = [event for one in some for event in one.events]
    added = [one.comment_id for one in events if one.type is _Type.COMMENT_ADDED]
    comments = await locked_comments(transaction, viewer, (key for key in added if key))
    deleted = await deleted_rows(transaction, events)
    created = key_list(one.id for one in events if one.type is _Type.CREATED)
    worked_on = set()
    if created:
        undone = key_list(one.id for one in events)[KEYS]
        worked_on = {
            key for (key,) in await transaction.fetch(_WORKED_ON, {**created, "undone": undone})
        }
    return Known(rows, comments, deleted, fields, references, worked_on)


def _fields(
    viewer: Viewer, tickets: Iterable[TicketEvents], rows: dict[UUID, TicketRow]
) -> Iterable[tuple[UUID, FieldsBefore | ServiceError]]:
    """Yield what the tickets were before their fields were changed, or why not."""
    for one in tickets:
        events = one.of(*WRITTEN)
        row = rows.get(events[0].ticket_id) if events else None
        if row is None or one.of(_Type.CREATED):
            continue
        try:
            yield row.id, fields_before(viewer, row, events)
        except ServiceError as error:
            yield row.id, error


async def _explained(
    context: Context, transaction: Transaction, tried: Sequence[Inverse | ServiceError]
) -> list[Inverse | ServiceError]:
    """Return the same, with what others have changed since by whom and when."""
    clashes = [one for one in tried if isinstance(one, ChangedSince)]
    if not clashes:
        return list(tried)
    viewer = context.require_viewer()
    histories = await histories_after(context, transaction, (one.event.id for one in clashes))
    return [
        one.conflict(viewer, histories.get(one.row.comment_id or one.row.ticket_id, {}))
        if isinstance(one, ChangedSince)
        else one
        for one in tried
    ]


def _outcome(given: TicketEvents, done: Inverse | ServiceError) -> UndoOutcome:
    if isinstance(done, ServiceError):
        return UndoOutcome(given.ticket_id, error=done, place=given.place)
    return UndoOutcome(given.ticket_id, changed=done.changed, place=given.place)
