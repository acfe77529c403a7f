"""What all rows of a list add up to, on whatever page: their number, and statistics.

Where counts that the database keeps tell it, these are added up. Otherwise the rows are read, by
the index of searches where that is faster.
"""

from collections.abc import Callable, Set
from dataclasses import replace

from sqlalchemy import ColumnElement, Subquery, case, func, select, true

from models.counts import CountScope
from models.types import UtcDateTime
from resolvers.query import binds
from resolvers.query.compile_context import Row
from resolvers.query.lists import counts
from resolvers.query.lists.search_index import SearchIndex
from resolvers.query.lists.source import Conditions, ListSource
from resolvers.query.sql.elements import SQL
from resolvers.viewer import ViewerKind


def count(source: ListSource) -> SQL:
    """Return how many rows a list has on all its pages."""
    counted = counted_rows(source)
    if counted is not None:
        return _sum(source, counted)
    given = _given(source)
    scope = counts.due_scope_of(source.args.where, given) if _is_counted(source) else None
    if scope is not None:
        return _count_due(source, scope)
    index = source.search_index
    if index is not None and index.on_sqlite and index.finds_all and _only_searches(source):
        return index.count()
    return of_all(source, _number_of_rows)


def counted_rows(source: ListSource, grouped: Set[str] = frozenset()) -> Subquery | None:
    """Return the counts that a list adds up to, as its rows; None where it must count.

    ``grouped``: the fields that its rows are told apart by, by the names of filters.
    """
    if not _is_counted(source):
        return None
    scope = counts.scope_of(source.args.where, _given(source), grouped)
    return None if scope is None else counts.rows_of(source.build, scope)


def of_all(source: ListSource, value: Callable[[Row], SQL]) -> SQL:
    """Return what is made of all rows of a list; ``value`` gives an aggregate."""
    index = source.search_index
    walked = _of_all(source, value)
    # PostgreSQL has one way to all rows, whatever their number.
    if index is None or not index.on_sqlite:
        return walked
    return case((index.few(), _of_all(source, value, index)), else_=walked)


def _number_of_rows(_row: Row) -> SQL:
    return func.count()


def _of_all(
    source: ListSource,
    value: Callable[[Row], SQL],
    index: SearchIndex | None = None,
    also: Conditions | None = None,
) -> SQL:
    row = source.build.alias(source.entity.table)
    places, conditions = (row, []) if index is None else index.through(row)
    found = select(value(row.c)).select_from(places)
    # SQLite counts a table much faster where no condition is written, not even a true one.
    conditions += [part for part in (source.filtered(row.c),) if part is not true()]
    conditions += () if also is None else also(row.c)
    return found.where(*conditions).correlate_except(row).scalar_subquery()


def _count_due(source: ListSource, scope: CountScope) -> SQL:
    """Return how many rows are overdue: by day up to today, of which the rows tell."""
    where = counts.besides_overdue(source.args.where)
    midnight = source.build.bind(binds.MIDNIGHT, UtcDateTime)
    any_due = replace(source, args=replace(source.args, where=where))
    days = counts.due_rows_of(source.build, scope)
    before = _sum(any_due, days, days.c.due_day < midnight)
    return before + _of_all(source, _number_of_rows, also=lambda row: [row.due_date >= midnight])


def _sum(source: ListSource, counted: Subquery, *conditions: ColumnElement[bool]) -> SQL:
    added = select(counts.total(counted.c.amount)).where(*conditions)
    if (condition := source.filtered(counted.c)) is not true():
        added = added.where(condition)
    return added.select_from(counted).correlate_except(counted).scalar_subquery()


def _is_counted(source: ListSource) -> bool:
    return source.entity.name == "Ticket"


def _given(source: ListSource) -> Set[str]:
    """Return what the conditions beside the filter compare, by the names of filters."""
    belongs = [] if source.belongs is None else [source.belongs_by.removesuffix("_id")]
    company = ["company"] if source.build.kind is ViewerKind.CUSTOMER else []
    return frozenset((*belongs, *company))


def _only_searches(source: ListSource) -> bool:
    row = source.build.alias(source.entity.table).c
    return len(source.args.where) == 1 and source.build.visible(source.entity.name, row) is true()
