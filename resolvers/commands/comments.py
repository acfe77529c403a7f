"""Writes of comments: public ones and internal notes."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import insert
from sqlmodel.ext.asyncio.session import AsyncSession

from models import Comment, Ticket, TicketEventType, table_of
from models.base import new_id
from resolvers import access
from resolvers.access_rules import Action
from resolvers.commands import validation
from resolvers.commands.ticket_rows import (
    Precondition,
    changes_of,
    check_precondition,
    check_version,
    locked_ticket,
    locked_with_ticket,
    next_version,
)
from resolvers.context import Context
from resolvers.errors import NotFound, Problem
from resolvers.events.log import EventDraft, append_events, hide_events
from resolvers.viewer import Viewer

# The fields of a comment whose changes are in its events.
REPORTED = ("text", "is_internal")
_INSERT = insert(table_of(Comment))


async def add_comment(
    context: Context,
    ticket_id: UUID,
    values: Mapping[str, object],
    precondition: Precondition | None = None,
) -> UUID:
    """Comment on a ticket; the first public comment stamps the ticket's first response.

    No comment moves the ticket's ``updated_at``, as in the old system. Raises ``NotFound`` of a
    Ticket, ``Invalid``, ``Forbidden`` for a customer's internal note, and what ``precondition``
    raises.
    """
    viewer = context.require_viewer()
    cleaned, problems = validation.clean(
        validation.COMMENT,
        {**values, "ticket": ticket_id},
        partial=False,
        max_text_bytes=context.services.max_text_bytes,
    )
    async with context.services.database.transaction(fresh=precondition is not None) as session:
        ticket = await locked_ticket(session, viewer, ticket_id)
        await check_precondition(precondition)
        validation.raise_problems(problems)
        return await _add(context, session, viewer, ticket, cleaned)


async def create_comment(context: Context, values: Mapping[str, object]) -> UUID:
    """Comment on the ticket among the values; raises ``Invalid`` if there is none.

    Raises ``Forbidden`` for a customer's internal note.
    """
    viewer = context.require_viewer()
    cleaned, problems = validation.clean(
        validation.COMMENT, values, partial=False, max_text_bytes=context.services.max_text_bytes
    )
    async with context.services.database.transaction() as session:
        ticket = None
        if "ticket" in cleaned:
            try:
                ticket = await locked_ticket(session, viewer, cleaned["ticket"])
            except NotFound:
                value = {"value": str(cleaned["ticket"])}
                problems = {"ticket": [Problem("does_not_exist", value)], **problems}
        validation.raise_problems(problems)
        assert ticket is not None
        return await _add(context, session, viewer, ticket, cleaned)


async def update_comment(
    context: Context,
    comment_id: UUID,
    changes: Mapping[str, object],
    expected_version: int | None = None,
    precondition: Precondition | None = None,
) -> None:
    """Change a comment's text, or make it public or internal; the same values are no change.

    Raises ``NotFound``, ``Forbidden``, ``Invalid`` (a comment stays with its ticket, too),
    ``Conflict``, and what ``precondition`` raises.
    """
    viewer = context.require_viewer()
    async with context.services.database.transaction(fresh=precondition is not None) as session:
        comment, ticket = await locked_with_ticket(session, viewer, Comment, comment_id)
        access.require(viewer, comment, Action.UPDATE)
        await check_precondition(precondition)
        cleaned, problems = validation.clean(
            validation.COMMENT,
            changes,
            partial=True,
            max_text_bytes=context.services.max_text_bytes,
        )
        other = cleaned.pop("ticket", ticket.id)
        if other != ticket.id:
            problems["ticket"] = [await _why_not_there(session, viewer, other)]
        validation.raise_problems(problems)
        if cleaned.get("is_internal", False):
            access.require(viewer, comment, Action.MAKE_INTERNAL)
        check_version(expected_version, comment.version)
        await _change(context, session, comment, ticket, cleaned)


async def delete_comment(
    context: Context, comment_id: UUID, precondition: Precondition | None = None
) -> None:
    """Delete a comment.

    Raises ``NotFound``, ``Forbidden`` where a customer's is not theirs, and what ``precondition``
    raises.
    """
    viewer = context.require_viewer()
    async with context.services.database.transaction(fresh=precondition is not None) as session:
        comment, ticket = await locked_with_ticket(session, viewer, Comment, comment_id)
        access.require(viewer, comment, Action.DELETE)
        await check_precondition(precondition)
        await session.delete(comment)
        deleted = EventDraft(
            TicketEventType.COMMENT_DELETED,
            is_internal=comment.is_internal,
            comment_id=comment.id,
        )
        await append_events(context, session, ticket, [deleted])


async def _why_not_there(session: AsyncSession, viewer: Viewer, ticket_id: UUID) -> Problem:
    """Return why a comment cannot move to another ticket; a hidden one does not exist."""
    ticket = await session.get(Ticket, ticket_id)
    if ticket is None or not access.can_see_ticket(viewer, ticket):
        return Problem("does_not_exist", {"value": str(ticket_id)})
    return Problem("stays_with_ticket")


async def _add(
    context: Context,
    session: AsyncSession,
    viewer: Viewer,
    ticket: Ticket,
    cleaned: validation.Cleaned,
) -> UUID:
    is_internal = cleaned.get("is_internal", False)
    access.require(viewer, ticket, Action.ADD_INTERNAL_NOTE if is_internal else Action.COMMENT)
    now = context.services.clock()
    comment_id = new_id()
    row = {
        "id": comment_id,
        "ticket_id": ticket.id,
        "author_id": viewer.id,
        "text": cleaned["text"],
        "is_internal": is_internal,
        "version": 1,
        "created_at": now,
        "updated_at": now,
    }
    await (await session.connection()).execute(_INSERT, row)
    _stamp_first_response(context, ticket, is_internal=is_internal)
    added = EventDraft(
        TicketEventType.COMMENT_ADDED, is_internal=is_internal, comment_id=comment_id
    )
    await append_events(context, session, ticket, [added])
    return comment_id


def _stamp_first_response(context: Context, ticket: Ticket, *, is_internal: bool) -> None:
    if not is_internal and ticket.first_response_at is None:
        ticket.first_response_at = context.services.clock()


async def _change(
    context: Context,
    session: AsyncSession,
    comment: Comment,
    ticket: Ticket,
    cleaned: validation.Cleaned,
) -> None:
    before = {name: getattr(comment, name) for name in REPORTED}
    for name, value in cleaned.items():
        setattr(comment, name, value)
    drafts = comment_events(comment.id, before, {name: getattr(comment, name) for name in REPORTED})
    if not drafts:
        return
    next_version(comment, context.services.clock())
    _stamp_first_response(context, ticket, is_internal=comment.is_internal)
    if comment.is_internal and not before["is_internal"]:
        await hide_events(session.exec, ticket.id, comment.id)
    await append_events(context, session, ticket, drafts)


def comment_events(
    comment_id: UUID, before: Mapping[str, object], after: Mapping[str, object]
) -> list[EventDraft]:
    """Return the events of an edit, given the fields ``REPORTED``.

    What was written while a comment was internal is not for customers, so an edit that makes it
    internal or public is an internal event. To customers a note that becomes public is a new
    comment, so there is an event ``COMMENT_ADDED``, too.
    """
    changes = list(changes_of(before, after).values())
    if not changes:
        return []
    is_internal = bool(before["is_internal"] or after["is_internal"])
    edited = EventDraft(
        TicketEventType.COMMENT_EDITED, changes, is_internal=is_internal, comment_id=comment_id
    )
    if not is_internal or after["is_internal"]:
        return [edited]
    return [edited, EventDraft(TicketEventType.COMMENT_ADDED, comment_id=comment_id)]
