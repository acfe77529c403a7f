"""Writes of tickets. Each function is one transaction that ends with its events."""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select

from models import (
    TEAM_OF_CATEGORY,
    Attachment,
    Role,
    Team,
    Ticket,
    TicketEventType,
    TicketStatus,
    User,
    table_of,
)
from models.search import search_texts
from models.types import Uuid36
from resolvers import access
from resolvers.access_rules import Action
from resolvers.commands import validation
from resolvers.commands.new_tickets import FINAL, new_ticket
from resolvers.commands.ticket_references import check_contact, check_references
from resolvers.commands.ticket_rows import (
    COLUMN_OF,
    Precondition,
    TicketRow,
    changes_of,
    check_precondition,
    check_version,
    locked_ticket,
)
from resolvers.context import Context
from resolvers.errors import NotFound
from resolvers.events.log import EventDraft, append_events, move_events
from resolvers.write_statements import (
    KEY,
    Statement,
    Step,
    Transaction,
    always,
    change_in,
    delete_from,
    with_key,
)

_tickets, _attachments = table_of(Ticket), table_of(Attachment)
_users = table_of(User)
_ASSIGNMENT = ("assigned_to", "assigned_team")
_ROLE = always(select(_users.c.role).where(with_key(_users)))
_FILES = always(
    select(_attachments.c.key).where(_attachments.c.ticket_id == bindparam(KEY, type_=Uuid36))
)
_DELETE = delete_from(_tickets)
# How many kinds of changes keep their statement: almost all change one field or two.
MAX_UPDATES = 200


async def create_ticket(context: Context, values: Mapping[str, object]) -> UUID:
    """Create a ticket; the category decides the team when none is given.

    Raises ``Invalid`` with the problems of all fields, ``Forbidden`` for what customers may not
    set.
    """
    viewer = context.require_viewer()
    cleaned, problems = validation.clean(
        validation.TICKET, values, partial=False, max_text_bytes=context.services.max_text_bytes
    )
    access.require_ticket_create(viewer, set(cleaned) | set(problems) & set(values))
    async with context.services.database.write() as transaction:
        await check_references(transaction, viewer, cleaned, problems)
        await check_contact(transaction, cleaned, cleaned, problems, {})
        validation.raise_problems(problems)
        now = context.services.clock()
        columns = {COLUMN_OF.get(name, name): value for name, value in cleaned.items()}
        created, insert = await new_ticket(transaction, viewer, columns, now)
        event = EventDraft(TicketEventType.CREATED)
        await append_events(context, transaction, created, [event], insert)
    return created.id


async def update_ticket(
    context: Context,
    ticket_id: UUID,
    changes: Mapping[str, object],
    expected_version: int | None = None,
    precondition: Precondition | None = None,
) -> None:
    """Change fields of a ticket; values that stay the same are no change.

    A ticket that moves to another company without a new contact loses one of the old company.
    Raises ``NotFound``, ``Forbidden``, ``Invalid``, ``Conflict`` where the version is no longer the
    expected one, and what ``precondition`` raises.
    """
    viewer = context.require_viewer()
    async with context.services.database.write(fresh=precondition is not None) as transaction:
        ticket = await locked_ticket(transaction, viewer, ticket_id)
        cleaned, problems = validation.clean(
            validation.TICKET, changes, partial=True, max_text_bytes=context.services.max_text_bytes
        )
        access.require_ticket_change(viewer, ticket.created_by_id, set(cleaned) | set(problems))
        await check_precondition(precondition)
        await check_references(transaction, viewer, cleaned, problems)
        before = _fields(ticket)
        await check_contact(transaction, {**before, **cleaned}, cleaned, problems, before)
        validation.raise_problems(problems)
        check_version(expected_version, ticket.version)
        columns = {COLUMN_OF.get(name, name): value for name, value in cleaned.items()}
        await _save(context, transaction, ticket, ticket._replace(**columns))


