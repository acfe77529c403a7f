"""Whether the history of a desk explains what is stored, and which writes it tells of."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from sqlmodel import SQLModel, select

from models import (
    BulkJob,
    BulkJobError,
    BulkJobState,
    Comment,
    Ticket,
    TicketEvent,
    TicketEventType,
)
from resolvers.commands.ticket_rows import COLUMN_OF
from resolvers.events.log import shown
from tests.crashes.ledger import Ledger, Told, Trace
from tests.crashes.racers import FIELDS
from tests.support.world import World

_TYPES = TicketEventType
OF_TICKET = (_TYPES.CREATED, _TYPES.UPDATED, _TYPES.STATUS_CHANGED, _TYPES.ASSIGNED)
OF_COMMENT = (_TYPES.COMMENT_ADDED, _TYPES.COMMENT_EDITED)
# What every ticket of a race begins with.
FIRST: Mapping[str, object] = {"description": "D", "tags": "", "status": "new"}


@dataclass
class Explained:
    """What the events tell: traces of writes, and what does not fit."""

    found: Counter[Trace] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


async def explained(world: World, ledger: Ledger, subjects: Mapping[str, str]) -> Explained:
    """Replay the events of all tickets, and compare the end with the rows.

    ``subjects`` has the tickets that were there before the race, each with its first subject. What
    became of the tickets of jobs is noted in the ledger.
    """
    told = Explained()
    events: dict[Any, list[TicketEvent]] = defaultdict(list)
    for event in await world.events():
        events[event.ticket_id].append(event)
    tickets = {one.id: one for one in await _rows(world, Ticket)}
    comments = {one.id: one for one in await _rows(world, Comment)}
    for key in events.keys() | tickets.keys():
        subject = subjects.get(str(key))
        first = FIRST if subject is None else {**FIRST, "subject": subject}
        _replay(told, events[key], tickets.get(key), first)
    for key, ticket in tickets.items():
        if str(key) not in subjects:
            told.found[Trace("ticket", None, ticket.subject)] += 1
    for comment in comments.values():
        told.found[Trace("comment", str(comment.ticket_id), comment.text)] += 1
    _check_comments(told, [one for of in events.values() for one in of], comments)
    await _check_jobs(world, ledger, told)
    return told


async def _rows(world: World, model: type[SQLModel]) -> Sequence[Any]:
    async with world.database.transaction() as session:
        return (await session.exec(select(model))).all()


def _replay(
    told: Explained,
    events: Sequence[TicketEvent],
    ticket: Ticket | None,
    first: Mapping[str, object],
) -> None:
    """Follow a ticket from its creation; it is there unless the last word is its deletion."""
    known: dict[str, list[object]] = {name: [value] for name, value in first.items()}
    version, there = 0, False
    for event in events:
        if event.type is _TYPES.DELETED or event.type is _TYPES.CREATED:
            if there == (event.type is _TYPES.CREATED):
                told.wrong.append(f"{event.ticket_id}: {event.type}, and it was so before")
            there = not there
        if event.type in OF_TICKET:
            if event.version not in (version, version + 1) or event.version is None:
                told.wrong.append(f"{event.ticket_id}: version {event.version} after {version}")
            version = event.version or version
            _follow(told, event, known)
    if there != (ticket is not None):
        told.wrong.append(f"{ticket or events[-1].ticket_id}: whether it is there: {there}")
    if ticket is not None:
        _compare(told, ticket, version, known)


def _follow(told: Explained, event: TicketEvent, known: dict[str, list[object]]) -> None:
    """Note what a change has made of each field, and whether it is a write or an undo."""
    for one in event.changes:
        name, before, after = one["field"], one["from"], one["to"]
        values = known.setdefault(name, [before])
        if values[-1] != before:
            told.wrong.append(f"{event.ticket_id}: {name} was {values[-1]}, not {before}")
        if name in FIELDS:
            kind, mark = ("undo", before) if after in values else ("write", after)
            told.found[Trace(kind, str(event.ticket_id), mark)] += 1
            if kind == "undo" and (after, before) not in pairwise(values):
                told.wrong.append(f"{event.ticket_id}: {name} went back from {before} to {after}")
        values.append(after)


def _compare(told: Explained, ticket: Ticket, version: int, known: dict[str, list[object]]) -> None:
    if ticket.version != version:
        told.wrong.append(f"{ticket.id}: version {ticket.version}, and {version} in the history")
    # That a restored ticket was deleted is no field of it.
    for name in known.keys() - {"deleted"}:
        stored, last = shown(getattr(ticket, COLUMN_OF.get(name, name))), known[name][-1]
        if stored != last:
            told.wrong.append(f"{ticket.id}: {name} is {stored}, and {last} in the history")


def _check_comments(
    told: Explained, events: Iterable[TicketEvent], comments: Mapping[Any, Comment]
) -> None:
    """Look at whether comments are there as their events say, in their versions."""
    versions: dict[Any, int] = defaultdict(int)
    there: dict[Any, bool] = defaultdict(bool)
    for event in events:
        key = event.comment_id
        if event.type in OF_COMMENT:
            if event.version != versions[key] + 1:
                told.wrong.append(f"{key}: version {event.version} after {versions[key]}")
            versions[key] += 1
        if event.type in (_TYPES.COMMENT_ADDED, _TYPES.COMMENT_DELETED):
            if there[key] == (event.type is _TYPES.COMMENT_ADDED):
                told.wrong.append(f"{key} was added or deleted twice")
            there[key] = not there[key]
    for key in there.keys() | comments.keys():
        if there[key] != (key in comments):
            told.wrong.append(f"events say {there[key]} of the comment {key}")
        elif key in comments and comments[key].version != versions[key]:
            told.wrong.append(f"{key}: version {comments[key].version}, not {versions[key]}")


async def _check_jobs(world: World, ledger: Ledger, told: Explained) -> None:
    """Count jobs, and note what became of each of their tickets."""
    jobs = {one.id: one for one in await _rows(world, BulkJob)}
    refused: dict[Any, set[str]] = defaultdict(set)
    for error in await _rows(world, BulkJobError):
        refused[error.job_id].add(str(error.ticket_id))
    # Those that undo others come after them.
    for job in sorted(jobs.values(), key=lambda one: one.undo_of_id is not None):
        if job.state is not BulkJobState.DONE or job.done_count != job.total_count:
            told.wrong.append(f"a job is {job.state} with {job.done_count} of {job.total_count}")
        mark = jobs.get(job.undo_of_id, job).arguments["values"]["description"]
        kind = "job" if job.undo_of_id is None else "undo job"
        told.found[Trace(kind, None, mark)] += 1
        note = _note_job if job.undo_of_id is None else _note_undo
        note(ledger, mark, refused[job.id])


def _note_job(ledger: Ledger, mark: str, refused: set[str]) -> None:
    """Note what a job has done, also where its start was never answered."""
    for one in [one for one in ledger.told if one.mark == mark and one.ticket is not None]:
        ledger.add(Told.REFUSED if one.ticket in refused else Told.DONE, one)


def _note_undo(ledger: Ledger, mark: str, refused: set[str]) -> None:
    """Note what a job has undone: a ticket's value and comment together, or neither."""
    for one in [one for one in ledger.told if one.mark == mark and one.kind == "write"]:
        if ledger.told[one] is Told.DONE and one.ticket not in refused:
            ledger.add(Told.DONE, one._replace(kind="undo"))
            ledger.add(Told.REFUSED, one._replace(kind="comment"))
