"""What can be done to comments: public ones and internal notes."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from models import Comment, Ticket, TicketEventType
from resolvers import access
from resolvers.access import Action
from resolvers.commands import validation
from resolvers.commands.tickets import (
    Precondition,
    check_precondition,
    check_version,
    locked_ticket,
)
from resolvers.errors import NotFound, Problem
from resolvers.events.log import EventDraft, append_events, change, hide_events
from resolvers.services import Context, Viewer

# The fields of a comment whose changes are told.
TOLD = ("text", "is_internal")


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
    async with context.services.database.transaction() as session:
        ticket = await locked_ticket(session, viewer, ticket_id)
        await check_precondition(precondition)
        validation.raise_problems(problems)
        return await _add(context, session, viewer, ticket, cleaned)


async def create_comment(context: Context, values: Mapping[str, object]) -> UUID:
    """Do the same with the ticket among the values, whose absence is one more ``Invalid``."""
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
    async with context.services.database.transaction() as session:
        comment, ticket = await _locked(session, viewer, comment_id)
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
    async with context.services.database.transaction() as session:
        comment, ticket = await _locked(session, viewer, comment_id)
        access.require(viewer, comment, Action.DELETE)
        await check_precondition(precondition)
        await session.delete(comment)
        deleted = EventDraft(
            TicketEventType.COMMENT_DELETED,
            is_internal=comment.is_internal,
            comment_id=comment.id,
        )
        await append_events(context, session, ticket, [deleted])


async def _locked(
    session: AsyncSession, viewer: Viewer, comment_id: UUID
) -> tuple[Comment, Ticket]:
    """Return a comment and its ticket, locked in the order that every writer locks them."""
    comment = await session.get(Comment, comment_id)
    if comment is None:
        raise NotFound("Comment")
    ticket = await session.get(Ticket, comment.ticket_id, with_for_update=True)
    # Somebody may have changed or deleted it while we waited for the ticket.
    current = await session.get(Comment, comment_id, with_for_update=True, populate_existing=True)
    if ticket is None or current is None or not access.can_see_comment(viewer, current, ticket):
        raise NotFound("Comment")
    return current, ticket


async def _why_not_there(session: AsyncSession, viewer: Viewer, ticket_id: UUID) -> Problem:
    """Say why a comment cannot move to another ticket; one that is hidden does not exist."""
    ticket = await session.get(Ticket, ticket_id)
    if ticket is None or not access.can_see_ticket(viewer, ticket):
        return Problem("does_not_exist", {"value": str(ticket_id)})
    return Problem("stays_with_ticket")


async def _add(
    context: Context,
    session: AsyncSession,
    viewer: Viewer,
    ticket: Ticket,
    cleaned: Mapping[str, Any],
) -> UUID:
    is_internal = cleaned.get("is_internal", False)
    access.require(viewer, ticket, Action.ADD_INTERNAL_NOTE if is_internal else Action.COMMENT)
    now = context.services.clock()
    comment = Comment(
        ticket_id=ticket.id,
        author_id=viewer.id,
        text=cleaned["text"],
        is_internal=is_internal,
        created_at=now,
        updated_at=now,
    )
    session.add(comment)
    _stamp_first_response(context, ticket, comment)
    added = EventDraft(
        TicketEventType.COMMENT_ADDED, is_internal=is_internal, comment_id=comment.id
    )
    await append_events(context, session, ticket, [added])
    return comment.id


def _stamp_first_response(context: Context, ticket: Ticket, comment: Comment) -> None:
    if not comment.is_internal and ticket.first_response_at is None:
        ticket.first_response_at = context.services.clock()


async def _change(
    context: Context,
    session: AsyncSession,
    comment: Comment,
    ticket: Ticket,
    cleaned: Mapping[str, Any],
) -> None:
    before = {name: getattr(comment, name) for name in TOLD}
    for name, value in cleaned.items():
        setattr(comment, name, value)
    drafts = comment_events(comment.id, before, {name: getattr(comment, name) for name in TOLD})
    if not drafts:
        return
    comment.updated_at = context.services.clock()
    comment.version += 1
    _stamp_first_response(context, ticket, comment)
    if comment.is_internal and not before["is_internal"]:
        await hide_events(session.exec, ticket.id, comment.id)
    await append_events(context, session, ticket, drafts)


def comment_events(
    comment_id: UUID, before: Mapping[str, Any], after: Mapping[str, Any]
) -> list[EventDraft]:
    """Return the events of an edit, given the fields that are told.

    What was written while a comment was internal is not for customers, and an edit that crosses
    between internal and public tells of both. To customers a note that is published is a new
    comment, so it is told as one, too.
    """
    changes = [
        change(name, before[name], after[name]) for name in TOLD if before[name] != after[name]
    ]
    if not changes:
        return []
    is_internal = before["is_internal"] or after["is_internal"]
    edited = EventDraft(
        TicketEventType.COMMENT_EDITED, changes, is_internal=is_internal, comment_id=comment_id
    )
    if not is_internal or after["is_internal"]:
        return [edited]
    return [edited, EventDraft(TicketEventType.COMMENT_ADDED, comment_id=comment_id)]
