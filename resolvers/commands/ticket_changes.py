"""What a change of a ticket stores and tells: its columns, its events, and what an undo needs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from models import TEAM_OF_CATEGORY, Ticket, TicketEventType, table_of
from models.search import search_texts
from resolvers.commands.new_tickets import FINAL
from resolvers.commands.ticket_rows import TicketRow, changes_of, fields_of
from resolvers.commands.undo.keeping import keep_texts
from resolvers.context import Context
from resolvers.events.log import EventDraft, append_events, move_events
from resolvers.write_statements import KEY, Statement, Step, Transaction, change_in

_tickets = table_of(Ticket)
ASSIGNMENT = ("assigned_to", "assigned_team")
_STATUS = ("status", *FINAL.values())
# How many kinds of changes keep their statement: almost all change one field or two.
MAX_UPDATES = 200


def completed(ticket: TicketRow, now: datetime) -> TicketRow:
    """Let the category decide the team where there is none, and keep when it was finished first."""
    if ticket.assigned_team is None:
        ticket = ticket._replace(assigned_team=TEAM_OF_CATEGORY.get(ticket.category))
    stamp = FINAL.get(ticket.status)
    if stamp is not None and getattr(ticket, stamp) is None:
        columns: dict[str, Any] = {stamp: now}
        ticket = ticket._replace(**columns)
    return ticket


async def save_ticket(
    context: Context,
    transaction: Transaction,
    ticket: TicketRow,
    changed: TicketRow,
    *,
    exactly: bool = False,
) -> None:
    """Store a changed ticket with its events; one that is the same stays as it is.

    ``exactly``: see ``change_of``.
    """
    now = context.services.clock()
    change = change_of(context, ticket, changed, now, exactly=exactly)
    if change is not None:
        await append_events(
            context, transaction, change.ticket, change.events, *change.steps, at=now
        )


@dataclass(frozen=True)
class TicketChange:
    """A ticket as it is to be, what stores it, and its events."""

    ticket: TicketRow
    steps: Sequence[Step]
    events: Sequence[EventDraft]


def change_of(
    context: Context,
    ticket: TicketRow,
    changed: TicketRow,
    now: datetime,
    *,
    exactly: bool = False,
) -> TicketChange | None:
    """Return what makes a ticket another one; None where nothing that it shows would change.

    ``exactly``: as an undo has it. No rule completes it, and its events tell of the times that it
    was finished, too.
    """
    if changed == ticket:
        return None
    before = fields_of(ticket)
    if exactly:
        before |= finished_at(ticket)
        after = fields_of(changed) | finished_at(changed)
    else:
        changed = completed(changed, now)
        after = fields_of(changed)
    version = ticket.version + 1
    events = ticket_events(before, after, version)
    if not events:
        return None
    row = _changed_columns(ticket, changed)
    row |= {"version": version, "updated_at": now}
    steps: list[Step] = [(_update(tuple(row)), {**row, KEY: ticket.id})]
    if changed.company_id != ticket.company_id:
        steps.append(move_events(ticket.id, changed.company_id))
    steps.extend(keep_texts(context, events, before, after))
    return TicketChange(changed, steps, events)


def creation() -> EventDraft:
    """Return the event of a new ticket."""
    return EventDraft(TicketEventType.CREATED, version=1)


def finished_at(ticket: TicketRow) -> dict[str, object]:
    """Return the times when a ticket was first finished, by the names of their columns."""
    return {name: getattr(ticket, name) for name in FINAL.values()}


def _changed_columns(ticket: TicketRow, changed: TicketRow) -> dict[str, object]:
    """Return the columns to store: those that differ, and the texts for searches if they do."""
    before, after = ticket._asdict(), changed._asdict()
    row = {name: value for name, value in after.items() if value != before[name]}
    if row.keys() & {"subject", "description"}:
        row |= search_texts(_tickets, after)
    return row


@lru_cache(maxsize=MAX_UPDATES)
def _update(names: tuple[str, ...]) -> Statement:
    """Return the update of these columns: an index is only kept for what a statement names."""
    return change_in(_tickets, names)


def ticket_events(
    before: Mapping[str, object], after: Mapping[str, object], version: int | None = None
) -> list[EventDraft]:
    """Return the events of one write, given a ticket's fields by their input names.

    ``version`` is the one that the write makes.

    Status and assignment have events of their own, all the rest shares one.
    """
    changed = changes_of(before, after)
    kinds = TicketEventType
    found = []
    status = [changed[name] for name in _STATUS if name in changed]
    if status:
        found.append(EventDraft(kinds.STATUS_CHANGED, status, version=version))
    assignment = [changed[name] for name in ASSIGNMENT if name in changed]
    if assignment:
        found.append(EventDraft(kinds.ASSIGNED, assignment, version=version))
    rest = [entry for name, entry in changed.items() if name not in (*_STATUS, *ASSIGNMENT)]
    if rest:
        found.append(EventDraft(kinds.UPDATED, rest, version=version))
    return found
