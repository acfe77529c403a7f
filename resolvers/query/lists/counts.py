"""Counts of tickets without their rows, from the tables that ``models.counts`` has.

A filter's conditions compile against the counts as they do against tickets, on a row that has the
columns of the same names: so the two mean the same.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Label,
    Select,
    Subquery,
    case,
    cast,
    func,
    literal_column,
    select,
    union_all,
)
from sqlalchemy.types import BigInteger

from models import (
    CountScope,
    TicketCount,
    TicketCountChange,
    TicketDueCount,
    TicketPriority,
    table_of,
)
from resolvers.query.compile_context import CompileContext, Row
from resolvers.query.filters.ast import (
    And,
    Compare,
    Condition,
    Flag,
    HasTags,
    IsNull,
    Not,
    OfTickets,
    Or,
    Search,
    Switch,
    Where,
)
from resolvers.query.sql.elements import SQL, Constant

_changes = table_of(TicketCountChange)
_counts = table_of(TicketCount)
_due = table_of(TicketDueCount)

# What a filter may ask of the counts of any scope.
_COUNTED = frozenset({"status", "priority", "category", "assigned_team", "is_assigned"})
_SWITCHES = {
    "open": "status",
    "unassigned": "is_assigned",
    "mine": "assigned_to",
    "overdue": "due_date",
}
_OVERDUE = Switch("overdue", wanted=True)


def scope_of(where: Where, needed: frozenset[str]) -> CountScope | None:
    """Return the scope whose counts answer a filter, None where no counts can.

    ``needed``: the fields that other conditions of the list ask for, all of which must hold.
    """
    asked = {field for part in where for field in _fields(part)} | needed
    if asked <= _COUNTED:
        return CountScope.ALL
    if asked <= _COUNTED | {"company"}:
        return CountScope.COMPANY
    # Its counts have no tickets that nobody is assigned to, so these must not pass.
    assigned = "assigned_to" in needed or any(map(_requires_assignee, where))
    return CountScope.ASSIGNEE if assigned and asked <= _COUNTED | {"assigned_to"} else None


def due_scope_of(where: Where, needed: frozenset[str]) -> CountScope | None:
    """Return the scope whose counts by day answer a filter for overdue tickets, or None."""
    if _OVERDUE not in where:
        return None
    rest = without_overdue(where)
    asked = {field for part in rest for field in _fields(part)} | needed
    if not asked:
        return CountScope.ALL
    return CountScope.COMPANY if asked == {"company"} else None


def without_overdue(where: Where) -> Where:
    """Return a filter for overdue tickets without this condition."""
    return tuple(part for part in where if part != _OVERDUE)


def _requires_assignee(part: Condition) -> bool:
    match part:
        case And(filters):
            return any(_requires_assignee(inner) for where in filters for inner in where)
        case Compare("assigned_to", operator):
            return operator in ("eq", "in")
        case _:
            return part == Switch("mine", wanted=True)


def _fields(part: Condition) -> Iterator[str]:
    """Yield what a condition asks of a ticket, by the names of filters."""
    match part:
        case And(filters) | Or(filters):
            yield from (name for where in filters for inner in where for name in _fields(inner))
        case Not(where) | OfTickets(where):
            yield from (name for inner in where for name in _fields(inner))
        case Switch(name):
            yield _SWITCHES[name]
        case IsNull("assigned_to"):
            yield "is_assigned"
        case Compare(field) | IsNull(field):
            yield field
        case Flag(column):
            yield column
        case Search():
            yield "search"
        case HasTags():
            yield "tags"


def rows_of(build: CompileContext, scope: CountScope) -> Subquery:
    """Return the counts of a scope as rows of tickets, with ``amount`` beside the columns."""
    counts, changes = build.alias(_counts), build.alias(_changes)
    team = func.nullif(counts.c.assigned_team, Constant("")).label("assigned_team")
    own = _of_scope(scope, counts.c)
    counted = select(*_columns(counts.c), team, *own, counts.c.amount)
    counted = counted.where(counts.c.scope == Constant(scope.value))
    same = [changes.c[column.name] for column in own]
    uncounted = select(*_columns(changes.c), changes.c.assigned_team, *same, changes.c.amount)
    return _together(build, counted, uncounted)


def _of_scope(scope: CountScope, counts: Row) -> list[Label[Any]]:
    """Return the company and the assignee of counts, as far as their scope tells them."""
    if scope is CountScope.ASSIGNEE:
        return [counts.scope_id.label("assigned_to_id")]
    # Any id where somebody is assigned: it is only asked whether there is one.
    assignee = case((counts.is_assigned, counts.scope_id)).label("assigned_to_id")
    company = [counts.scope_id.label("company_id")] if scope is CountScope.COMPANY else []
    return [*company, assignee]


def due_rows_of(build: CompileContext, scope: CountScope) -> Subquery:
    """Return the counts of open tickets by their ``due_day``."""
    counts, changes = build.alias(_due), build.alias(_changes)
    counted = select(counts.c.scope_id.label("company_id"), counts.c.due_day, counts.c.amount)
    counted = counted.where(counts.c.scope == Constant(scope.value))
    uncounted = select(changes.c.company_id, changes.c.due_day, changes.c.amount)
    return _together(build, counted, uncounted)


def total(amount: SQL, condition: ColumnElement[bool] | None = None) -> SQL:
    """Return the sum of amounts, of those that a condition holds for; 0 of none."""
    added = func.sum(amount)
    added_some = added if condition is None else added.filter(condition)
    # PostgreSQL adds up to a decimal.
    return cast(func.coalesce(added_some, literal_column("0")), BigInteger)


def _columns(row: Row) -> list[SQL]:
    ranks = enumerate(TicketPriority)
    rank = case(
        *((row.priority == Constant(one.value), literal_column(f"{at}")) for at, one in ranks)
    )
    return [row.status, row.priority, rank.label("priority_rank"), row.category]


def _together(build: CompileContext, counted: Select[Any], uncounted: Select[Any]) -> Subquery:
    name = f"n{build.next_name()}"
    if build.dialect == "sqlite":
        return counted.subquery(name)
    return union_all(counted, uncounted).subquery(name)
