"""Writes of comments: public ones and internal notes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from models import Comment, Ticket, TicketEventType, table_of
from models.base import new_id
from models.search import search_texts
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
    versioned_comment,
    versioned_ticket,
)
from resolvers.commands.ticket_rows import (
    CommentRow,
    TicketRow,
    changes_of,
    locked_comment,
    locked_ticket,
)
from resolvers.commands.undo.keeping import keep_comment, keep_texts
from resolvers.context import Context
from resolvers.errors import NotFound, Problem
from resolvers.events.log import EventDraft, append_events, hide_events
from resolvers.viewer import Viewer
from resolvers.write_statements import (
    KEY,
    Step,
    Transaction,
    always,
    change_in,
    delete_from,
    insert_into,
    with_key,
)

# The fields of a comment whose changes are in its events.
REPORTED = ("text", "is_internal")
_comments, _tickets = table_of(Comment), table_of(Ticket)
_INSERT, _DELETE = insert_into(_comments), delete_from(_comments)
_STAMPS = ("is_internal", "version", "updated_at")
_UPDATE = change_in(_comments, _STAMPS)
# An index is only kept for what a statement names.
_UPDATE_TEXT = change_in(_comments, ["text", *search_texts(_comments, {}), *_STAMPS])
_ANSWER = change_in(_tickets, ["first_response_at"])
_COMPANY_OF_TICKET = always(select(_tickets.c.company_id).where(with_key(_tickets)))


async def add_comment(
    context: Context,
    ticket_id: UUID,
    values: Mapping[str, object],
    precondition: Precondition | None = None,
    expected_version: int | None = None,
) -> UUID:
    """Comment on a ticket; the first public comment stamps the ticket's first response.

    No comment moves the ticket's ``updated_at``, as in the old system. ``expected_version`` is the
    ticket's. Raises ``NotFound`` of a Ticket, ``Invalid``, ``Forbidden`` for a customer's internal
    note, ``Conflict``, and what ``precondition`` raises.
    """
    viewer = context.require_viewer()
    cleaned, problems = validation.clean(
        validation.COMMENT,
        {**values, "ticket": ticket_id},
        partial=False,
        max_text_bytes=context.services.max_text_bytes,
    )
    async with context.services.database.write(fresh=precondition is not None) as transaction:
        ticket = await locked_ticket(transaction, viewer, ticket_id)
        expected = await expected_by(precondition, Expected(expected_version))
        if expected.failed or not problems:
            await settle(context, transaction, versioned_ticket(ticket), {}, expected)
        validation.raise_problems(problems)
        return await _add(context, transaction, viewer, ticket, cleaned)


async def create_comment(context: Context, values: Mapping[str, object]) -> UUID:
    """Comment on the ticket among the values; raises ``Invalid`` if there is none.

    Raises ``Forbidden`` for a customer's internal note.
    """
    viewer = context.require_viewer()
    cleaned, problems = validation.clean(
        validation.COMMENT, values, partial=False, max_text_bytes=context.services.max_text_bytes
    )
    async with context.services.database.write() as transaction:
        ticket = None
        if "ticket" in cleaned:
            try:
                ticket = await locked_ticket(transaction, viewer, cleaned["ticket"])
            except NotFound:
                value = {"value": str(cleaned["ticket"])}
                problems = {"ticket": [Problem("does_not_exist", value)], **problems}
        validation.raise_problems(problems)
        assert ticket is not None
        return await _add(context, transaction, viewer, ticket, cleaned)


async def update_comment(
    context: Context,
    comment_id: UUID,
    changes: Mapping[str, object],
    expected_version: int | None = None,
    precondition: Precondition | None = None,
    on_conflict: ConflictResolution = ConflictResolution.FAIL,
) -> Merged | None:
    """Change a comment's text, or make it public or internal; the same values are no change.

    Returns what it was merged with, if it was. Raises ``NotFound``, ``Forbidden``, ``Invalid`` (a
    comment stays with its ticket, too), ``Conflict``, and what ``precondition`` raises.
    """
    viewer = context.require_viewer()
    async with context.services.database.write(fresh=precondition is not None) as transaction:
        comment, ticket = await locked_comment(transaction, viewer, comment_id)
        access.require(viewer, "Comment", comment.author_id, Action.UPDATE)
        expected = await expected_by(precondition, Expected(expected_version, on_conflict))
        cleaned, problems = validation.clean(
            validation.COMMENT,
            changes,
            partial=True,
            max_text_bytes=context.services.max_text_bytes,
        )
        other = cleaned.pop("ticket", ticket.id)
        if other != ticket.id:
            problems["ticket"] = [await _why_not_there(transaction, viewer, other)]
        merged = None
        if expected.failed or not problems:
            row = versioned_comment(comment, ticket)
            cleaned, merged = await settle(context, transaction, row, cleaned, expected)
        validation.raise_problems(problems)
        if cleaned.get("is_internal", False):
            access.require(viewer, "Comment", comment.author_id, Action.MAKE_INTERNAL)
        await change_comment(context, transaction, comment, ticket, cleaned)
    return merged


async def delete_comment(
    context: Context,
    comment_id: UUID,
    precondition: Precondition | None = None,
    expected_version: int | None = None,
) -> None:
    """Delete a comment.

    Raises ``NotFound``, ``Forbidden`` where a customer's is not theirs, ``Conflict``, and what
    ``precondition`` raises.
    """
    viewer = context.require_viewer()
    async with context.services.database.write(fresh=precondition is not None) as transaction:
        comment, ticket = await locked_comment(transaction, viewer, comment_id)
        access.require(viewer, "Comment", comment.author_id, Action.DELETE)
        expected = await expected_by(precondition, Expected(expected_version))
        await settle(context, transaction, versioned_comment(comment, ticket), {}, expected)
        event, steps = comment_deletion(context, comment)
        await append_events(context, transaction, ticket, [event], *steps)


def comment_deletion(
    context: Context, comment: CommentRow, answered_at: datetime | None = None
) -> tuple[EventDraft, Sequence[Step]]:
    """Return the event of a comment's deletion, and what deletes it: see ``keep_comment``."""
    event = EventDraft(
        TicketEventType.COMMENT_DELETED, is_internal=comment.is_internal, comment_id=comment.id
    )
    kept = keep_comment(context, event, comment.id, answered_at)
    return event, [*kept, (_DELETE, {KEY: comment.id})]


