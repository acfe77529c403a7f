"""What happens to a write whose caller has seen an earlier version of the row.

The events since that version say which fields others have changed. The write is refused with all
of it, or merged: applied where none of its fields is among them.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from resolvers import access
from resolvers.commands.ticket_rows import CommentRow, TicketRow, fields_of
from resolvers.context import Context
from resolvers.errors import Conflict, FieldConflict, PreconditionFailed
from resolvers.events.history import History, VersionedRow, history_since, text_of
from resolvers.viewer import Viewer
from resolvers.write_statements import Transaction

# Fields that make sense together only: a change of one stands against a change of another.
GROUPS = (frozenset({"company", "contact"}), frozenset({"assigned_to", "assigned_team"}))
# Raises what stops a write, such as ``PreconditionFailed``.
Precondition = Callable[[], Awaitable[None]]


class ConflictResolution(StrEnum):
    """What happens to a change of something that others have changed since it was read."""

    FAIL = "fail"
    MERGE = "merge"


@dataclass(frozen=True)
class Expected:
    """The version that a caller has seen, None for any, and what happens where it is another.

    ``failed``: more than what versions count has changed, so equal versions are no match either.
    """

    version: int | None = None
    on_conflict: ConflictResolution = ConflictResolution.FAIL
    failed: bool = False


@dataclass(frozen=True)
class Merged:
    """What a change was merged with: the versions after ``expected``, and their fields."""

    expected: int
    actual: int
    changed: tuple[str, ...]


def versioned_ticket(ticket: TicketRow) -> VersionedRow:
    """Return what ``settle`` takes for a ticket."""
    return VersionedRow(ticket.id, None, ticket.version, fields_of(ticket))


def versioned_comment(comment: CommentRow, ticket: TicketRow) -> VersionedRow:
    """Return what ``settle`` takes for a comment and its ticket."""
    values = {"text": comment.text, "is_internal": comment.is_internal}
    return VersionedRow(ticket.id, comment.id, comment.version, values)


async def expected_by(precondition: Precondition | None, expected: Expected) -> Expected:
    """Return what is expected once a precondition was looked at; the row is to be locked.

    One that fails for a version that is known leaves the rest to ``settle``. Raises what
    ``precondition`` raises otherwise.
    """
    if precondition is None:
        return expected
    try:
        await precondition()
    except PreconditionFailed as failed:
        if failed.version is None:
            raise
        return replace(expected, version=failed.version, failed=True)
    return expected


async def settle(
    context: Context,
    transaction: Transaction,
    row: VersionedRow,
    wanted: Mapping[str, object],
    expected: Expected,
    *,
    whole: bool = False,
) -> tuple[dict[str, object], Merged | None]:
    """Return which of the wanted values to store, and what they were merged with, if they were.

    A value that the field had at the expected version is no change by the caller, and left out;
    ``whole``: it is one, as all of them go together. Raises ``Conflict`` where the row has changed
    and the values are not merged; ``PreconditionFailed`` with it where a precondition has failed.
    """
    if expected.version is None or (expected.version == row.version and not expected.failed):
        return dict(wanted), None
    history = await history_since(context, transaction, row, expected.version)
    kept, against = _compared(row, wanted, history, whole=whole)
    if history is not None and not against and expected.on_conflict is ConflictResolution.MERGE:
        return kept, Merged(expected.version, row.version, tuple(history))
    viewer = context.require_viewer()
    fields = [explained(viewer, row, name, wanted, history) for name in against]
    known, changed = history is not None, tuple(history or ())
    conflict = Conflict(expected.version, row.version, known, changed, fields)
    if expected.failed:
        raise PreconditionFailed(expected.version, conflict)
    raise conflict


def _compared(
    row: VersionedRow, wanted: Mapping[str, object], history: History | None, *, whole: bool
) -> tuple[dict[str, object], list[str]]:
    """Return the values that stand against nothing, and the fields that do, in the row's order."""
    kept: dict[str, object] = {}
    against: set[str] = set()
    for name, yours in wanted.items():
        missed = None if history is None else history.get(name)
        if yours == row.values[name] or (history is not None and missed is None):
            kept[name] = yours
        elif whole or missed is None or not missed.was(yours):
            against.add(name)
    if history is not None:
        mine = against | {name for name, value in kept.items() if value != row.values[name]}
        for group in GROUPS:
            if mine & group:
                against |= {name for name in group & history.keys() if name not in kept}
    return kept, [name for name in row.values if name in against]


def explained(
    viewer: Viewer,
    row: VersionedRow,
    name: str,
    wanted: Mapping[str, object],
    history: History | None,
) -> FieldConflict:
    """Return what became of a field that stands against a change; ``history``: where it is known.

    The row is the current one, and ``wanted`` what the change would make of it.
    """
    yours, theirs = text_of(wanted.get(name)), text_of(row.values[name])
    hidden = access.may_hide_changed(viewer, name)
    if history is None:
        return FieldConflict(name, None, yours, None if hidden else theirs)
    missed = history[name]
    return FieldConflict(
        name,
        base=missed.base,
        # A field may be there for another of its group.
        yours=yours if name in wanted else missed.base,
        theirs=missed.latest if hidden else theirs,
        base_start=missed.base_start,
        base_length=missed.base_length,
        actor_id=missed.actor_id,
        actor_name=missed.actor_name,
        at=missed.at,
    )
