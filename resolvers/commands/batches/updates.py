"""Changes of many tickets: values, tags and a comment."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from resolvers import access
from resolvers.commands import validation
from resolvers.commands.batches.chosen import Chosen, check_ids, found, lock
from resolvers.commands.batches.outcomes import BatchMode, Outcome, attempt, grouped, outcomes
from resolvers.commands.comments import new_comment
from resolvers.commands.ticket_changes import change_of
from resolvers.commands.ticket_references import (
    check_references,
    companies_of_contacts,
    contact_to_check,
    fit_contact,
)
from resolvers.commands.ticket_rows import TicketRow, columns_of, fields_of
from resolvers.context import Context
from resolvers.errors import Problem
from resolvers.events.log import EventDraft, append_all
from resolvers.write_statements import Step, Transaction


@dataclass(frozen=True)
class BatchChange:
    """What is done to each ticket; ``values`` are those of ``update_ticket``.

    ``add_tags`` and ``remove_tags`` change the tags that each ticket has, and do not go together
    with tags among the values. ``comment``: the values of a comment that each ticket gets.
    """

    values: Mapping[str, object] = field(default_factory=dict)
    add_tags: Sequence[str] = ()
    remove_tags: Sequence[str] = ()
    comment: Mapping[str, object] | None = None


async def update_tickets(
    context: Context, chosen: Chosen, change: BatchChange, mode: BatchMode = BatchMode.EACH
) -> list[Outcome]:
    """Change tickets, in one transaction; returns what came of each, in the order of ``chosen``.

    One that does not exist for the viewer, that they may not change so, or that the values do not
    fit, is left as it is, and with ``ALL`` so are the others. Raises ``Invalid`` where the values
    are wrong for any ticket, and what ``lock`` raises.
    """
    viewer = context.require_viewer()
    check_ids(chosen)
    values, comment = _clean(change, context.services.max_text_bytes)
    missing: validation.Problems = {}
    async with context.services.database.write() as transaction:
        await check_references(transaction, viewer, values, missing)
        locked = await lock(context, transaction, chosen, _new_bytes(values, comment))
        batch = _Batch(context, context.services.clock(), change, values, comment, missing)
        tickets = [ticket for _, ticket in locked if ticket is not None]
        batch.companies = await companies_of_contacts(transaction, batch.contacts_of(tickets))
        written = await attempt(locked, lambda one: batch.written(found(one[1])), mode)
        done = [one for one in written if isinstance(one, _Written) and one.events]
        if done:
            steps = grouped([step for one in done for step in one.steps])
            events = [(one.ticket, one.events) for one in done]
            await append_all(context, transaction, events, *steps, at=batch.now)
    return outcomes([key for key, _ in locked], written)


async def check_change(context: Context, transaction: Transaction, change: BatchChange) -> None:
    """Raise ``Invalid`` where ``update_tickets`` would for any ticket, or refuse each of them."""
    values, _ = _clean(change, context.services.max_text_bytes)
    missing: validation.Problems = {}
    await check_references(transaction, context.require_viewer(), values, missing)
    validation.raise_problems(_inside("changes", missing))


@dataclass(frozen=True)
class _Written:
    """One ticket as it is to be, what stores it, and its events."""

    ticket: TicketRow
    steps: Sequence[Step]
    events: Sequence[EventDraft]

    @property
    def changed(self) -> bool:
        return bool(self.events)


@dataclass
class _Batch:
    """What is the same for all tickets of a batch.

    ``missing`` are the problems of references, ``companies`` those of the contacts that count.
    """

    context: Context
    now: datetime
    change: BatchChange
    values: validation.Cleaned
    comment: validation.Cleaned | None
    missing: validation.Problems
    companies: Mapping[UUID | None, UUID | None] = field(default_factory=dict)

    @property
    def _moves(self) -> bool:
        """Whether a ticket may get another company or contact."""
        return bool(self.values.keys() & {"company", "contact"})

    @property
    def _answers(self) -> bool:
        """Whether the comment may be a ticket's first response."""
        return self.comment is not None and not self.comment.get("is_internal", False)

    def contacts_of(self, tickets: Iterable[TicketRow]) -> set[UUID]:
        """Return the contacts whose company counts."""
        if not self._moves:
            return set()
        rows = [fields_of(ticket) for ticket in tickets]
        found = [contact_to_check({**row, **self.values}, self.missing, row) for row in rows]
        return {key for key in found if key is not None}

    def written(self, ticket: TicketRow) -> _Written:
        """Return what is done to a ticket; raises ``Forbidden`` and ``Invalid``."""
        viewer = self.context.require_viewer()
        values, tags = self.values, self.change.add_tags or self.change.remove_tags
        changes = {*values, "tags"} if tags else values.keys()
        if changes or self.comment is None:
            access.require_ticket_change(viewer, ticket.created_by_id, set(changes))
        steps: list[Step] = []
        events: list[EventDraft] = []
        changed = ticket._replace(**columns_of(self._fitting(ticket)))
        if self._answers and ticket.first_response_at is None:
            # With the other columns, as each update of a ticket takes its time.
            changed = changed._replace(first_response_at=self.now)
        change = change_of(self.context, ticket, changed, self.now)
        if change is not None:
            ticket = change.ticket
            steps += change.steps
            events += change.events
        if self.comment is not None:
            comment = new_comment(viewer, ticket, self.comment, self.now)
            steps += comment.steps
            events.append(comment.event)
        return _Written(ticket, steps, events)

    def _fitting(self, ticket: TicketRow) -> validation.Cleaned:
        """Return the values for one ticket, with its own tags and a contact of its company."""
        values, problems = dict(self.values), dict(self.missing)
        if self._moves:
            before = fields_of(ticket)
            after = {**before, **values}
            contact = contact_to_check(after, problems, before)
            if contact is not None:
                fit_contact(self.companies.get(contact), after, values, problems)
        problems = _inside("changes", problems)
        if self.change.add_tags or self.change.remove_tags:
            tags = retagged(ticket.tags, self.change.add_tags, self.change.remove_tags)
            fitting, wrong = validation.clean(_TAGS, {"tags": tags}, partial=True)
            values |= fitting
            problems |= {"add_tags": wrong["tags"]} if wrong else {}
        validation.raise_problems(problems)
        return values


