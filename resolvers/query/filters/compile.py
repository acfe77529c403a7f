"""Filters: from plain nested values to a structure and its values, and from those to SQL.

A filter is a mapping as the GraphQL face has it, in snake case: field → comparator → operand, with
``and``, ``or`` and ``not``. ``parse`` splits it into what changes the SQL and what does not.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    and_,
    exists,
    false,
    literal_column,
    not_,
    or_,
    select,
    true,
)
from sqlalchemy.types import Integer, String

from models import Company, Ticket, TicketEventType, TicketPriority, table_of
from models.search import normalize_search
from models.types import UtcDateTime, Uuid36
from resolvers import access
from resolvers.errors import BadInput
from resolvers.query.catalog import ENTITIES
from resolvers.query.compile_context import CompileContext, Row
from resolvers.query.expressions import finished, overdue
from resolvers.query.field_types import Scalar
from resolvers.query.filters.search_terms import search_terms
from resolvers.query.sql.elements import HasTag, InIds, InList
from resolvers.texts import is_storable
from resolvers.viewer import ViewerKind

MAX_IN_LIST = 100
MAX_CONDITIONS = 100
MAX_DEPTH = 10

Where = tuple[object, ...]
Values = dict[str, object]

_PRIORITY_RANK = {priority.value: i for i, priority in enumerate(TicketPriority)}

# The columns that a comparator works on, and the type of its operands.
COLUMNS: Mapping[str, tuple[str, Any]] = {
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
FLAGS = frozenset({"is_internal", "is_active", "is_primary"})
SWITCHES = frozenset({"open", "unassigned", "mine", "overdue"})
# What a row has for searches besides its ``search_text``.
_HAS_PRIVATE_TEXT = frozenset({"Company", "User"})
_OF_A_COMPANY = frozenset({"Ticket", "Contact"})
LIKE_ESCAPE = "/"


def parse(raw: Mapping[str, Any] | None, values: Values, prefix: str = "w") -> Where:
    """Split a filter; the values go into ``values`` under names that start with the prefix.

    What has no content is no condition, wherever it stands: a null, a comparator without operators,
    a search without terms, ``and``, ``or`` and ``not`` of nothing. Raises ``BadInput`` where a list
    or the whole is larger than allowed.
    """
    where = _parse(raw or {}, values, prefix, depth=0)
    if _size(where) > MAX_CONDITIONS:
        raise BadInput(f"A filter takes at most {MAX_CONDITIONS} conditions.")
    return _pruned(where)


def _pruned(where: Where) -> Where:
    """Return a filter without the parts that have no content."""
    kept: list[object] = []
    for part in where:
        key, operand = part[0], part[-1]  # type: ignore[index] # a part is a tuple
        if key in ("and", "or"):
            operand = tuple(filter(None, map(_pruned, operand)))
        elif key in ("not", "tickets"):
            operand = _pruned(operand)
        elif key != "search":
            kept.append(part)
            continue
        if operand:
            kept.append((key, operand))
    return tuple(kept)


def _size(where: Where) -> int:
    """Return how many conditions a filter has; one that is empty counts, too."""
    return max(1, sum(map(_conditions_in, where)))


def _conditions_in(part: Any) -> int:
    key, operand = part[0], part[-1]
    if key in ("and", "or"):
        return sum(map(_size, operand))
    if key in ("not", "tickets"):
        return _size(operand)
    return max(1, len(operand)) if isinstance(operand, tuple) else 1


def _parse(raw: Mapping[str, Any], values: Values, prefix: str, depth: int) -> Where:
    if depth > MAX_DEPTH:
        raise BadInput(f"A filter nests at most {MAX_DEPTH} levels deep.")
    where: list[object] = []
    for key, value in raw.items():
        name = f"{prefix}_{key}"
        if value is None:
            continue
        if key in ("and", "or"):
            if len(value) > MAX_CONDITIONS:
                raise BadInput(f"A filter takes at most {MAX_CONDITIONS} conditions.")
            parts = (_parse(v, values, f"{name}{i}", depth + 1) for i, v in enumerate(value))
            where.append((key, tuple(parts)))
        elif key in ("not", "tickets"):
            where.append((key, _parse(value, values, name, depth + 1)))
        elif key == "search":
            where.append((key, _parse_search(value, values, name)))
        elif key in SWITCHES or key in FLAGS:
            where.append((key, bool(value)))
        else:
            where += _parse_comparator(key, value, values, name)
    return tuple(where)


def _parse_search(text: str, values: Values, name: str) -> tuple[str, ...]:
    terms = [normalize_search(term) for term in search_terms(text)]
    _checked(text)
    named = {f"{name}{i}": _pattern(term) for i, term in enumerate(terms)}
    values.update(named)
    return tuple(named)


def _checked(text: str) -> str:
    """Return a text that can be stored; ``BadInput`` where no row can have it."""
    if not is_storable(text):
        raise BadInput("A text in a filter has a NUL or another character that no text can have.")
    return text


def _pattern(term: str) -> str:
    """Return what LIKE finds a term with; all its characters are plain."""
    for special in (LIKE_ESCAPE, "%", "_"):
        term = term.replace(special, LIKE_ESCAPE + special)
    return f"%{term}%"


def _parse_comparator(
    key: str, comparator: Mapping[str, Any], values: Values, name: str
) -> list[object]:
    where: list[object] = []
    for operator, operand in comparator.items():
        if operand is None:
            continue
        if operator == "is_null":
            where.append((key, operator, bool(operand)))
            continue
        bound = f"{name}_{operator}"
        if operator in ("in", "not_in", "has_any", "has_all"):
            if len(operand) > MAX_IN_LIST:
                raise BadInput(f"A list in a filter takes at most {MAX_IN_LIST} values.")
            if key == "tags":
                named = {f"{bound}{i}": _checked(tag) for i, tag in enumerate(operand)}
                values.update(named)
                where.append((key, operator, tuple(named)))
                continue
            operand = json.dumps([_checked(str(value)) for value in operand])
        elif key == "priority" and operator in ("gte", "lte"):
            operand = _PRIORITY_RANK[operand]
        values[bound] = _checked(str(operand)) if isinstance(operand, str) else operand
        where.append((key, operator, bound))
    return where


def conditions(
    build: CompileContext, entity: str, where: Where, row: Row, prefix: str
) -> list[ColumnElement[bool]]:
    """Return the SQL of a filter; all of it must hold."""
    return [_condition(build, entity, part, row, prefix) for part in where]


def _condition(
    build: CompileContext, entity: str, part: Any, row: Row, prefix: str
) -> ColumnElement[bool]:
    key, rest = part[0], part[1:]
    if key == "and":
        return and_(
            true(), *(and_(true(), *conditions(build, entity, w, row, prefix)) for w in rest[0])
        )
    if key == "or":
        return or_(
            false(), *(and_(true(), *conditions(build, entity, w, row, prefix)) for w in rest[0])
        )
    if key == "not":
        inner = and_(true(), *conditions(build, entity, rest[0], row, prefix))
        # A condition about a null is neither true nor false; for a filter that is false.
        return inner.isnot(true())
    if key == "tickets":
        return _of_tickets(build, rest[0], row, prefix)
    if key == "search":
        return and_(true(), *(_found(build, entity, row, prefix + name) for name in rest[0]))
    if key in FLAGS:
        flag: ColumnElement[bool] = row[key]
        return flag if rest[0] else ~flag
    if key in SWITCHES:
        switch = _switches[key](build, row)
        return switch if rest[0] else switch.isnot(true())
    if key == "tags":
        return _tagged(build, row, prefix, *rest)
    return _compare(build, entity, row, prefix, key, *rest)


def _of_tickets(build: CompileContext, where: Where, row: Row, prefix: str) -> ColumnElement[bool]:
    """Return the condition for events of tickets that pass a filter today.

    That a ticket is deleted passes any: nobody can tell any more, and whoever has it must know.
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
    "mine": lambda build, row: row.assigned_to_id == build.bind_viewer("viewer_id"),
    "overdue": overdue,
}