async def assign_ticket(
    context: Context,
    ticket_id: UUID,
    user_id: UUID | None,
    expected_version: int | None = None,
    precondition: Precondition | None = None,
) -> None:
    """Assign a ticket to a member of staff: status ``assigned``, the team of their role.

    ``None`` unassigns: status ``new``, and no team but the category's. Raises ``NotFound`` of a
    Ticket or a User, ``Forbidden``, ``Conflict``, and what ``precondition`` raises.
    """
    viewer = context.require_viewer()
    async with context.services.database.write(fresh=precondition is not None) as transaction:
        ticket = await locked_ticket(transaction, viewer, ticket_id)
        access.require(viewer, "Ticket", ticket.created_by_id, Action.ASSIGN)
        await check_precondition(precondition)
        check_version(expected_version, ticket.version)
        if user_id is None:
            changed = ticket._replace(
                status=TicketStatus.NEW, assigned_to_id=None, assigned_team=None
            )
        else:
            found = await transaction.fetch_row(_ROLE, {KEY: user_id})
            if found is None or found[0] is Role.CUSTOMER:
                raise NotFound("User", field="user_id")
            changed = ticket._replace(
                status=TicketStatus.ASSIGNED,
                assigned_to_id=user_id,
                assigned_team=Team(found[0].value),
            )
        await _save(context, transaction, ticket, changed)


async def delete_ticket(
    context: Context, ticket_id: UUID, precondition: Precondition | None = None
) -> None:
    """Delete a ticket with its comments and attachments, and then its files.

    Raises ``NotFound``, ``Forbidden`` for customers, and what ``precondition`` raises.
    """
    viewer = context.require_viewer()
    async with context.services.database.write(fresh=precondition is not None) as transaction:
        ticket = await locked_ticket(transaction, viewer, ticket_id)
        access.require(viewer, "Ticket", ticket.created_by_id, Action.DELETE)
        await check_precondition(precondition)
        keys = await transaction.fetch(_FILES, {KEY: ticket.id})
        event = EventDraft(TicketEventType.DELETED)
        await append_events(context, transaction, ticket, [event], (_DELETE, {KEY: ticket.id}))
    for (key,) in keys:
        await context.services.files.delete(key)


def _fields(ticket: TicketRow) -> dict[str, object]:
    """Return a ticket's fields by their input names."""
    return {name: getattr(ticket, COLUMN_OF.get(name, name)) for name in validation.TICKET}


def _completed(ticket: TicketRow, now: datetime) -> TicketRow:
    """Let the category decide the team where there is none, and keep when it was finished first."""
    if ticket.assigned_team is None:
        ticket = ticket._replace(assigned_team=TEAM_OF_CATEGORY.get(ticket.category))
    stamp = FINAL.get(ticket.status)
    if stamp is not None and getattr(ticket, stamp) is None:
        columns: dict[str, Any] = {stamp: now}
        ticket = ticket._replace(**columns)
    return ticket


async def _save(
    context: Context, transaction: Transaction, ticket: TicketRow, changed: TicketRow
) -> None:
    """Store a changed ticket with its events; one that is the same stays as it is."""
    if changed == ticket:
        return
    now = context.services.clock()
    changed = _completed(changed, now)
    drafts = ticket_events(_fields(ticket), _fields(changed))
    if not drafts:
        return
    row = _changed_columns(ticket, changed)
    row |= {"version": ticket.version + 1, "updated_at": now}
    changes: list[Step] = [(_update(tuple(row)), {**row, KEY: ticket.id})]
    if changed.company_id != ticket.company_id:
        changes.append(move_events(ticket.id, changed.company_id))
    await append_events(context, transaction, changed, drafts, *changes)


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


def ticket_events(before: Mapping[str, object], after: Mapping[str, object]) -> list[EventDraft]:
    """Return the events of one write, given a ticket's fields by their input names.

    Status and assignment have events of their own, all the rest shares one.
    """
    changed = changes_of(before, after)
    found = []
    if "status" in changed:
        found.append(EventDraft(TicketEventType.STATUS_CHANGED, [changed["status"]]))
    assignment = [changed[name] for name in _ASSIGNMENT if name in changed]
    if assignment:
        found.append(EventDraft(TicketEventType.ASSIGNED, assignment))
    rest = [entry for name, entry in changed.items() if name not in ("status", *_ASSIGNMENT)]
    if rest:
        found.append(EventDraft(TicketEventType.UPDATED, rest))
    return found
