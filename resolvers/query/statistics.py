"""Ticket statistics: counts over one filtered set, in one pass over its rows."""

from enum import StrEnum

from sqlalchemy import ColumnElement, func, select

from models import Team, TicketCategory, TicketPriority, TicketStatus
from resolvers.query import binds
from resolvers.query.compile_context import Row
from resolvers.query.expressions import finished, overdue
from resolvers.query.filters.ast import Switch
from resolvers.query.lists.counts import total
from resolvers.query.lists.source import ListSource
from resolvers.query.lists.totals import count, counted_rows, of_all
from resolvers.query.shapes import TYPENAME, Field, Shape
from resolvers.query.sql.elements import SQL, Constant, JsonArray, JsonNumber, JsonObject, Word

# Field → the column, its choices, and the GraphQL names of the items and of the choice in them.
GROUPS: dict[str, tuple[str, type[StrEnum], str, str]] = {
    "by_status": ("status", TicketStatus, "StatusCount", "status"),
    "by_priority": ("priority", TicketPriority, "PriorityCount", "priority"),
    "by_category": ("category", TicketCategory, "CategoryCount", "category"),
    "by_team": ("assigned_team", Team, "TeamCount", "team"),
}

# Field → what it tells the rows apart by, by the names of filters.
_GROUPED = {name: group[0] for name, group in GROUPS.items()} | {"unassigned": "is_assigned"}


def statistics_object(source: ListSource, shape: Shape) -> SQL:
    """Return the JSON object of the statistics over a source's rows.

    Where these are counts of rows, what the counts do not tell is counted for itself.
    """
    counted = counted_rows(source, {_GROUPED[f.name] for f in shape.fields if f.name in _GROUPED})
    amount = None if counted is None else counted.c.amount

    def whole(row: Row) -> SQL:
        return JsonObject([(f.key, _value(source, f, row, amount)) for f in shape.fields])

    # Without an aggregate it would be a row for each of theirs.
    has_aggregates = any(_is_aggregate(f.name, of_rows=counted is None) for f in shape.fields)
    if counted is None:
        row = source.build.alias(source.entity.table)
        return of_all(source, whole) if has_aggregates else select(whole(row.c)).scalar_subquery()
    statement = select(whole(counted.c))
    if has_aggregates:
        statement = statement.select_from(counted).where(source.filtered(counted.c))
    return statement.scalar_subquery()


def _is_aggregate(name: str, *, of_rows: bool) -> bool:
    return name != TYPENAME and (of_rows or name not in ("overdue", "my_open_tickets"))


def _count(amount: SQL | None, condition: ColumnElement[bool] | None = None) -> SQL:
    if amount is not None:
        return JsonNumber(total(amount, condition))
    return JsonNumber(func.count() if condition is None else func.count().filter(condition))


def _value(source: ListSource, field: Field, row: Row, amount: SQL | None) -> SQL:
    build = source.build
    if field.name == TYPENAME:
        return Word("TicketStats")
    if field.name in GROUPS:
        return _group(field, row, amount)
    if field.name == "total":
        return _count(amount)
    if field.name == "unassigned":
        return _count(amount, row.assigned_to_id.is_(None))
    if field.name == "overdue":
        if amount is not None:
            return JsonNumber(count(source.also(Switch("overdue", wanted=True))))
        return _count(None, overdue(build, row))
    if amount is not None:
        mine = (Switch("mine", wanted=True), Switch("open", wanted=True))
        return JsonNumber(count(source.also(*mine)))
    is_mine = row.assigned_to_id == build.bind_viewer(binds.VIEWER_ID)
    return _count(None, is_mine & ~finished(row))


def _group(field: Field, row: Row, amount: SQL | None) -> SQL:
    """Return the counts as GraphQL's list of objects, or as REST's object of value and count."""
    column, choices, typename, key = GROUPS[field.name]
    amounts = [
        (choice, _count(amount, row[column] == Constant(choice.value))) for choice in choices
    ]
    if field.shape is None:
        return JsonObject([(choice.value, number) for choice, number in amounts])
    items = []
    for choice, number in amounts:
        values: dict[str, SQL] = {key: Word(choice.name), TYPENAME: Word(typename), "count": number}
        items.append(JsonObject([(item.key, values[item.name]) for item in field.shape.fields]))
    return JsonArray(*items)