async def _why_not_there(transaction: Transaction, viewer: Viewer, ticket_id: UUID) -> Problem:
    """Return why a comment cannot move to another ticket; a hidden one does not exist."""
    found = await transaction.fetch_row(_COMPANY_OF_TICKET, {KEY: ticket_id})
    if found is None or not access.can_see_company(viewer, found[0]):
        return Problem("does_not_exist", {"value": str(ticket_id)})
    return Problem("stays_with_ticket")


async def _add(
    context: Context,
    transaction: Transaction,
    viewer: Viewer,
    ticket: TicketRow,
    cleaned: validation.Cleaned,
) -> UUID:
    comment = new_comment(viewer, ticket, cleaned, context.services.clock())
    await append_events(context, transaction, ticket, [comment.event], *comment.steps)
    return comment.id


@dataclass(frozen=True)
class NewComment:
    """A comment that is to be added: what stores it, and its event."""

    id: UUID
    steps: Sequence[Step]
    event: EventDraft


def new_comment(
    viewer: Viewer, ticket: TicketRow, cleaned: validation.Cleaned, now: datetime
) -> NewComment:
    """Return a comment on a ticket; raises ``Forbidden`` for a customer's internal note."""
    is_internal = cleaned.get("is_internal", False)
    action = Action.ADD_INTERNAL_NOTE if is_internal else Action.COMMENT
    access.require(viewer, "Ticket", ticket.created_by_id, action)
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
    row.update(search_texts(_comments, row))
    added = EventDraft(
        TicketEventType.COMMENT_ADDED, is_internal=is_internal, comment_id=comment_id, version=1
    )
    steps = ((_INSERT, row), *_first_response(ticket, now, is_internal=is_internal))
    return NewComment(comment_id, steps, added)


def _first_response(ticket: TicketRow, now: datetime, *, is_internal: bool) -> Iterator[Step]:
    """Yield what stamps a ticket's first response, where a comment is that."""
    if not is_internal and ticket.first_response_at is None:
        yield _ANSWER, {KEY: ticket.id, "first_response_at": now}


async def change_comment(
    context: Context,
    transaction: Transaction,
    comment: CommentRow,
    ticket: TicketRow,
    cleaned: validation.Cleaned,
    *more: Step,
) -> None:
    """Store other values of a comment with its events; ``more``: what changes with them."""
    before: dict[str, object] = {name: getattr(comment, name) for name in REPORTED}
    after = before | cleaned
    version = comment.version + 1
    drafts = comment_events(comment.id, before, after, version)
    if not drafts:
        return
    now = context.services.clock()
    is_internal = bool(after["is_internal"])
    row = {**after, KEY: comment.id, "version": version, "updated_at": now}
    update = _UPDATE
    if after["text"] != before["text"]:
        update = _UPDATE_TEXT
        row.update(search_texts(_comments, row))
    changes = [(update, row), *_first_response(ticket, now, is_internal=is_internal)]
    if is_internal and not comment.is_internal:
        changes.append(hide_events(ticket.id, comment.id))
    kept = keep_texts(context, drafts, before, after)
    await append_events(context, transaction, ticket, drafts, *changes, *kept, *more, at=now)


def comment_events(
    comment_id: UUID,
    before: Mapping[str, object],
    after: Mapping[str, object],
    version: int | None = None,
) -> list[EventDraft]:
    """Return the events of an edit, given the fields ``REPORTED`` and the version that it makes.

    What was written while a comment was internal is not for customers, so an edit that makes it
    internal or public is an internal event. To customers a note that becomes public is a new
    comment, so there is an event ``COMMENT_ADDED``, too.
    """
    changes = list(changes_of(before, after).values())
    if not changes:
        return []
    is_internal = bool(before["is_internal"] or after["is_internal"])
    edited = EventDraft(
        TicketEventType.COMMENT_EDITED,
        changes,
        is_internal=is_internal,
        comment_id=comment_id,
        version=version,
    )
    if not is_internal or after["is_internal"]:
        return [edited]
    # Without the version: to customers this event is there, while what the edit changed is not.
    return [edited, EventDraft(TicketEventType.COMMENT_ADDED, comment_id=comment_id)]
