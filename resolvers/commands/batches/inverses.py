"""What undoes changes of one ticket of several, without storing anything."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from uuid import UUID

from models import TicketEventType
from resolvers import access
from resolvers.access_rules import Action
from resolvers.commands.comments import comment_deletion
from resolvers.commands.conflicts import versioned_comment
from resolvers.commands.ticket_changes import change_of
from resolvers.commands.ticket_references import References
from resolvers.commands.ticket_rows import CommentRow, TicketRow
from resolvers.commands.tickets import deletion
from resolvers.commands.undo.events import FoundEvent, UndoneEvent
from resolvers.commands.undo.restoring import Deleted, restored
from resolvers.commands.undo.ticket_fields import (
    ChangedSince,
    FieldsBefore,
    is_answer,
    unanswered,
)
from resolvers.context import Context
from resolvers.errors import Invalid, NotFound, Problem, ServiceError
from resolvers.events.log import EventDraft, TicketKeys
from resolvers.query.undo.reasons import UndoRefusalReason, UndoRefused
from resolvers.query.undo.refusals import WRITTEN
from resolvers.write_statements import Step

_Type, _Reason = TicketEventType, UndoRefusalReason


class Kind(IntEnum):
    """What becomes of a ticket. The statements of each kind are run together, in this order."""

    CHANGED = 1
    DELETED = 2
    RESTORED = 3


@dataclass(frozen=True)
class TicketEvents:
    """The events of one ticket that are to be undone, in their order.

    ``place``: of the first of them among those given. An event that does not exist for the viewer
    is none: there is no ticket then.
    """

    place: int
    ticket_id: UUID | None
    found: Sequence[FoundEvent]

    @property
    def events(self) -> Sequence[UndoneEvent]:
        """The events themselves."""
        return [one.event for one in self.found]

    def of(self, *types: TicketEventType) -> list[UndoneEvent]:
        """Return those of some types."""
        return [event for event in self.events if event.type in types]

    @property
    def refusal(self) -> UndoRefusalReason | None:
        """Why they cannot be undone, as far as it was known before the ticket was locked."""
        return next((one.refusal for one in self.found if one.refusal is not None), None)


@dataclass(frozen=True)
class Known:
    """What is known of all tickets once they are locked.

    ``fields`` has what each was before, or why it cannot be that again; ``worked_on`` the events of
    additions after which something else was done to the ticket.
    """

    tickets: Mapping[UUID, TicketRow]
    comments: Mapping[UUID, CommentRow]
    deleted: Deleted
    fields: Mapping[UUID, FieldsBefore | ServiceError]
    references: References
    worked_on: Collection[UUID]


@dataclass(frozen=True)
class Inverse:
    """What undoes the changes of one ticket, and its events."""

    kind: Kind
    ticket: TicketKeys
    steps: Sequence[Step]
    events: Sequence[EventDraft]

    @property
    def changed(self) -> bool:
        """Whether anything is done."""
        return bool(self.events)


def inverse_of(context: Context, known: Known, given: TicketEvents, now: datetime) -> Inverse:
    """Return what undoes the changes that the events of a ticket tell of: all, or nothing.

    Raises ``NotFound`` of an Event, ``UndoRefused``, ``Forbidden``, ``ChangedSince``, and
    ``Invalid`` where something that the ticket referred to is gone.
    """
    if given.ticket_id is None:
        raise NotFound("Event", field="event_ids")
    if given.refusal is not None:
        raise UndoRefused(given.refusal)
    for event in given.of(_Type.DELETED):
        again = restored(context.require_viewer(), event, None, known.deleted)
        return Inverse(Kind.RESTORED, again.ticket, again.steps, [again.event])
    ticket = known.tickets.get(given.ticket_id)
    if ticket is None:
        raise UndoRefused(_Reason.DELETED)
    for event in given.of(_Type.CREATED):
        return _deletion(context, known, ticket, event)
    return _earlier(context, known, given, ticket, now)


def _deletion(context: Context, known: Known, ticket: TicketRow, event: UndoneEvent) -> Inverse:
    """Delete a ticket that nobody has changed, commented or attached anything to."""
    access.require(context.require_viewer(), "Ticket", ticket.created_by_id, Action.DELETE)
    if event.id in known.worked_on:
        raise UndoRefused(_Reason.CHANGED)
    draft = EventDraft(_Type.DELETED)
    return Inverse(Kind.DELETED, ticket, deletion(context, ticket, draft), [draft])


def _earlier(
    context: Context, known: Known, given: TicketEvents, ticket: TicketRow, now: datetime
) -> Inverse:
    steps: list[Step] = []
    drafts: list[EventDraft] = []
    before = known.fields.get(ticket.id)
    if isinstance(before, ServiceError):
        raise before
    if before is not None:
        changed = before.changed(context.require_viewer(), known.references)
        change = change_of(context, ticket, changed, now, exactly=True)
        if change is not None:
            ticket = change.ticket
            steps += change.steps
            drafts += change.events
    for event in given.events:
        if event.type not in WRITTEN:
            draft, more = _part(context, known, ticket, event)
            steps += more
            drafts.append(draft)
    return Inverse(Kind.CHANGED, ticket, steps, drafts)


def _part(
    context: Context, known: Known, ticket: TicketRow, event: UndoneEvent
) -> tuple[EventDraft, list[Step]]:
    """Return what undoes something that belongs to a ticket."""
    if event.type is _Type.COMMENT_DELETED:
        again = restored(context.require_viewer(), event, ticket, known.deleted)
        return again.event, [*again.steps]
    if event.type is _Type.ATTACHMENT_ADDED:
        raise UndoRefused(_Reason.CREATED)
    if event.type is not _Type.COMMENT_ADDED:
        raise Invalid({"event_ids": [Problem("undo_alone")]})
    draft, steps = _comment_deletion(context, known, ticket, event)
    return draft, [*steps, *unanswered(ticket, event)]


def _comment_deletion(
    context: Context, known: Known, ticket: TicketRow, event: UndoneEvent
) -> tuple[EventDraft, Sequence[Step]]:
    """Delete a comment that nobody has changed."""
    if event.version is None:
        # A note that became public: that is an edit.
        raise UndoRefused(_Reason.CREATED)
    assert event.comment_id is not None
    comment = known.comments.get(event.comment_id)
    if comment is None:
        raise UndoRefused(_Reason.DELETED)
    access.require(context.require_viewer(), "Comment", comment.author_id, Action.DELETE)
    if comment.version != event.version:
        row = versioned_comment(comment, ticket)
        raise ChangedSince(event, row, dict.fromkeys(row.values), None)
    answered_at = event.at if is_answer(ticket, event) else None
    return comment_deletion(context, comment, answered_at)
