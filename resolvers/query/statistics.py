"""Ticket statistics: counts over one filtered set, in one pass over its rows."""

from enum import StrEnum

from sqlalchemy import ColumnElement, func

from models import Team, TicketCategory, TicketPriority, TicketStatus
from resolvers.query import binds
from resolvers.query.compile_context import CompileContext, Row
from resolvers.query.expressions import finished, overdue
from resolvers.query.lists.source import ListSource
from resolvers.query.shapes import TYPENAME, Field, Shape
from resolvers.query.sql.elements import SQL, Constant, JsonArray, JsonNumber, JsonObject, Word

# Field → the column, its choices, and the GraphQL names of the items and of the choice in them.
GROUPS: dict[str, tuple[str, type[StrEnum], str, str]] = {
    "by_status": ("status", TicketStatus, "StatusCount", "status"),
    "by_priority": ("priority", TicketPriority, "PriorityCount", "priority"),
    "by_category": ("category", TicketCategory, "CategoryCount", "category"),
    "by_team": ("assigned_team", Team, "TeamCount", "team"),
}


def statistics_object(source: ListSource, shape: Shape) -> SQL:
    """Return the JSON object of the statistics over a source's rows."""
    return source.of_all(
        lambda row: JsonObject([(f.key, _value(source.build, f, row)) for f in shape.fields])
    )


def _count(condition: ColumnElement[bool] | None = None) -> SQL:
    return JsonNumber(func.count() if condition is None else func.count().filter(condition))


def _value(build: CompileContext, field: Field, row: Row) -> SQL:
    if field.name == TYPENAME:
        return Word("TicketStats")
    if field.name in GROUPS:
        return _group(field, row)
    conditions: dict[str, ColumnElement[bool] | None] = {
        "total": None,
        "my_open_tickets": (row.assigned_to_id == build.bind_viewer(binds.VIEWER_ID))
        & ~finished(row),
        "unassigned": row.assigned_to_id.is_(None),
        "overdue": overdue(build, row),
    }
    return _count(conditions[field.name])


def _group(field: Field, row: Row) -> SQL:
    """Return the counts as GraphQL's list of objects, or as REST's object of value and count."""
    column, choices, typename, key = GROUPS[field.name]
    counts = [(choice, _count(row[column] == Constant(choice.value))) for choice in choices]
    if field.shape is None:
        return JsonObject([(choice.value, count) for choice, count in counts])
    items = []
    for choice, count in counts:
        values: dict[str, SQL] = {key: Word(choice.name), TYPENAME: Word(typename), "count": count}
        items.append(JsonObject([(item.key, values[item.name]) for item in field.shape.fields]))
    return JsonArray(*items)
