"""Bringing back what was deleted, with the ids, the times and the files that it had.

The event is that of something new: who follows the log without knowing of undo, and servers of
earlier releases, see that it is there. Its change of ``deleted`` says that it is there again.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, String, Table, bindparam, delete, insert, select

from models import (
    DELETED_ATTACHMENTS,
    DELETED_COMMENTS,
    DELETED_TICKETS,
    Company,
    TicketEventType,
    UndoRecord,
    table_of,
)
from models.types import Uuid36
from resolvers import access
from resolvers.access_rules import Action
from resolvers.commands.new_tickets import NewTicket
from resolvers.commands.ticket_rows import TicketRow, locked_ticket
from resolvers.commands.undo.events import UndoneEvent
from resolvers.commands.undo.keeping import ATTACHMENTS, COMMENTS, EVENT, TICKETS
from resolvers.commands.undo.ticket_fields import answered_again
from resolvers.context import Context
from resolvers.errors import Invalid, NotFound, Problem
from resolvers.events.log import EventDraft, TicketKeys, append_events, change
from resolvers.query.sql.elements import InIds
from resolvers.query.undo.reasons import UndoRefusalReason, UndoRefused
from resolvers.viewer import Viewer
from resolvers.write_statements import (
    KEYS,
    Statement,
    Step,
    StoredRow,
    Transaction,
    always,
    key_list,
    stored_names,
)

RAISED = "raised"
_records, _companies = table_of(UndoRecord), table_of(Company)
# In the order of their ids, as all that lock several rows do.
_LOCK = always(
    select(_records.c.event_id)
    .where(InIds(_records.c.event_id, bindparam(KEYS, type_=String)))
    .order_by(_records.c.event_id)
    .with_for_update()
)


def _of_event(table: Table) -> Any:
    return table.c.event_id == bindparam(EVENT, type_=Uuid36)


def _read(table: Table, *columns: object) -> Statement:
    wanted = InIds(table.c.event_id, bindparam(KEYS, type_=String))
    return always(select(table.c.event_id, *columns).where(wanted))


def _restore(source: Table, target: Table) -> Statement:
    """Return what inserts rows again, with versions that are higher by ``RAISED``.

    What they referred to and is gone becomes null.
    """
    names = stored_names(target)
    rows = select(*(_value(source, target, name) for name in names)).where(_of_event(source))
    return always(insert(target).from_select(names, rows, include_defaults=False).inline())


def _value(source: Table, target: Table, name: str) -> Any:
    column = source.c[name]
    if name == "version":
        return column + bindparam(RAISED, type_=Integer)
    if not column.nullable or not target.c[name].foreign_keys:
        return column
    [reference] = target.c[name].foreign_keys
    key = reference.column
    return select(key).where(key == column).scalar_subquery().label(name)


_PAIRS = (
    (DELETED_TICKETS, TICKETS),
    (DELETED_COMMENTS, COMMENTS),
    (DELETED_ATTACHMENTS, ATTACHMENTS),
)
_RESTORE = {source: _restore(source, target) for source, target in _PAIRS}
_FORGET = {table: always(delete(table).where(_of_event(table))) for table in (*_RESTORE, _records)}

_row = DELETED_TICKETS.c
_DELETED_TICKETS = _read(
    DELETED_TICKETS,
    *(_row.id, _row.company_id, _row.ticket_number, _row.created_by_id, _row.version),
    select(_companies.c.id)
    .where(_companies.c.id == _row.company_id)
    .scalar_subquery()
    .label("company"),
)
_row = DELETED_COMMENTS.c
_DELETED_COMMENTS = _read(DELETED_COMMENTS, _row.author_id, _row.is_internal, _row.version)
_row = DELETED_ATTACHMENTS.c
_DELETED_ATTACHMENTS = _read(DELETED_ATTACHMENTS, _row.name, _row.uploaded_by_id)
_READ = {
    TicketEventType.DELETED: _DELETED_TICKETS,
    TicketEventType.COMMENT_DELETED: _DELETED_COMMENTS,
    TicketEventType.ATTACHMENT_DELETED: _DELETED_ATTACHMENTS,
}
_AGAIN = change("deleted", True, False)
# What was deleted by the events that tell of it: some of its columns.
Deleted = Mapping[UUID, StoredRow]


@dataclass(frozen=True)
class Restored:
    """What brings something back, and the event of it."""

    ticket: TicketKeys
    event: EventDraft
    steps: Sequence[Step]


async def restore(context: Context, transaction: Transaction, event: UndoneEvent) -> None:
    """Bring a ticket, a comment or an attachment back; its file is still in the store.

    Raises ``NotFound`` where its ticket is gone, and what ``restored`` raises.
    """
    viewer, ticket = context.require_viewer(), None
    if event.type is not TicketEventType.DELETED:
        ticket = await locked_ticket(transaction, viewer, event.ticket_id)
    again = restored(viewer, event, ticket, await deleted_rows(transaction, [event]))
    await append_events(context, transaction, again.ticket, [again.event], *again.steps)


async def deleted_rows(transaction: Transaction, events: Iterable[UndoneEvent]) -> Deleted:
    """Return what events tell of as deleted, locked against another undo and the purge."""
    wanted = [event for event in events if event.type in _READ]
    if not wanted:
        return {}
    locked = {key for (key,) in await transaction.fetch(_LOCK, key_list(one.id for one in wanted))}
    found = {}
    for kind, read in _READ.items():
        some = key_list(one.id for one in wanted if one.type is kind and one.id in locked)
        rows = await transaction.fetch(read, some) if some else []
        found.update({row[0]: row[1:] for row in rows})
    return found


def restored(
    viewer: Viewer, event: UndoneEvent, ticket: TicketRow | None, deleted: Deleted
) -> Restored:
    """Return what brings back what ``deleted`` has of an event.

    ``ticket``: the one of a comment or an attachment. Raises ``Forbidden`` for whom could not
    delete it, ``UndoRefused``, and ``Invalid`` where the company of a ticket is gone.
    """
    if event.id not in deleted:
        # Another one was faster.
        raise UndoRefused(UndoRefusalReason.RESTORED)
    row = deleted[event.id]
    if event.type is TicketEventType.DELETED:
        return _ticket(viewer, event, *row)
    assert ticket is not None, "it is locked with what belongs to it"
    if event.type is TicketEventType.COMMENT_DELETED:
        return _comment(viewer, event, ticket, *row)
    return _attachment(viewer, event, ticket, *row)


def _ticket(viewer: Viewer, event: UndoneEvent, *row: Any) -> Restored:
    key, company_id, number, owner_id, version, company = row
    access.require(viewer, "Ticket", owner_id, Action.DELETE)
    if company is None:
        raise Invalid({"company": [Problem("does_not_exist", {"value": str(company_id)})]})
    draft = EventDraft(TicketEventType.CREATED, [_AGAIN], version=version + 1)
    steps = _steps(event.id, DELETED_TICKETS, DELETED_COMMENTS, DELETED_ATTACHMENTS)
    return Restored(NewTicket(key, company_id, number), draft, [*steps])


def _comment(viewer: Viewer, event: UndoneEvent, ticket: TicketRow, *row: Any) -> Restored:
    author_id, is_internal, version = row
    if is_internal and not access.can_see_internal(viewer):
        raise NotFound("Comment")
    access.require(viewer, "Comment", author_id, Action.DELETE)
    draft = EventDraft(
        TicketEventType.COMMENT_ADDED,
        [_AGAIN],
        is_internal=is_internal,
        comment_id=event.comment_id,
        version=version + 1,
    )
    steps = [*_steps(event.id, DELETED_COMMENTS), *answered_again(ticket, event)]
    return Restored(ticket, draft, steps)


def _attachment(viewer: Viewer, event: UndoneEvent, ticket: TicketRow, *row: Any) -> Restored:
    name, owner_id = row
    access.require_own(viewer, owner_id, "restore their own attachments")
    draft = EventDraft(
        TicketEventType.ATTACHMENT_ADDED,
        [change("name", None, name), _AGAIN],
        attachment_id=event.attachment_id,
    )
    return Restored(ticket, draft, [*_steps(event.id, DELETED_ATTACHMENTS)])


def _steps(event_id: UUID, restored: Table, *inside: Table) -> Iterator[Step]:
    """Yield what brings rows back, and forgets that they were deleted.

    The event tells of the new version of one row. What is inside of a ticket has its own as before.
    """
    values = {EVENT: event_id}
    yield _RESTORE[restored], {**values, RAISED: 1}
    for table in inside:
        yield _RESTORE[table], {**values, RAISED: 0}
    for table in (restored, *inside, _records):
        yield _FORGET[table], values
