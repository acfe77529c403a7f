"""What the writes of a ticket and of what belongs to it share: locks, conditions and versions.

Every writer locks the ticket first, and then the comment or the attachment.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from models import Attachment, Comment, Ticket
from resolvers import access
from resolvers.errors import Conflict, NotFound
from resolvers.events.log import change
from resolvers.viewer import Viewer

# Raises what stops a write, such as ``PreconditionFailed``.
Precondition = Callable[[], Awaitable[None]]
OfTicket = TypeVar("OfTicket", Comment, Attachment)


async def check_precondition(precondition: Precondition | None) -> None:
    """Raise what ``precondition`` raises; call it once the rows that it depends on are locked."""
    if precondition is not None:
        await precondition()


def check_version(expected: int | None, actual: int) -> None:
    """Raise ``Conflict`` if a version is expected that is not the current one."""
    if expected is not None and expected != actual:
        raise Conflict(expected=expected, actual=actual)


async def locked_ticket(session: AsyncSession, viewer: Viewer, ticket_id: UUID) -> Ticket:
    """Return a ticket, locked until the end of the transaction.

    Raises ``NotFound`` if it does not exist for the viewer.
    """
    ticket = await session.get(Ticket, ticket_id, with_for_update=True)
    if ticket is None or not access.can_see_ticket(viewer, ticket):
        raise NotFound("Ticket")
    return ticket


async def locked_with_ticket(
    session: AsyncSession, viewer: Viewer, model: type[OfTicket], key: UUID
) -> tuple[OfTicket, Ticket]:
    """Return a comment or an attachment and its ticket, both locked.

    Raises ``NotFound`` if it, or its ticket, does not exist for the viewer.
    """
    row = await session.get(model, key)
    ticket = None
    if row is not None:
        ticket = await session.get(Ticket, row.ticket_id, with_for_update=True)
    if ticket is None or not access.can_see_ticket(viewer, ticket):
        raise NotFound(model.__name__)
    # It may have been changed or deleted while this transaction waited for the ticket.
    current = await session.get(model, key, with_for_update=True, populate_existing=True)
    if current is None:
        raise NotFound(model.__name__)
    if isinstance(current, Comment) and not access.can_see_comment(viewer, current, ticket):
        raise NotFound(model.__name__)
    return current, ticket


def changes_of(
    before: Mapping[str, object], after: Mapping[str, object]
) -> dict[str, dict[str, object]]:
    """Return the entries of an event's ``changes`` by field, for the values that differ."""
    return {
        name: change(name, before[name], value)
        for name, value in after.items()
        if value != before[name]
    }


def next_version(row: Ticket | Comment, now: datetime) -> None:
    """Count a row's version up, at the time of a write that has changed it."""
    row.updated_at = now
    row.version += 1
