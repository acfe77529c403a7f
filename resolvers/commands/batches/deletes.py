"""Deletes of many tickets."""

from dataclasses import dataclass

from sqlalchemy import bindparam, select
from sqlalchemy.types import String

from models import Attachment, TicketEventType, table_of
from resolvers import access
from resolvers.access_rules import Action
from resolvers.commands.batches.chosen import Chosen, check_ids, found, lock
from resolvers.commands.batches.outcomes import BatchMode, Outcome, attempt, grouped, outcomes
from resolvers.commands.ticket_rows import TicketRow
from resolvers.commands.tickets import deletion
from resolvers.commands.undo.keeping import keeps
from resolvers.context import Context
from resolvers.events.log import EventDraft, append_all
from resolvers.query.sql.elements import InIds
from resolvers.write_statements import KEYS, always, key_list

_attachments = table_of(Attachment)
_FILES = always(
    select(_attachments.c.key).where(InIds(_attachments.c.ticket_id, bindparam(KEYS, type_=String)))
)


@dataclass(frozen=True)
class _Deleted:
    ticket: TicketRow
    changed: bool = True


async def delete_tickets(
    context: Context, chosen: Chosen, mode: BatchMode = BatchMode.EACH
) -> list[Outcome]:
    """Delete tickets with all that belongs to them, in one transaction, and then their files.

    Returns what came of each, in the order of ``chosen``. Raises what ``lock`` raises.
    """
    viewer = context.require_viewer()
    check_ids(chosen)

    def deleted(ticket: TicketRow | None) -> _Deleted:
        ticket = found(ticket)
        access.require(viewer, "Ticket", ticket.created_by_id, Action.DELETE)
        return _Deleted(ticket)

    keys = []
    async with context.services.database.write() as transaction:
        locked = await lock(context, transaction, chosen)
        tried = await attempt(locked, lambda one: deleted(one[1]), mode)
        gone = [one.ticket for one in tried if isinstance(one, _Deleted)]
        if gone:
            if not keeps(context):
                keys = await transaction.fetch(_FILES, key_list(one.id for one in gone))
            told = [(one, EventDraft(TicketEventType.DELETED)) for one in gone]
            steps = grouped([step for one in told for step in deletion(context, *one)])
            events = [(ticket, [event]) for ticket, event in told]
            await append_all(context, transaction, events, *steps)
    for (key,) in keys:
        await context.services.files.delete(key)
    return outcomes([key for key, _ in locked], tried)
