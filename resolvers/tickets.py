"""What can be done to tickets. Each function is one transaction that ends with its events."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import literal_column
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from models import (
    TEAM_OF_CATEGORY,
    Attachment,
    Company,
    Contact,
    DayCounter,
    Role,
    Team,
    Ticket,
    TicketEventType,
    TicketStatus,
    User,
)
from resolvers import access, inputs
from resolvers.access import Action
from resolvers.desk import Context, Viewer
from resolvers.errors import Conflict, NotFound, Problem
from resolvers.events import Happening, append_events, change, move_events

# A ticket's input fields whose column has another name.
COLUMN_OF = {"company": "company_id", "contact": "contact_id", "assigned_to": "assigned_to_id"}
_ASSIGNMENT = ("assigned_to", "assigned_team")


async def create_ticket(context: Context, values: Mapping[str, object]) -> UUID:
    """Create a ticket; the category decides the team when none is given.

    Raises ``Invalid`` with the problems of all fields, ``Forbidden`` for what customers may not
    set.
    """
    viewer = context.require_viewer()
    cleaned, problems = inputs.clean(
        inputs.TICKET, values, partial=False, max_text_bytes=context.desk.max_text_bytes
    )
    access.require_ticket_create(viewer, set(cleaned) | set(problems) & set(values))
    async with context.desk.database.transaction() as session:
        await check_references(session, viewer, cleaned, problems)
        inputs.raise_problems(problems)
        now = context.desk.clock()
        columns = {COLUMN_OF.get(name, name): value for name, value in cleaned.items()}
        ticket = Ticket(
            **columns,
            ticket_number=await _next_number(context, session, now),
            created_by_id=viewer.id,
            created_at=now,
            updated_at=now,
        )
        _keep_rules(ticket, now)
        session.add(ticket)
        await append_events(context, session, ticket, [Happening(TicketEventType.CREATED)])
    return ticket.id


async def update_ticket(
    context: Context,
    ticket_id: UUID,
    changes: Mapping[str, object],
    expected_version: int | None = None,
) -> None:
    """Change fields of a ticket; values that stay the same are no change.

    Raises ``NotFound``, ``Forbidden``, ``Invalid``, and ``Conflict`` where the version is no
    longer the expected one.
    """
    viewer = context.require_viewer()
    async with context.desk.database.transaction() as session:
        ticket = await locked_ticket(session, viewer, ticket_id)
        cleaned, problems = inputs.clean(
            inputs.TICKET, changes, partial=True, max_text_bytes=context.desk.max_text_bytes
        )
        access.require_ticket_change(viewer, ticket, set(cleaned) | set(problems))
        await check_references(session, viewer, cleaned, problems)
        inputs.raise_problems(problems)
        if expected_version is not None and expected_version != ticket.version:
            raise Conflict(expected=expected_version, actual=ticket.version)
        before = _snapshot(ticket)
        for name, value in cleaned.items():
            setattr(ticket, COLUMN_OF.get(name, name), value)
        await _save(context, session, ticket, before)


async def assign_ticket(context: Context, ticket_id: UUID, user_id: UUID | None) -> None:
    """Assign a ticket to a member of staff: status ``assigned``, the team of their role.

    ``None`` unassigns: status ``new``, and no team but the category's. Raises ``NotFound`` of a
    Ticket or a User.
    """
    viewer = context.require_viewer()
    async with context.desk.database.transaction() as session:
        ticket = await locked_ticket(session, viewer, ticket_id)
        access.require(viewer, ticket, Action.ASSIGN)
        before = _snapshot(ticket)
        if user_id is None:
            ticket.status, ticket.assigned_to_id, ticket.assigned_team = (
                TicketStatus.NEW,
                None,
                None,
            )
        else:
            user = await session.get(User, user_id)
            if user is None or user.role is Role.CUSTOMER:
                raise NotFound("User", field="user_id")
            ticket.status, ticket.assigned_to_id = TicketStatus.ASSIGNED, user.id
            ticket.assigned_team = Team(user.role.value)
        await _save(context, session, ticket, before)


async def delete_ticket(context: Context, ticket_id: UUID) -> None:
    """Delete a ticket with its comments and attachments, and then its files.

    Raises ``NotFound``, and ``Forbidden`` for customers.
    """
    viewer = context.require_viewer()
    async with context.desk.database.transaction() as session:
        ticket = await locked_ticket(session, viewer, ticket_id)
        access.require(viewer, ticket, Action.DELETE)
        found = await session.exec(select(Attachment.key).where(Attachment.ticket_id == ticket.id))
        keys = list(found.all())
        await session.delete(ticket)
        await append_events(context, session, ticket, [Happening(TicketEventType.DELETED)])
    for key in keys:
        await context.desk.files.delete(key)


async def locked_ticket(session: AsyncSession, viewer: Viewer, ticket_id: UUID) -> Ticket:
    """Return a ticket that no other writer changes until the end of the transaction.

    Raises ``NotFound`` where it does not exist for the viewer.
    """
    ticket = await session.get(Ticket, ticket_id, with_for_update=True)
    if ticket is None or not access.can_see_ticket(viewer, ticket):
        raise NotFound("Ticket")
    return ticket


async def check_references(
    session: AsyncSession,
    viewer: Viewer,
    cleaned: Mapping[str, Any],
    problems: inputs.Problems,
) -> None:
    """Add a problem for each reference to a row that does not exist for the viewer."""
    for name in ("company", "contact", "assigned_to"):
        key = cleaned.get(name)
        if key is not None and not await _exists(session, viewer, name, key):
            problems[name] = [Problem("does_not_exist", {"value": str(key)})]


async def _exists(session: AsyncSession, viewer: Viewer, name: str, key: UUID) -> bool:
    if name == "company":
        company = await session.get(Company, key)
        return company is not None and access.can_see_company(viewer, company.id)
    if name == "contact":
        contact = await session.get(Contact, key)
        return contact is not None and access.can_see_company(viewer, contact.company_id)
    user = await session.get(User, key)
    return user is not None and user.role is not Role.CUSTOMER


def _snapshot(ticket: Ticket) -> dict[str, object]:
    return {name: getattr(ticket, COLUMN_OF.get(name, name)) for name in inputs.TICKET}


def _keep_rules(ticket: Ticket, now: datetime) -> None:
    """Apply what holds for every saved ticket: team by category, times of the final states."""
    if ticket.assigned_team is None:
        ticket.assigned_team = TEAM_OF_CATEGORY.get(ticket.category)
    if ticket.status is TicketStatus.RESOLVED and ticket.resolved_at is None:
        ticket.resolved_at = now
    if ticket.status is TicketStatus.CLOSED and ticket.closed_at is None:
        ticket.closed_at = now


async def _save(
    context: Context, session: AsyncSession, ticket: Ticket, before: Mapping[str, object]
) -> None:
    now = context.desk.clock()
    _keep_rules(ticket, now)
    happenings = ticket_happenings(before, _snapshot(ticket))
    ticket.updated_at = now
    if happenings:
        ticket.version += 1
    if ticket.company_id != before["company"]:
        await move_events(session.exec, ticket.id, ticket.company_id)
    await append_events(context, session, ticket, happenings)


def ticket_happenings(before: Mapping[str, object], after: Mapping[str, object]) -> list[Happening]:
    """Return the events of one write, given a ticket's fields by their input names.

    Status and assignment have events of their own, all the rest shares one.
    """
    changed = {
        name: change(name, before[name], value)
        for name, value in after.items()
        if value != before[name]
    }
    found = []
    if "status" in changed:
        found.append(Happening(TicketEventType.STATUS_CHANGED, [changed["status"]]))
    assignment = [changed[name] for name in _ASSIGNMENT if name in changed]
    if assignment:
        found.append(Happening(TicketEventType.ASSIGNED, assignment))
    rest = [entry for name, entry in changed.items() if name not in ("status", *_ASSIGNMENT)]
    if rest:
        found.append(Happening(TicketEventType.UPDATED, rest))
    return found


async def _next_number(context: Context, session: AsyncSession, now: datetime) -> str:
    """Count the day's counter row up: unique, and without a gap unless a transaction fails."""
    day = f"{now.year:04}{now:%m%d}"
    postgres = context.desk.database.dialect.name == "postgresql"
    statement: Any = (postgresql.insert if postgres else sqlite.insert)(DayCounter)
    counted = statement.values(day=day, value=1).on_conflict_do_update(
        index_elements=["day"], set_={"value": literal_column("day_counters.value + 1")}
    )
    value = (await session.exec(counted.returning(DayCounter.value))).scalar_one()
    return f"T-{day}-{value:04}"
