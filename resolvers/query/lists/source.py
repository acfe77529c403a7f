"""The rows behind one list: filter, position, order and limit.

A page's rows are chosen in an inner select before anything is nested onto them. A position is the
order's values of one row, so that a page stays where it is while rows come and go, and a deep page
costs what the first one does.
"""

from collections.abc import Callable, Set
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Subquery,
    and_,
    cast,
    func,
    literal_column,
    or_,
    select,
    true,
    tuple_,
)
from sqlalchemy.sql.selectable import NamedFromClause
from sqlalchemy.types import BigInteger, Integer, String, TypeEngine

from models.search import is_search_column
from models.types import UtcDateTime, Uuid36
from resolvers.query import binds
from resolvers.query.compile_context import CompileContext, Row
from resolvers.query.cursors import order_key
from resolvers.query.field_types import Entity
from resolvers.query.filters.ast import Condition
from resolvers.query.filters.compile import conditions
from resolvers.query.lists import counts
from resolvers.query.shapes import Args
from resolvers.query.sql.elements import (
    SQL,
    Concat,
    Constant,
    ExactTime,
    Plain,
    Quoted,
    SignedCursor,
)
from resolvers.signing import CURSOR
from resolvers.viewer import ViewerKind


@dataclass
class ListSource:
    """The rows behind one list: an entity's, with a filter, an order and a window.

    ``belongs`` ties them to the row they are nested in, by the column ``belongs_by``; ``prefix``
    starts the names of their bind parameters.
    """

    build: CompileContext
    entity: Entity
    args: Args
    prefix: str
    default_order: tuple[tuple[str, bool], ...]
    belongs: Callable[[Row], ColumnElement[bool]] | None = None
    belongs_by: str = ""

    @property
    def order(self) -> tuple[tuple[str, bool], ...]:
        """The order's fields and whether they descend; the id follows the last one."""
        return self.args.order or self.default_order

    def bind(self, name: str, type_: type[TypeEngine[Any]]) -> SQL:
        """Return a bind parameter of this list's arguments."""
        return self.build.bind(self.prefix + name, type_)

    def limit(self) -> SQL:
        """Return the size of the page."""
        return literal_column(str(int(self.args.limit or 0)), Integer)

    def filtered(self, row: Row) -> ColumnElement[bool]:
        """Return the condition for all rows of the list, on whatever page."""
        parts = [self.build.visible(self.entity.name, row)]
        if self.belongs is not None:
            parts.insert(0, self.belongs(row))
        parts += conditions(self.build, self.entity.name, self.args.where, row, self.prefix)
        needed = [part for part in parts if part is not true()]
        return and_(*needed) if needed else true()

    def keys(self, row: Row) -> list[tuple[SQL, bool, type[TypeEngine[Any]]]]:
        """Return the columns of the order with their directions and types, the id last."""
        orders = self.entity.orders
        columns = [
            (row[orders[field].column], down, orders[field].type) for field, down in self.order
        ]
        return [*columns, (row.id, self.order[-1][1], Uuid36)]

    def ordered(self, row: Row, *, reverse: bool = False) -> list[SQL]:
        """Return the ORDER BY of the list, or of the list read from its end."""
        return [
            column.desc() if down is not reverse else column.asc()
            for column, down, _ in self.keys(row)
        ]

    def beyond(
        self, row: Row, side: str, *, before: bool, inclusive: bool = False
    ) -> ColumnElement[bool]:
        """Return the condition for rows after a position, or before it, or also at it."""
        keys = self.keys(row)
        values = [
            self._placed(binds.position(side, i), type_) for i, (_, _, type_) in enumerate(keys)
        ]
        descends = {down is not before for _, down, _ in keys}
        if len(descends) == 1:
            # One comparison of rows: the databases answer it from an index.
            sign = ("<" if descends.pop() else ">") + ("=" if inclusive else "")
            columns = tuple_(*(column for column, _, _ in keys))
            return columns.op(sign, is_comparison=True)(tuple_(*values))
        alternatives = [
            and_(
                *(keys[j][0] == values[j] for j in range(i)),
                column < values[i] if down is not before else column > values[i],
            )
            for i, (column, down, _) in enumerate(keys)
        ]
        if inclusive:
            alternatives.append(and_(*(key[0] == values[i] for i, key in enumerate(keys))))
        return or_(*alternatives)

    def _placed(self, name: str, type_: type[TypeEngine[Any]]) -> SQL:
        """Return a value of a position; times as text: to asyncpg the latest one is infinity."""
        if type_ is UtcDateTime:
            return cast(self.bind(name, String), UtcDateTime)
        return self.bind(name, type_)

    def positioned(self, row: Row) -> list[ColumnElement[bool]]:
        """Return the conditions of the window's positions."""
        found = []
        if self.args.after:
            found.append(self.beyond(row, binds.AFTER, before=False))
        if self.args.before:
            found.append(self.beyond(row, binds.BEFORE, before=True))
        return found

    def rows(
        self,
        limit: SQL | None,
        *columns: SQL,
        offset: SQL | None = None,
        only_ids: bool = False,
    ) -> Select[Any]:
        """Return the select of the window's rows, at most ``limit`` of them."""
        row = self.build.alias(self.entity.table)
        shown = [row.c.id] if only_ids else _shown(self.entity.table, row)
        chosen = select(*(columns or shown))
        chosen = chosen.select_from(row).where(self.filtered(row.c), *self.positioned(row.c))
        chosen = chosen.order_by(*self.ordered(row.c, reverse=self.args.backward))
        if limit is not None:
            chosen = chosen.limit(limit)
        if offset is not None:
            chosen = chosen.offset(offset)
        return chosen.correlate_except(row)

    def page(self, chosen: Select[Any] | None = None) -> Subquery:
        """Return the window's rows as a table, in the list's order; ``chosen`` selects fewer."""
        name = f"p{self.build.aliases}"
        chosen_rows = (self.rows(self.limit()) if chosen is None else chosen).subquery(name)
        if not self.args.backward:
            return chosen_rows
        turned = select(chosen_rows).order_by(*self.ordered(chosen_rows.c))
        return turned.subquery(f"{name}f")

    def skipped_to(self, limit: SQL, offset: SQL) -> Select[Any]:
        """Return the select of a page after an offset: an index alone finds the ids of its rows."""
        table = self.entity.table
        ids = self.rows(limit, offset=offset, only_ids=True).subquery(f"i{self.build.next_name()}")
        row = self.build.alias(table)
        chosen = select(*_shown(table, row)).select_from(row).join(ids, ids.c.id == row.c.id)
        return chosen.order_by(*self.ordered(row.c))

    def also(self, *conditions: Condition) -> "ListSource":
        """Return the list with more conditions."""
        return replace(self, args=replace(self.args, where=(*self.args.where, *conditions)))

    def count(self) -> SQL:
        """Return how many rows the list has on all its pages."""
        counted = self.counted_rows()
        if counted is not None:
            return self._sum(counted)
        scope = counts.due_scope_of(self.args.where, self._given()) if self._is_counted() else None
        if scope is None:
            return self._count_rows()
        # By day up to today, of which the rows tell.
        where = counts.besides_overdue(self.args.where)
        midnight = self.build.bind(binds.MIDNIGHT, UtcDateTime)
        of_all = replace(self, args=replace(self.args, where=where))
        days = counts.due_rows_of(self.build, scope)
        before = of_all._sum(days, days.c.due_day < midnight)
        return before + self._count_rows(lambda row: row.due_date >= midnight)

    def counted_rows(self, grouped: Set[str] = frozenset()) -> Subquery | None:
        """Return the counts that the list adds up to, as its rows; None where it must count.

        ``grouped``: the fields that its rows are told apart by, by the names of filters.
        """
        if not self._is_counted():
            return None
        scope = counts.scope_of(self.args.where, self._given(), grouped)
        return None if scope is None else counts.rows_of(self.build, scope)

    def _is_counted(self) -> bool:
        return self.entity.name == "Ticket"

    def _given(self) -> Set[str]:
        """Return what the conditions beside the filter compare, by the names of filters."""
        belongs = [] if self.belongs is None else [self.belongs_by.removesuffix("_id")]
        company = ["company"] if self.build.kind is ViewerKind.CUSTOMER else []
        return frozenset((*belongs, *company))

    def _sum(self, counted: Subquery, *conditions: ColumnElement[bool]) -> SQL:
        added = select(counts.total(counted.c.amount)).where(*conditions)
        if (condition := self.filtered(counted.c)) is not true():
            added = added.where(condition)
        return added.select_from(counted).correlate_except(counted).scalar_subquery()

    def _count_rows(self, also: Callable[[Row], ColumnElement[bool]] | None = None) -> SQL:
        row = self.build.alias(self.entity.table)
        counted = select(func.count()).select_from(row)
        condition = self.filtered(row.c)
        # SQLite counts a table much faster where no condition is written, not even a true one.
        if condition is not true():
            counted = counted.where(condition)
        if also is not None:
            counted = counted.where(also(row.c))
        return counted.correlate_except(row).scalar_subquery()

    def has_more(self, shown: SQL | None = None) -> SQL:
        """Return whether rows follow the page in the direction it is read.

        ``shown`` is how many rows it has, where these may be fewer than its limit.
        """
        limit = self.limit()
        rows = self.rows(limit + literal_column("1"), literal_column("1").label("one")).subquery()
        found = select(func.count()).select_from(rows).scalar_subquery()
        return found > (limit if shown is None else shown)

    def has_left(self, side: str) -> SQL:
        """Return whether rows lie on the other side of a position, or at it."""
        row = self.build.alias(self.entity.table)
        left = self.beyond(row.c, side, before=side == binds.AFTER, inclusive=True)
        one: SQL = literal_column("1")
        found = select(one).select_from(row).where(self.filtered(row.c), left)
        return found.correlate_except(row).exists()

    def position(self, row: Row) -> SQL:
        """Return the position of a row, still to be sealed."""
        parts: list[SQL] = []
        before = f'["{order_key(self.entity, self.order)}",'
        for column, _, type_ in self.keys(row):
            if type_ in (UtcDateTime, Integer, BigInteger, Uuid36):
                text = ExactTime(column) if type_ is UtcDateTime else Plain(column)
                parts += [Constant(before + '"'), text]
                before = '",'
            else:
                parts += [Constant(before), Quoted(column)]
                before = ","
        # The id comes last, so its quote is still open.
        return Concat(*parts, Constant('"]'))

    def sealed(self, position: SQL) -> SQL:
        """Return a position as a cursor."""
        return SignedCursor(position, *self.build.signing(CURSOR))


def _shown(table: Any, row: NamedFromClause) -> list[SQL]:
    """Return the columns of a row; sorting carries all, so those only searched are left out."""
    # An alias does not keep the ``info`` of columns, so the table is asked.
    return [row.c[column.key] for column in table.columns if not is_search_column(column)]
