"""What the writes of a ticket and of what belongs to it share: rows, locks and changes.

Every writer locks the ticket first, and then the comment or the attachment.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Table, select
from sqlmodel import SQLModel

from models import (
    Attachment,
    Comment,
    Team,
    Ticket,
    TicketCategory,
    TicketPriority,
    TicketStatus,
    table_of,
)
from resolvers import access
from resolvers.commands import validation
from resolvers.errors import NotFound
from resolvers.events.log import change
from resolvers.viewer import Viewer
from resolvers.write_statements import (
    KEY,
    Statement,
    Transaction,
    always,
    key_list,
    with_key,
    with_keys,
)

# A ticket's input fields whose column has another name.
COLUMN_OF = {"company": "company_id", "contact": "contact_id", "assigned_to": "assigned_to_id"}


class TicketRow(NamedTuple):
    """A stored ticket, by its columns."""

    id: UUID
    ticket_number: str
    subject: str
    description: str
    status: TicketStatus
    priority: TicketPriority
    category: TicketCategory
    company_id: UUID
    contact_id: UUID | None
    assigned_to_id: UUID | None
    assigned_team: Team | None
    created_by_id: UUID | None
    first_response_at: datetime | None
    resolved_at: datetime | None
    closed_at: datetime | None
    due_date: datetime | None
    tags: str
    version: int


class CommentRow(NamedTuple):
    """A stored comment, by its columns."""

    id: UUID
    author_id: UUID | None
    text: str
    is_internal: bool
    version: int


class AttachmentRow(NamedTuple):
    """A stored attachment, by its columns."""

    id: UUID
    key: str
    name: str
    uploaded_by_id: UUID | None


def _lock(model: type[SQLModel], names: Sequence[str], ticket: Table | None = None) -> Statement:
    """Return what locks a row: the one with the id ``KEY``, or the ticket of that one."""
    table = table_of(model)
    found = with_key(table)
    if ticket is not None:
        found = table.c.id == select(ticket.c.ticket_id).where(with_key(ticket)).scalar_subquery()
    return always(select(*(table.c[name] for name in names)).where(found).with_for_update())


def _lock_some(model: type[SQLModel], names: Sequence[str]) -> Statement:
    """Return what locks rows in the order of their ids.

    So two that lock the same ones do not wait for each other.
    """
    table = table_of(model)
    found = select(*(table.c[name] for name in names)).where(with_keys(table))
    return always(found.order_by(table.c.id).with_for_update())


_LOCK = _lock(Ticket, TicketRow._fields)
_LOCK_SOME = _lock_some(Ticket, TicketRow._fields)
_LOCK_OF_COMMENT = _lock(Ticket, TicketRow._fields, table_of(Comment))
_LOCK_OF_ATTACHMENT = _lock(Ticket, TicketRow._fields, table_of(Attachment))
_LOCK_COMMENT = _lock(Comment, CommentRow._fields)
_LOCK_COMMENTS = _lock_some(Comment, CommentRow._fields)
_LOCK_ATTACHMENT = _lock(Attachment, AttachmentRow._fields)


async def locked_ticket(transaction: Transaction, viewer: Viewer, ticket_id: UUID) -> TicketRow:
    """Return a ticket, locked until the end of the transaction.

    Raises ``NotFound`` if it does not exist for the viewer.
    """
    return await _locked(transaction, viewer, _LOCK, ticket_id, "Ticket")


async def locked_tickets(
    transaction: Transaction, viewer: Viewer, keys: Iterable[UUID]
) -> dict[UUID, TicketRow]:
    """Return those of some tickets that exist for the viewer, by their ids, locked."""
    listed = key_list(keys)
    found = await transaction.fetch(_LOCK_SOME, listed) if listed else []
    tickets = [TicketRow(*row) for row in found]
    return {one.id: one for one in tickets if access.can_see_company(viewer, one.company_id)}


async def locked_comment(
    transaction: Transaction, viewer: Viewer, key: UUID
) -> tuple[CommentRow, TicketRow]:
    """Return a comment and its ticket, both locked.

    Raises ``NotFound`` if it, or its ticket, does not exist for the viewer.
    """
    ticket = await _locked(transaction, viewer, _LOCK_OF_COMMENT, key, "Comment")
    # It may have been changed or deleted while this transaction waited for the ticket.
    found = await transaction.fetch_row(_LOCK_COMMENT, {KEY: key})
    comment = None if found is None else CommentRow(*found)
    if comment is None or (comment.is_internal and not access.can_see_internal(viewer)):
        raise NotFound("Comment")
    return comment, ticket


async def locked_comments(
    transaction: Transaction, viewer: Viewer, keys: Iterable[UUID]
) -> dict[UUID, CommentRow]:
    """Return those of some comments that exist for the viewer, by their ids, locked.

    Their tickets are to be locked before.
    """
    listed = key_list(keys)
    found = await transaction.fetch(_LOCK_COMMENTS, listed) if listed else []
    comments = [CommentRow(*row) for row in found]
    return {
        one.id: one for one in comments if not one.is_internal or access.can_see_internal(viewer)
    }


async def locked_attachment(
    transaction: Transaction, viewer: Viewer, key: UUID
) -> tuple[AttachmentRow, TicketRow]:
    """Return an attachment and its ticket, both locked.

    Raises ``NotFound`` if it, or its ticket, does not exist for the viewer.
    """
    ticket = await _locked(transaction, viewer, _LOCK_OF_ATTACHMENT, key, "Attachment")
    found = await transaction.fetch_row(_LOCK_ATTACHMENT, {KEY: key})
    if found is None:
        raise NotFound("Attachment")
    return AttachmentRow(*found), ticket


async def _locked(
    transaction: Transaction, viewer: Viewer, lock: Statement, key: UUID, entity: str
) -> TicketRow:
    found = await transaction.fetch_row(lock, {KEY: key})
    ticket = None if found is None else TicketRow(*found)
    if ticket is None or not access.can_see_company(viewer, ticket.company_id):
        raise NotFound(entity)
    return ticket


def fields_of(ticket: TicketRow) -> dict[str, object]:
    """Return a ticket's fields by their input names."""
    return {name: getattr(ticket, COLUMN_OF.get(name, name)) for name in validation.TICKET}


def columns_of(values: Mapping[str, object]) -> dict[str, Any]:
    """Return the values of input fields by the columns that store them."""
    return {COLUMN_OF.get(name, name): value for name, value in values.items()}


def changes_of(
    before: Mapping[str, object], after: Mapping[str, object]
) -> dict[str, dict[str, object]]:
    """Return the entries of an event's ``changes`` by field, for the values that differ."""
    return {
        name: change(name, before[name], value)
        for name, value in after.items()
        if value != before[name]
    }
