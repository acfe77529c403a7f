"""Undoing a change: its inverse is written as any other change is, with events of its own."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from models import TicketEventType
from resolvers import access
from resolvers.access_rules import Action
from resolvers.commands.attachments import rename_attachment
from resolvers.commands.comments import change_comment
from resolvers.commands.conflicts import versioned_comment
from resolvers.commands.ticket_changes import save_ticket
from resolvers.commands.ticket_references import references_of
from resolvers.commands.ticket_rows import locked_attachment, locked_comment, locked_ticket
from resolvers.commands.undo.events import UndoneEvent, events_to_undo
from resolvers.commands.undo.restoring import restore
from resolvers.commands.undo.ticket_fields import ChangedSince, fields_before, unanswered
from resolvers.context import Context
from resolvers.errors import NotFound
from resolvers.events.history import VersionedRow, history_after
from resolvers.query.undo.reasons import UndoRefusalReason, UndoRefused
from resolvers.query.undo.refusals import WRITTEN
from resolvers.write_statements import Transaction


class Undone(NamedTuple):
    """What a change was undone of."""

    ticket_id: UUID
    comment_id: UUID | None
    attachment_id: UUID | None


async def undo(context: Context, event_id: UUID) -> Undone:
    """Undo the change that an event tells of, with all events of the same write.

    It is allowed to whom the inverse would be allowed as a change. Raises ``NotFound`` of an Event,
    ``UndoRefused``, ``Forbidden``, ``Invalid`` where something that a ticket referred to is gone,
    and ``Conflict`` where others have changed a field since.
    """
    async with context.services.database.write() as transaction:
        events = await events_to_undo(context, transaction, event_id)
        event = events[-1]
        try:
            await _undo(context, transaction, events)
        except NotFound:
            # Deleted, or moved to another company, while it was waited for.
            raise UndoRefused(UndoRefusalReason.DELETED) from None
        except ChangedSince as found:
            history = await history_after(context, transaction, found.row, found.event.seq)
            raise found.conflict(context.require_viewer(), history) from None
    return Undone(event.ticket_id, event.comment_id, event.attachment_id)


async def _undo(context: Context, transaction: Transaction, events: Sequence[UndoneEvent]) -> None:
    event = events[-1]
    if event.type in WRITTEN:
        await _undo_fields(context, transaction, events)
    elif event.type is TicketEventType.COMMENT_EDITED:
        await _undo_edit(context, transaction, event)
    elif event.type is TicketEventType.ATTACHMENT_RENAMED:
        await _undo_name(context, transaction, event)
    else:
        await restore(context, transaction, event)


async def _undo_fields(
    context: Context, transaction: Transaction, events: Sequence[UndoneEvent]
) -> None:
    viewer = context.require_viewer()
    ticket = await locked_ticket(transaction, viewer, events[0].ticket_id)
    before = fields_before(viewer, ticket, events)
    references = await references_of(transaction, [before.referenced])
    changed = before.changed(viewer, references)
    await save_ticket(context, transaction, ticket, changed, exactly=True)


async def _undo_edit(context: Context, transaction: Transaction, event: UndoneEvent) -> None:
    viewer = context.require_viewer()
    assert event.comment_id is not None
    comment, ticket = await locked_comment(transaction, viewer, event.comment_id)
    access.require(viewer, "Comment", comment.author_id, Action.UPDATE)
    row, wanted = versioned_comment(comment, ticket), event.before()
    changed = event.changed_since(row.values)
    if changed:
        raise ChangedSince(event, row, wanted, changed)
    if wanted.get("is_internal"):
        access.require(viewer, "Comment", comment.author_id, Action.MAKE_INTERNAL)
    more = unanswered(ticket, event)
    await change_comment(context, transaction, comment, ticket, wanted, *more)


async def _undo_name(context: Context, transaction: Transaction, event: UndoneEvent) -> None:
    viewer = context.require_viewer()
    assert event.attachment_id is not None
    attachment, ticket = await locked_attachment(transaction, viewer, event.attachment_id)
    access.require_own(viewer, attachment.uploaded_by_id, "rename their own attachments")
    row = VersionedRow(ticket.id, None, ticket.version, {"name": attachment.name}, attachment.id)
    wanted = event.before()
    changed = event.changed_since(row.values)
    if changed:
        raise ChangedSince(event, row, wanted, changed)
    await rename_attachment(context, transaction, attachment, ticket, wanted["name"])
