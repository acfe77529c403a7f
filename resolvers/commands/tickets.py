"""Writes of tickets. Each function is one transaction that ends with its events."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models import (
    TEAM_OF_CATEGORY,
    Attachment,
    Company,
    Contact,
    Role,
    Team,
    Ticket,
    TicketEventType,
    TicketStatus,
    User,
)
from models.types import Uuid36
from resolvers import access
from resolvers.access_rules import Action
from resolvers.commands import validation
from resolvers.commands.new_tickets import FINAL, insert_ticket
from resolvers.commands.ticket_rows import (
    Precondition,
    changes_of,
    check_precondition,
    check_version,
    locked_ticket,
    next_version,
)
from resolvers.context import Context
from resolvers.errors import NotFound, Problem
from resolvers.events.log import EventDraft, append_events, move_events
from resolvers.viewer import Viewer

# A ticket's input fields whose column has another name.
COLUMN_OF = {"company": "company_id", "contact": "contact_id", "assigned_to": "assigned_to_id"}
_ASSIGNMENT = ("assigned_to", "assigned_team")
# The company's id, the contact's company and the user's role; null of a row that does not exist.
_REFERENCED = select(
    *(
        select(column)
        .where(col(key) == bindparam(name, type_=Uuid36))
        .scalar_subquery()
        .label(name)
        for name, column, key in (
            ("company", Company.id, Company.id),
            ("contact", Contact.company_id, Contact.id),
            ("assigned_to", User.role, User.id),
        )
    )
)


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
    async with context.services.database.transaction() as session:
        await _check_references(session, viewer, cleaned, problems)
        await _check_contact(session, cleaned, cleaned, problems, {})
        validation.raise_problems(problems)
        now = context.services.clock()
        columns = {COLUMN_OF.get(name, name): value for name, value in cleaned.items()}
        created = await insert_ticket(session, viewer, columns, now)
        await append_events(context, session, created, [EventDraft(TicketEventType.CREATED)])
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
    async with context.services.database.transaction(fresh=precondition is not None) as session:
        ticket = await locked_ticket(session, viewer, ticket_id)
        cleaned, problems = validation.clean(
            validation.TICKET, changes, partial=True, max_text_bytes=context.services.max_text_bytes
        )
        access.require_ticket_change(viewer, ticket, set(cleaned) | set(problems))
        await check_precondition(precondition)
        await _check_references(session, viewer, cleaned, problems)
        before = _snapshot(ticket)
        await _check_contact(session, {**before, **cleaned}, cleaned, problems, before)
        validation.raise_problems(problems)
        check_version(expected_version, ticket.version)
        for name, value in cleaned.items():
            setattr(ticket, COLUMN_OF.get(name, name), value)
        await _save(context, session, ticket, before)


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
    async with context.services.database.transaction(fresh=precondition is not None) as session:
        ticket = await locked_ticket(session, viewer, ticket_id)
        access.require(viewer, ticket, Action.ASSIGN)
        await check_precondition(precondition)
        check_version(expected_version, ticket.version)
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


async def delete_ticket(
    context: Context, ticket_id: UUID, precondition: Precondition | None = None
) -> None:
    """Delete a ticket with its comments and attachments, and then its files.

    Raises ``NotFound``, ``Forbidden`` for customers, and what ``precondition`` raises.
    """
    viewer = context.require_viewer()
    async with context.services.database.transaction(fresh=precondition is not None) as session:
        ticket = await locked_ticket(session, viewer, ticket_id)
        access.require(viewer, ticket, Action.DELETE)
        await check_precondition(precondition)
        found = await session.exec(select(Attachment.key).where(Attachment.ticket_id == ticket.id))
        keys = list(found.all())
        await session.delete(ticket)
        await append_events(context, session, ticket, [EventDraft(TicketEventType.DELETED)])
    for key in keys:
        await context.services.files.delete(key)


async def _check_references(
    session: AsyncSession,
    viewer: Viewer,
    cleaned: validation.Cleaned,
    problems: validation.Problems,
) -> None:
    """Add a problem for each reference to a row that does not exist for the viewer."""
    keys = {name: cleaned.get(name) for name in COLUMN_OF}
    if not any(keys.values()):
        return
    connection = await session.connection()
    company, contact, role = (await connection.execute(_REFERENCED, keys)).one()
    exists = {
        "company": company is not None and access.can_see_company(viewer, company),
        "contact": contact is not None and access.can_see_company(viewer, contact),
        "assigned_to": role is not None and role is not Role.CUSTOMER,
    }
    for name, key in keys.items():
        if key is not None and not exists[name]:
            problems[name] = [Problem("does_not_exist", {"value": str(key)})]


async def _check_contact(
    session: AsyncSession,
    after: Mapping[str, object],
    cleaned: validation.Cleaned,
    problems: validation.Problems,
    before: Mapping[str, object],
) -> None:
    """Keep a ticket's contact one of its company, where a write changes either.

    Where only the company changes, a contact that is left behind is dropped (in ``cleaned``). What
    was stored otherwise, by an import or because the contact itself has moved, stays as it is.
    """
    key = after.get("contact")
    same = all(after.get(name) == before.get(name) for name in ("company", "contact"))
    if key is None or same or problems.keys() & {"company", "contact"}:
        return
    contact = await session.get(Contact, key, with_for_update={"read": True})
    if contact is not None and contact.company_id == after.get("company"):
        return
    if "contact" in cleaned:
        problems["contact"] = [Problem("contact_of_other_company")]
    else:
        cleaned["contact"] = None


def _snapshot(ticket: Ticket) -> dict[str, object]:
    return {name: getattr(ticket, COLUMN_OF.get(name, name)) for name in validation.TICKET}


def _keep_team(ticket: Ticket) -> None:
    """Let the category decide the team where there is none."""
    if ticket.assigned_team is None:
        ticket.assigned_team = TEAM_OF_CATEGORY.get(ticket.category)


def _stamp(ticket: Ticket, now: datetime) -> None:
    """Keep when the final states were first reached."""
    stamp = FINAL.get(ticket.status)
    if stamp is not None and getattr(ticket, stamp) is None:
        setattr(ticket, stamp, now)


async def _save(
    context: Context, session: AsyncSession, ticket: Ticket, before: Mapping[str, object]
) -> None:
    """Finish a write; one that has changed nothing leaves the row as it is."""
    if _snapshot(ticket) == before:
        return
    _keep_team(ticket)
    drafts = ticket_events(before, _snapshot(ticket))
    if not drafts:
        return
    now = context.services.clock()
    _stamp(ticket, now)
    next_version(ticket, now)
    if ticket.company_id != before["company"]:
        await move_events(session.exec, ticket.id, ticket.company_id)
    await append_events(context, session, ticket, drafts)


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
