"""Filters as SQL: each condition of ``ast`` becomes one of the database's."""

from collections.abc import Callable, Mapping

from sqlalchemy import (
    ColumnElement,
    and_,
    case,
    exists,
    false,
    literal_column,
    not_,
    or_,
    select,
    true,
)
from sqlalchemy.types import Integer, String

from models import Company, Ticket, TicketEventType, table_of
from models.types import SqlType, UtcDateTime, Uuid36
from resolvers import access
from resolvers.query import binds
from resolvers.query.catalog import ENTITIES
from resolvers.query.compile_context import CompileContext, Row
from resolvers.query.expressions import finished, overdue
from resolvers.query.field_types import Scalar
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
from resolvers.query.filters.search_terms import LIKE_ESCAPE
from resolvers.query.sql.elements import SQL, HasTag, InIds, InList, InRows
from resolvers.viewer import ViewerKind

# The columns that a comparator works on, and the type of its operands.
COLUMNS: Mapping[str, tuple[str, SqlType]] = {
    "status": ("status", String),
    "priority": ("priority", String),
    "category": ("category", String),
    "assigned_team": ("assigned_team", String),
    "role": ("role", String),
    "company": ("company_id", Uuid36),
    "contact": ("contact_id", Uuid36),
    "assigned_to": ("assigned_to_id", Uuid36),
    "created_by": ("created_by_id", Uuid36),
    "ticket": ("ticket_id", Uuid36),
    "author": ("author_id", Uuid36),
    "created_at": ("created_at", UtcDateTime),
    "updated_at": ("updated_at", UtcDateTime),
    "due_date": ("due_date", UtcDateTime),
    "resolved_at": ("resolved_at", UtcDateTime),
    "id": ("id", Uuid36),
    "country": ("country", String),
    "industry": ("industry", String),
    "contact_type": ("contact_type", String),
    "type": ("type", String),
    "state": ("state", String),
    "actor": ("actor_id", Uuid36),
    "at": ("at", UtcDateTime),
}
# What a row has for searches besides its ``search_text``.
_HAS_PRIVATE_TEXT = frozenset({"Company", "User"})
_OF_A_COMPANY = frozenset({"Ticket", "Contact"})


def conditions(
    build: CompileContext, entity: str, where: Where, row: Row, prefix: str
) -> list[ColumnElement[bool]]:
    """Return the SQL of a filter; all of it must hold."""
    return [_condition(build, entity, part, row, prefix) for part in where]


def _condition(
    build: CompileContext, entity: str, part: Condition, row: Row, prefix: str
) -> ColumnElement[bool]:
    def whole(where: Where) -> ColumnElement[bool]:
        return and_(true(), *conditions(build, entity, where, row, prefix))

    match part:
        case And(filters):
            return and_(true(), *map(whole, filters))
        case Or(filters):
            return or_(false(), *map(whole, filters))
        case Not(where):
            # A condition about a null is neither true nor false; for a filter that is false.
            return whole(where).isnot(true())
        case OfTickets(where):
            return _of_tickets(build, where, row, prefix)
        case Search(binds):
            return and_(true(), *(_found(build, entity, row, part, prefix, name) for name in binds))
        case HasTags(any_of_them, binds):
            found = [HasTag(row.tags, build.bind(prefix + name, String)) for name in binds]
            return or_(false(), *found) if any_of_them else and_(true(), *found)
        case Compare():
            return _compare(build, entity, part, row, prefix + part.bind)
        case Flag() | Switch() | IsNull():
            return _holds(build, entity, part, row)


def _holds(
    build: CompileContext, entity: str, part: Flag | Switch | IsNull, row: Row
) -> ColumnElement[bool]:
    match part:
        case Flag(name, wanted):
            flag: ColumnElement[bool] = row[name]
            return flag if wanted else ~flag
        case Switch(name, wanted):
            switch = _switches[name](build, row)
            return switch if wanted else switch.isnot(true())
        case IsNull(field, wanted):
            missing: ColumnElement[bool] = _shown(build, entity, row, COLUMNS[field][0]).is_(None)
            return missing if wanted else ~missing


