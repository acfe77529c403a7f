"""Ticket statistics: counts over one filtered set, in one pass over its rows."""

from collections.abc import Sequence
from enum import StrEnum

from sqlalchemy import ColumnElement, func, select

from models import Team, TicketCategory, TicketPriority, TicketStatus
from resolvers.connections import Source
from resolvers.expressions import finished, overdue
from resolvers.kinds import Row
from resolvers.projection import Build, joined
from resolvers.shapes import TYPENAME, Field, Shape
from resolvers.sqltext import SQL, Constant, Plain

# Field → the column, its choices, and the GraphQL names of the items and of the choice in them.
GROUPS: dict[str, tuple[str, type[StrEnum], str, str]] = {
    "by_status": ("status", TicketStatus, "StatusCount", "status"),
    "by_priority": ("priority", TicketPriority, "PriorityCount", "priority"),
    "by_category": ("category", TicketCategory, "CategoryCount", "category"),
    "by_team": ("assigned_team", Team, "TeamCount", "team"),
}


def statistics_object(source: Source, shape: Shape) -> SQL:
    """Return the JSON object of the statistics over a source's rows."""
    build = source.build
    row = build.alias(source.entity.table)
    parts: list[SQL] = [Constant("{")]
    for i, field in enumerate(shape.fields):
        parts.append(Constant(f'{"," if i else ""}"{field.key}":'))
        parts += _value(build, field, row.c)
    whole = joined([*parts, Constant("}")])
    return select(whole).select_from(row).where(source.filtered(row.c)).scalar_subquery()


def _count(condition: ColumnElement[bool] | None = None) -> SQL:
    return Plain(func.count() if condition is None else func.count().filter(condition))


def _value(build: Build, field: Field, row: Row) -> Sequence[SQL]:
    if field.name == TYPENAME:
        return [Constant('"TicketStats"')]
    if field.name in GROUPS:
        return _group(build, field, row)
    conditions: dict[str, ColumnElement[bool] | None] = {
        "total": None,
        "my_open_tickets": (row.assigned_to_id == build.bind_viewer("viewer_id")) & ~finished(row),
        "unassigned": row.assigned_to_id.is_(None),
        "overdue": overdue(build, row),
    }
    return [_count(conditions[field.name])]


def _group(build: Build, field: Field, row: Row) -> Sequence[SQL]:
    column, choices, typename, key = GROUPS[field.name]
    counts = [(choice, _count(row[column] == Constant(choice.value))) for choice in choices]
    if field.shape is None:
        return _by_value(counts)
    parts: list[SQL] = [Constant("[")]
    for i, (choice, count) in enumerate(counts):
        parts.append(Constant(",{" if i else "{"))
        for j, item in enumerate(field.shape.fields):
            parts.append(Constant(f'{"," if j else ""}"{item.key}":'))
            values = {key: Constant(f'"{choice.name}"'), TYPENAME: Constant(f'"{typename}"')}
            parts.append(values.get(item.name, count))
        parts.append(Constant("}"))
    return [*parts, Constant("]")]


def _by_value(counts: Sequence[tuple[StrEnum, SQL]]) -> Sequence[SQL]:
    """Write an object of value and count, as REST shows a group."""
    parts: list[SQL] = [Constant("{")]
    for i, (choice, count) in enumerate(counts):
        parts += [Constant(f'{"," if i else ""}"{choice.value}":'), count]
    return [*parts, Constant("}")]