def _compare(
    build: CompileContext,
    entity: str,
    row: Row,
    prefix: str,
    key: str,
    operator: str,
    operand: Any,
) -> ColumnElement[bool]:
    name, type_ = COLUMNS[key]
    column = _shown(build, entity, row, name)
    if operator == "is_null":
        missing: ColumnElement[bool] = column.is_(None)
        return missing if operand else ~missing
    if operator in ("in", "not_in"):
        in_list = InIds if type_ is Uuid36 else InList
        listed = in_list(column, build.bind(prefix + operand, String))
        return listed if operator == "in" else or_(not_(listed), column.is_(None))
    if key == "priority" and operator in ("gte", "lte"):
        column, type_ = row.priority_rank, Integer
    return _operators[operator](column, build.bind(prefix + operand, type_))


def _shown(build: CompileContext, entity: str, row: Row, name: str) -> Any:
    """Return a column; of a reference customers are told no more than the catalogue shows them."""
    field = ENTITIES[entity].fields.get(name) if name.endswith("_id") else None
    if build.kind is ViewerKind.CUSTOMER and isinstance(field, Scalar):
        return field.sql(build, row, None)
    return row[name]


_operators: Mapping[str, Callable[[Any, Any], ColumnElement[bool]]] = {
    "eq": lambda column, value: column == value,
    "gt": lambda column, value: column > value,
    "gte": lambda column, value: column >= value,
    "lt": lambda column, value: column < value,
    "lte": lambda column, value: column <= value,
}


def _tagged(
    build: CompileContext, row: Row, prefix: str, operator: str, operand: str | Sequence[str]
) -> ColumnElement[bool]:
    names = [operand] if isinstance(operand, str) else operand
    found = [HasTag(row.tags, build.bind(prefix + name, String)) for name in names]
    return or_(false(), *found) if operator == "has_any" else and_(true(), *found)


def _found(build: CompileContext, entity: str, row: Row, name: str) -> ColumnElement[bool]:
    """Return the condition for rows in which the viewer may find a term.

    In the very form of an index of trigrams: LIKE on a stored text.
    """
    pattern = build.bind(name, String)

    def found(text: ColumnElement[str]) -> ColumnElement[bool]:
        return text.like(pattern, escape=LIKE_ESCAPE)

    places = [found(row.search_text)]
    if entity in _HAS_PRIVATE_TEXT:
        may_search = access.may_search_private_text(entity, row, build.kind, build.bind_viewer)
        places.append(and_(may_search, found(row.search_private)))
    if entity in _OF_A_COMPANY:
        company = build.alias(table_of(Company))
        here = company.c.id == row.company_id
        named = select(1).select_from(company).where(here, found(company.c.search_name))
        places.append(exists(named.correlate_except(company)))
    return or_(*places)