def _compare(
    build: CompileContext, entity: str, part: Compare, row: Row, bind: str
) -> ColumnElement[bool]:
    if part.field == "tags":
        return and_(true(), HasTag(row.tags, build.bind(bind, String)))
    name, type_ = COLUMNS[part.field]
    column = _shown(build, entity, row, name)
    if part.operator in ("in", "not_in"):
        in_list = InIds if type_ is Uuid36 else InList
        listed = in_list(column, build.bind(bind, String))
        return listed if part.operator == "in" else or_(not_(listed), column.is_(None))
    if part.field == "priority" and part.operator in ("gte", "lte"):
        column, type_ = row.priority_rank, Integer
    return _operators[part.operator](column, build.bind(bind, type_))


def _of_tickets(build: CompileContext, where: Where, row: Row, prefix: str) -> ColumnElement[bool]:
    """Return the condition for events of tickets that pass a filter today.

    Deletions pass every filter: the ticket can no longer be compared, and clients that show it
    must learn of it.
    """
    ticket = build.alias(table_of(Ticket))
    passes = and_(
        ticket.c.id == row.ticket_id, *conditions(build, "Ticket", where, ticket.c, prefix)
    )
    found = exists(select(1).select_from(ticket).where(passes).correlate_except(ticket))
    return or_(row.type == literal_column(f"'{TicketEventType.DELETED.value}'"), found)


_switches: Mapping[str, Callable[[CompileContext, Row], ColumnElement[bool]]] = {
    "open": lambda _build, row: ~finished(row),
    "unassigned": lambda _build, row: row.assigned_to_id.is_(None),
    "mine": lambda build, row: row.assigned_to_id == build.bind_viewer(binds.VIEWER_ID),
    "overdue": overdue,
}


def _shown(build: CompileContext, entity: str, row: Row, name: str) -> SQL:
    """Return a column; of a reference customers are told no more than the catalog shows them."""
    field = ENTITIES[entity].fields.get(name) if name.endswith("_id") else None
    if build.kind is ViewerKind.CUSTOMER and isinstance(field, Scalar):
        return field.sql(build, row, None)
    column: SQL = row[name]
    return column


_operators: Mapping[str, Callable[[SQL, SQL], ColumnElement[bool]]] = {
    "eq": lambda column, value: column == value,
    "gt": lambda column, value: column > value,
    "gte": lambda column, value: column >= value,
    "lt": lambda column, value: column < value,
    "lte": lambda column, value: column <= value,
}


def _found(
    build: CompileContext, entity: str, row: Row, search: Search, prefix: str, name: str
) -> ColumnElement[bool]:
    """Return the condition for rows in which the viewer may find a term.

    In the very form of an index of trigrams: LIKE on a stored text.
    """
    pattern = build.bind(prefix + name, String)

    def found(text: ColumnElement[str]) -> ColumnElement[bool]:
        return text.like(pattern, escape=LIKE_ESCAPE)

    def found_in(text: ColumnElement[str]) -> ColumnElement[bool]:
        if name not in search.wordless:
            return found(text)
        # PostgreSQL takes no index for a CASE, and expects that it holds for half of the rows.
        return case((found(text), true()), else_=false())

    places = [found_in(row.search_text)]
    if entity in _HAS_PRIVATE_TEXT:
        may_search = access.may_search_private_text(entity, row, build.kind, build.bind_viewer)
        places.append(and_(may_search, found_in(row.search_private)))
    if entity in _OF_A_COMPANY:
        company = build.alias(table_of(Company))
        named = select(company.c.id).where(found(company.c.search_name)).correlate_except(company)
        places.append(InRows(row.company_id, named.scalar_subquery()))
    return or_(*places)
