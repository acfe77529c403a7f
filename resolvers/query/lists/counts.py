"""Counts of tickets without their rows, from the tables that ``models.counts`` has.

A filter's conditions compile against the counts as they do against tickets, on a row that has the
columns of the same names: so the two mean the same.
"""

from collections.abc import Iterator, Mapping, Set

from sqlalchemy import (
    ColumnElement,
    Label,
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
from resolvers.query.sql.elements import SQL, AnySelect, Constant

_changes = table_of(TicketCountChange)
_counts = table_of(TicketCount)
_due = table_of(TicketDueCount)

_SWITCHES = {
    "open": "status",
    "unassigned": "is_assigned",
    "mine": "assigned_to",
    "overdue": "due_date",
}
_COUNTED = frozenset({"status", "priority", "category", "assigned_team", "is_assigned"})
# What a filter may ask of the counts of each scope, those with the fewest rows first.
_TOLD = {
    CountScope.ALL_STATUS: frozenset({"status"}),
    CountScope.COMPANY_STATUS: frozenset({"status", "company"}),
    CountScope.CONTACT_STATUS: frozenset({"status", "contact"}),
    CountScope.ALL: _COUNTED,
    CountScope.ASSIGNEE: _COUNTED | {"assigned_to"},
    CountScope.COMPANY: _COUNTED | {"company"},
}
_DUE_TOLD = {
    CountScope.ALL: frozenset({"assigned_team"}),
    CountScope.ASSIGNEE: frozenset({"assigned_team", "assigned_to"}),
    CountScope.COMPANY: frozenset({"assigned_team", "company"}),
}
# The column of tickets that the id of a scope is from.
_REFERENCES = {
    CountScope.COMPANY_STATUS: "company_id",
    CountScope.CONTACT_STATUS: "contact_id",
    CountScope.ASSIGNEE: "assigned_to_id",
    CountScope.COMPANY: "company_id",
}
# Tickets without this are in none of a scope's counts, or in too many to add up: a filter must
# require it. Every ticket has a company.
_REQUIRED = {
    CountScope.COMPANY_STATUS: "company",
    CountScope.CONTACT_STATUS: "contact",
    CountScope.ASSIGNEE: "assigned_to",
}
_OVERDUE = Switch("overdue", wanted=True)
_OPEN = Switch("open", wanted=True)


def scope_of(where: Where, given: Set[str], grouped: Set[str]) -> CountScope | None:
    """Return the scope whose counts answer a filter, None where no counts can.

    ``given``: the fields that other conditions of the list compare with one value. ``grouped``: the
    other ones that the counts are to be told apart by.
    """
    return _first(_TOLD, where, given, grouped)


def due_scope_of(where: Where, given: Set[str]) -> CountScope | None:
    """Return the scope whose counts by day answer a filter for overdue tickets, or None."""
    return _first(_DUE_TOLD, besides_overdue(where), given) if _OVERDUE in where else None


def besides_overdue(where: Where) -> Where:
    """Return what a filter asks of overdue tickets, all of which are open."""
    return tuple(part for part in where if part not in (_OVERDUE, _OPEN))


def _first(
    told: Mapping[CountScope, Set[str]],
    where: Where,
    given: Set[str],
    grouped: Set[str] = frozenset(),
) -> CountScope | None:
    asked = {*given, *grouped, *(field for part in where for field in _fields(part))}
    required = frozenset(given).union(*map(_required, where))
    for scope, fields in told.items():
        if asked <= fields and (scope not in _REQUIRED or _REQUIRED[scope] in required):
            return scope
    return None


def _required(part: Condition) -> frozenset[str]:
    """Return the references that a ticket must have to pass a condition."""
    match part:
        case And(filters):
            return frozenset().union(*(_required(inner) for where in filters for inner in where))
        case Compare(field, "eq" | "in"):
            return frozenset({field})
        case Switch("mine", True):
            return frozenset({"assigned_to"})
        case _:
            return frozenset()


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
    own = _reference(scope, counts.c)
    if scope in (CountScope.ALL, CountScope.COMPANY):
        # Any id where somebody is assigned: it is only asked whether there is one.
        own.append(case((counts.c.is_assigned, counts.c.scope_id)).label("assigned_to_id"))
    counted = select(*_columns(counts.c), team, *own, counts.c.amount)
    counted = counted.where(counts.c.scope == Constant(scope.value))
    same = [changes.c[column.name] for column in own]
    uncounted = select(*_columns(changes.c), changes.c.assigned_team, *same, changes.c.amount)
    return _together(build, counted, uncounted)


def _reference(scope: CountScope, counts: Row) -> list[Label[object]]:
    """Return the id of a scope under its column of tickets."""
    column = _REFERENCES.get(scope)
    return [] if column is None else [counts.scope_id.label(column)]


def due_rows_of(build: CompileContext, scope: CountScope) -> Subquery:
    """Return the counts of open tickets by their ``due_day``."""
    counts, changes = build.alias(_due), build.alias(_changes)
    own = _reference(scope, counts.c)
    team = func.nullif(counts.c.assigned_team, Constant("")).label("assigned_team")
    counted = select(team, *own, counts.c.due_day, counts.c.amount)
    counted = counted.where(counts.c.scope == Constant(scope.value))
    same = [changes.c[column.name] for column in own]
    uncounted = select(changes.c.assigned_team, *same, changes.c.due_day, changes.c.amount)
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


def _together(build: CompileContext, counted: AnySelect, uncounted: AnySelect) -> Subquery:
    name = f"n{build.next_name()}"
    if build.dialect == "sqlite":
        return counted.subquery(name)
    return union_all(counted, uncounted).subquery(name)
