"""The newest comments that a search finds for a customer, who sees those of one company.

Where that company has few tickets, most of the newest comments are not theirs: then it is faster to
look at the comments of its tickets than at the newest ones of all.
"""

from sqlalchemy import ColumnElement, and_, case, func, literal_column, select, union_all
from sqlalchemy.types import Integer

from models import Ticket, table_of
from resolvers.query.binds import VIEWER_COMPANY
from resolvers.query.compile_context import CompileContext
from resolvers.query.lists.source import ListSource
from resolvers.query.sql.elements import SQL, AnySelect, CrossJoin

# A company of so many tickets has few. Their comments take about 50 ms to look at.
FEW_TICKETS = 5_000


def newest_of_company(source: ListSource, limit: SQL) -> AnySelect:
    """Return the select of the ids of the newest comments, at most ``limit``, by the faster way."""
    build = source.build
    few, none = _by_tickets(source), literal_column("0", Integer)
    theirs = _of_their_tickets(source, few)
    if build.dialect == "sqlite":
        # It looks at the limit before it begins.
        of_tickets = theirs.limit(case((few, limit), else_=none))
        of_all = source.rows(case((few, none), else_=limit), lambda row: [row.id])
    else:
        of_tickets = theirs.limit(limit)
        newest = source.rows(limit, lambda row: [row.id]).subquery(f"n{build.next_name()}")
        of_all = select(newest.c.id).where(~few)
    either = union_all(*(select(one.subquery().c.id) for one in (of_tickets, of_all)))
    return select(either.subquery(f"o{build.next_name()}"))


def _by_tickets(source: ListSource) -> ColumnElement[bool]:
    """Return whether the company has few tickets, and the index does not find few rows."""
    few, index = _has_few_tickets(source.build), source.search_index
    return few if index is None else and_(few, ~index.few())


def _has_few_tickets(build: CompileContext) -> ColumnElement[bool]:
    ticket = build.alias(table_of(Ticket))
    most = literal_column(str(FEW_TICKETS), Integer)
    some: AnySelect = select(literal_column("1")).select_from(ticket)
    some = some.where(ticket.c.company_id == build.bind_viewer(VIEWER_COMPANY)).limit(most + 1)
    is_few: ColumnElement[bool] = (func.count() <= most).label("few")
    view = select(is_few).select_from(some.subquery()).cte(f"few{build.next_name()}")
    return select(view.c.few).scalar_subquery()


def _of_their_tickets(source: ListSource, few: ColumnElement[bool]) -> AnySelect:
    build = source.build
    ticket, row = build.alias(table_of(Ticket)), build.alias(source.entity.table)
    on = row.c.ticket_id == ticket.c.id
    on_sqlite = build.dialect == "sqlite"
    rows = CrossJoin(ticket, row, on) if on_sqlite else ticket.join(row, on)
    found = select(row.c.id, row.c.created_at).select_from(rows)
    found = found.where(
        ticket.c.company_id == build.bind_viewer(VIEWER_COMPANY),
        source.past_index().filtered(row.c),
    )
    if on_sqlite:
        return found.order_by(*source.ordered(row.c))
    # With an offset the subquery stays one: PostgreSQL would look for the newest in their order.
    rows_ = found.where(few).offset(literal_column("0")).subquery()
    return select(rows_.c.id, rows_.c.created_at).order_by(*source.ordered(rows_.c))
