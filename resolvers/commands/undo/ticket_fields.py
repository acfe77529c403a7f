"""The fields of a ticket as they were before some writes: what an undo makes of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import groupby
from typing import Any
from uuid import UUID

from models import Ticket, table_of
from resolvers import access
from resolvers.commands import validation
from resolvers.commands.conflicts import explained
from resolvers.commands.new_tickets import FINAL
from resolvers.commands.ticket_changes import finished_at
from resolvers.commands.ticket_references import References, contact_to_check, fit_contact
from resolvers.commands.ticket_rows import TicketRow, columns_of, fields_of
from resolvers.commands.undo.events import UndoneEvent
from resolvers.commands.undo.keeping import ANSWERED_AT
from resolvers.errors import Conflict, ServiceError
from resolvers.events.history import History, VersionedRow
from resolvers.viewer import Viewer
from resolvers.write_statements import KEY, Step, change_in

_ANSWERED = change_in(table_of(Ticket), ["first_response_at"])


@dataclass
class ChangedSince(ServiceError):
    """Fields are not what an event made them, which ``conflict`` explains.

    ``wanted`` is what an undo would make of the row. ``changed`` is None where only the version
    tells that there are such fields.
    """

    event: UndoneEvent
    row: VersionedRow
    wanted: Mapping[str, object]
    changed: Sequence[str] | None

    def conflict(self, viewer: Viewer, history: History) -> Conflict:
        """Return the conflict, given what has happened since the event: by whom, and when."""
        changed = tuple(history) if self.changed is None else self.changed
        fields = [
            explained(viewer, self.row, name, self.wanted, history if name in history else None)
            for name in self.row.values
            if name in changed
        ]
        known = bool(changed) and all(name in history for name in changed)
        expected = self.row.version if self.event.version is None else self.event.version
        return Conflict(expected, self.row.version, known, tuple(history), fields, field="event_id")


@dataclass(frozen=True)
class FieldsBefore:
    """A locked ticket, and the values that it had before some writes; the last one is ``event``."""

    ticket: TicketRow
    event: UndoneEvent
    row: VersionedRow
    wanted: validation.Cleaned

    @property
    def referenced(self) -> validation.Cleaned:
        """What it refers to then: see ``ticket_references.references_of``."""
        contact = contact_to_check({**self.row.values, **self.wanted}, {}, self.row.values)
        return self.wanted if contact is None else {**self.wanted, "contact": contact}

    def changed(self, viewer: Viewer, references: References) -> TicketRow:
        """Return the ticket as it was; raises ``Invalid`` and ``ChangedSince``."""
        problems: validation.Problems = {}
        references.add_problems(viewer, self.wanted, problems)
        cleaned = dict(self.wanted)
        after = {**self.row.values, **cleaned}
        contact = contact_to_check(after, problems, self.row.values)
        if contact is not None:
            fit_contact(references.contacts.get(contact), after, cleaned, problems)
        # A contact that others have chosen for the company that the ticket leaves.
        lost = list(cleaned.keys() - self.wanted.keys())
        if lost:
            raise ChangedSince(self.event, self.row, self.wanted, lost)
        validation.raise_problems(problems)
        return self.ticket._replace(**columns_of(self.wanted))


def fields_before(viewer: Viewer, ticket: TicketRow, events: Sequence[UndoneEvent]) -> FieldsBefore:
    """Return what a locked ticket was before the writes that events, in their order, tell of.

    Raises ``Forbidden`` for whom may not change these fields, ``ChangedSince``, and
    ``UndoRefused`` where a text is not kept.
    """
    names = {str(entry["field"]) for event in events for entry in event.changes}
    access.require_ticket_change(viewer, ticket.created_by_id, names)
    current: dict[str, object] = {**fields_of(ticket), **finished_at(ticket)}
    row = VersionedRow(ticket.id, None, ticket.version, dict(current))
    wanted: validation.Cleaned = {}
    for write in _last_first(events):
        earlier: dict[str, object] = {
            name: _typed(name, value) for event in write for name, value in event.before().items()
        }
        changed = [name for event in write for name in event.changed_since(current)]
        if changed:
            raise ChangedSince(write[-1], row, earlier, changed)
        earlier |= _stamps(current, write)
        current |= earlier
        wanted |= earlier
    return FieldsBefore(ticket, events[-1], row, wanted)


def _last_first(events: Sequence[UndoneEvent]) -> Iterator[Sequence[UndoneEvent]]:
    """Yield the events of each write, the last write first; those without a version are alone."""
    for _, same in groupby(reversed(events), key=lambda event: event.version or event.id):
        yield [*same][::-1]


def _typed(name: str, value: Any) -> object:
    """Return a value of an event as its column has it."""
    kind = datetime if name in FINAL.values() else validation.TICKET[name].kind
    if value is None or kind is str:
        return value
    if issubclass(kind, datetime):
        return datetime.fromisoformat(value)
    return kind(value) if issubclass(kind, StrEnum) else UUID(value)


def _stamps(current: Mapping[str, object], events: Sequence[UndoneEvent]) -> Mapping[str, None]:
    """Return the times that the ticket has from these events: they are the first of their kind."""
    reached = {
        FINAL[entry["to"]]: event.at
        for event in events
        for entry in event.changes
        if entry["field"] == "status" and entry["to"] in FINAL
    }
    return {name: None for name, at in reached.items() if current[name] == at}


def is_answer(ticket: TicketRow, event: UndoneEvent) -> bool:
    """Whether the comment of an event is the ticket's first response."""
    return ticket.first_response_at == event.at


def unanswered(ticket: TicketRow, event: UndoneEvent) -> Iterator[Step]:
    """Yield what forgets a comment as a ticket's first response, where it was that."""
    if is_answer(ticket, event):
        yield _ANSWERED, {KEY: ticket.id, "first_response_at": None}


def answered_again(ticket: TicketRow, event: UndoneEvent) -> Iterator[Step]:
    """Yield what makes a comment the first response again, where ``unanswered`` has forgotten it.

    Not where another comment is that by now.
    """
    kept = (event.texts or {}).get(ANSWERED_AT)
    if kept is not None and ticket.first_response_at is None:
        answered_at = datetime.fromisoformat(kept["from"])
        yield _ANSWERED, {KEY: ticket.id, "first_response_at": answered_at}