# Without the ticket, which is each one of the batch.
_COMMENT = {name: rule for name, rule in validation.COMMENT.items() if name != "ticket"}
_TAGS = {"tags": validation.TICKET["tags"]}


def _clean(
    change: BatchChange, max_text_bytes: int
) -> tuple[validation.Cleaned, validation.Cleaned | None]:
    """Return the values and the comment; raises ``Invalid`` with all that is wrong."""
    values, problems = validation.clean(
        validation.TICKET, change.values, partial=True, max_text_bytes=max_text_bytes
    )
    problems = _inside("changes", problems)
    if (change.add_tags or change.remove_tags) and "tags" in change.values:
        problems["changes.tags"] = [Problem("tags_twice")]
    problems |= _tag_problems(change)
    comment = None
    if change.comment is not None:
        comment, wrong = validation.clean(
            _COMMENT, change.comment, partial=False, max_text_bytes=max_text_bytes
        )
        problems |= _inside("comment", wrong)
    validation.raise_problems(problems)
    return values, comment


def _new_bytes(*texts: validation.Cleaned | None) -> int:
    """Return how many bytes of text each ticket gets."""
    values = [value for one in texts if one for value in one.values()]
    return sum(len(value.encode()) for value in values if isinstance(value, str))


def _tag_problems(change: BatchChange) -> validation.Problems:
    problems: validation.Problems = {}
    for name, tags in (("add_tags", change.add_tags), ("remove_tags", change.remove_tags)):
        if any("," in tag for tag in tags):
            problems[name] = [Problem("comma")]
    _, wrong = validation.clean(_TAGS, {"tags": ",".join(change.add_tags)}, partial=True)
    if wrong:
        problems.setdefault("add_tags", wrong["tags"])
    if _trimmed(change.add_tags).keys() & _trimmed(change.remove_tags).keys():
        problems.setdefault("remove_tags", [Problem("tag_added")])
    return problems


def _inside(part: str, problems: validation.Problems) -> validation.Problems:
    """Return problems of a part of the input."""
    return {f"{part}.{name}": found for name, found in problems.items()}


def _trimmed(tags: Iterable[str]) -> dict[str, None]:
    """Return tags as reads show them, in order: trimmed, without blank ones and repetitions."""
    return dict.fromkeys(tag for one in tags if (tag := one.strip()))


def retagged(stored: str, add: Iterable[str], remove: Iterable[str]) -> str:
    """Return a ticket's tags as they are stored, without some and with others at the end.

    The same text where the ticket has none of the first and all of the others.
    """
    tags, gone, new = _trimmed(stored.split(",")), _trimmed(remove), _trimmed(add)
    if not tags.keys() & gone.keys() and new.keys() <= tags.keys():
        return stored
    return ",".join(tag for tag in tags | new if tag not in gone)
