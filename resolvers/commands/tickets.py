"""Writes of tickets. Each function is one transaction that ends with its events."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import bindparam, select

from models import (
    Attachment,
    Role,
    Team,
    Ticket,
    TicketEventType,
    TicketStatus,
    User,
    table_of,
)
from models.types import Uuid36
from resolvers import access
from resolvers.access_rules import Action
from resolvers.commands import validation
from resolvers.commands.conflicts import (
    ConflictResolution,
    Expected,
    Merged,
    Precondition,
    expected_by,
    settle,
    versioned_ticket,
)
from resolvers.commands.new_tickets import new_tickets
from resolvers.commands.ticket_changes import ASSIGNMENT, completed, creation, save_ticket
from resolvers.commands.ticket_references import check_contact, check_references
from resolvers.commands.ticket_rows import (
    TicketRow,
    columns_of,
    fields_of,
    locked_ticket,
)
from resolvers.commands.undo.keeping import keep_ticket, keeps
from resolvers.context import Context
from resolvers.errors import NotFound
from resolvers.events.log import EventDraft, append_events
from resolvers.write_statements import (
    KEY,
    Step,
    always,
    delete_from,
    with_key,
)

_tickets, _attachments = table_of(Ticket), table_of(Attachment)
_users = table_of(User)
_FAIL = ConflictResolution.FAIL
_ROLE = always(select(_users.c.role).where(with_key(_users)))
_FILES = always(
    select(_attachments.c.key).where(_attachments.c.ticket_id == bindparam(KEY, type_=Uuid36))
)
_DELETE = delete_from(_tickets)


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
        ((created, insert),) = await new_tickets(transaction, viewer, [columns_of(cleaned)], now)
        await append_events(context, transaction, created, [creation()], insert)
    return created.id


async def update_ticket(
    context: Context,
    ticket_id: UUID,
    changes: Mapping[str, object],
    expected_version: int | None = None,
    precondition: Precondition | None = None,
    on_conflict: ConflictResolution = _FAIL,
) -> Merged | None:
    """Change fields of a ticket; values that stay the same are no change.

    A ticket that moves to another company without a new contact loses one of the old company.
    Returns what it was merged with, if it was. Raises ``NotFound``, ``Forbidden``, ``Invalid``,
    ``Conflict`` where the version is no longer the expected one and it is not merged, and what
    ``precondition`` raises.
    """
    viewer = context.require_viewer()
    async with context.services.database.write(fresh=precondition is not None) as transaction:
        ticket = await locked_ticket(transaction, viewer, ticket_id)
        cleaned, problems = validation.clean(
            validation.TICKET, changes, partial=True, max_text_bytes=context.services.max_text_bytes
        )
        access.require_ticket_change(viewer, ticket.created_by_id, set(cleaned) | set(problems))
        row, merged = versioned_ticket(ticket), None
        expected = await expected_by(precondition, Expected(expected_version, on_conflict))
        if expected.failed or not problems:
            cleaned, merged = await settle(context, transaction, row, cleaned, expected)
        await check_references(transaction, viewer, cleaned, problems)
        after = {**row.values, **cleaned}
        await check_contact(transaction, after, cleaned, problems, row.values)
        validation.raise_problems(problems)
        await save_ticket(context, transaction, ticket, ticket._replace(**columns_of(cleaned)))
    return merged


async def assign_ticket(
    context: Context,
    ticket_id: UUID,
    user_id: UUID | None,
    expected_version: int | None = None,
    precondition: Precondition | None = None,
    on_conflict: ConflictResolution = _FAIL,
) -> Merged | None:
    """Assign a ticket to a member of staff: status ``assigned``, the team of their role.

    ``None`` unassigns: status ``new``, and no team but the category's. Returns and raises what
    ``update_ticket`` does, and ``NotFound`` of a User.
    """
    viewer = context.require_viewer()
    async with context.services.database.write(fresh=precondition is not None) as transaction:
        ticket = await locked_ticket(transaction, viewer, ticket_id)
        access.require(viewer, "Ticket", ticket.created_by_id, Action.ASSIGN)
        row = versioned_ticket(ticket)
        expected = await expected_by(precondition, Expected(expected_version, on_conflict))
        if user_id is None:
            changed = ticket._replace(
                status=TicketStatus.NEW, assigned_to_id=None, assigned_team=None
            )
        else:
            found = await transaction.fetch_row(_ROLE, {KEY: user_id})
            if found is None or found[0] is Role.CUSTOMER:
                await settle(context, transaction, row, {}, expected)
                raise NotFound("User", field="user_id")
            changed = ticket._replace(
                status=TicketStatus.ASSIGNED,
                assigned_to_id=user_id,
                assigned_team=Team(found[0].value),
            )
        changed = completed(changed, context.services.clock())
        wanted = {name: fields_of(changed)[name] for name in ("status", *ASSIGNMENT)}
        _, merged = await settle(context, transaction, row, wanted, expected, whole=True)
        await save_ticket(context, transaction, ticket, changed)
    return merged


async def delete_ticket(
    context: Context,
    ticket_id: UUID,
    precondition: Precondition | None = None,
    expected_version: int | None = None,
) -> None:
    """Delete a ticket with its comments and attachments.

    Their files go when it can no longer be undone.

    Raises ``NotFound``, ``Forbidden`` for customers, ``Conflict``, and what ``precondition``
    raises.
    """
    viewer = context.require_viewer()
    async with context.services.database.write(fresh=precondition is not None) as transaction:
        ticket = await locked_ticket(transaction, viewer, ticket_id)
        access.require(viewer, "Ticket", ticket.created_by_id, Action.DELETE)
        expected = await expected_by(precondition, Expected(expected_version))
        await settle(context, transaction, versioned_ticket(ticket), {}, expected)
        keys = [] if keeps(context) else await transaction.fetch(_FILES, {KEY: ticket.id})
        event = EventDraft(TicketEventType.DELETED)
        await append_events(
            context, transaction, ticket, [event], *deletion(context, ticket, event)
        )
    for (key,) in keys:
        await context.services.files.delete(key)


def deletion(context: Context, ticket: TicketRow, event: EventDraft) -> list[Step]:
    """Return what deletes a ticket, of which ``event`` tells, with its comments and attachments."""
    return [*keep_ticket(context, event, ticket.id), (_DELETE, {KEY: ticket.id})]
