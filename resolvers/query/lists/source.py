"""The rows behind one list: filter, position, order and limit.

A page's rows are chosen in an inner select before anything is nested onto them. A position is the
order's values of one row, so that a page stays where it is while rows come and go, and a deep page
costs what the first one does.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from sqlalchemy import (
    ColumnElement,
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
from sqlalchemy.types import BigInteger, Integer, String

from models.search import is_search_column
from models.types import SqlType, UtcDateTime, Uuid36
from resolvers.query import binds
from resolvers.query.compile_context import CompileContext, Row
from resolvers.query.cursors import order_key
from resolvers.query.field_types import Entity
from resolvers.query.filters.ast import Condition, Search
from resolvers.query.filters.compile import conditions
from resolvers.query.lists.search_index import INDEXED, SearchIndex
from resolvers.query.shapes import Args
from resolvers.query.sql.elements import (
    SQL,
    AnySelect,
    Concat,
    Constant,
    ExactTime,
    Plain,
    Quoted,
    SignedCursor,
)
from resolvers.signing import CURSOR

Columns = Callable[[Row], Sequence[SQL]]
Conditions = Callable[[Row], Sequence[ColumnElement[bool]]]


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

    def bind(self, name: str, type_: SqlType) -> SQL:
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

    def keys(self, row: Row) -> list[tuple[SQL, bool, SqlType]]:
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

    def _placed(self, name: str, type_: SqlType) -> SQL:
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

    @cached_property
    def search_index(self) -> SearchIndex | None:
        """The index that may find the rows; what a row has below it are few without one."""
        search = next((part for part in self.args.where if isinstance(part, Search)), None)
        if search is None or self.entity.name not in INDEXED or self.belongs is not None:
            return None
        is_indexed = search.is_indexed(self.build.dialect)
        if not is_indexed:
            return None
        return SearchIndex(self.build, self.entity, search, self.prefix)

    def rows(
        self,
        limit: SQL | None,
        columns: Columns | None = None,
        *,
        offset: SQL | None = None,
        positioned: Conditions | None = None,
    ) -> AnySelect:
        """Return the select of the window's rows, at most ``limit`` of them.

        ``columns`` gives what is selected of a row, instead of all that is shown of it; the rows
        come in any order then. ``positioned`` replaces the window's positions.
        """
        chosen, index = columns or self.shown, self.search_index
        at = positioned or self.positioned
        walked = self._walked(chosen, at)
        if index is None:
            return walked.limit(limit).offset(offset)
        indexed = self._indexed(index, chosen, at)
        rows = index.either(indexed.offset(offset), walked.offset(offset), limit)
        return select(rows) if columns else select(rows).order_by(*self._in_order(rows.c))

    def shown(self, row: Row) -> list[SQL]:
        """Return all columns but the texts that are only searched: sorting carries them along.

        Columns of an alias do not keep their ``info``, so the table is asked.
        """
        table = self.entity.table
        return [row[column.key] for column in table.columns if not is_search_column(column)]

    def _in_order(self, row: Row) -> list[SQL]:
        return self.ordered(row, reverse=self.args.backward)

    def _walked(self, columns: Columns, positioned: Conditions) -> AnySelect:
        row = self.build.alias(self.entity.table)
        found = select(*columns(row.c)).select_from(row)
        found = found.where(self.past_index().filtered(row.c), *positioned(row.c))
        return found.order_by(*self._in_order(row.c)).correlate_except(row)

    def past_index(self) -> "ListSource":
        """Return the list with its searches worded such that PostgreSQL takes no index for them.

        It expects few rows of every term: for a frequent one it would read all that are found.
        """
        where = tuple(
            replace(part, wordless=frozenset(part.binds)) if isinstance(part, Search) else part
            for part in self.args.where
        )
        return replace(self, args=replace(self.args, where=where))

    def _indexed(self, index: SearchIndex, columns: Columns, positioned: Conditions) -> AnySelect:
        """Return the same rows, all of which are found by the index before they are ordered.

        PostgreSQL expects many of them, and would look for the first ones in the list's order: with
        an offset the subquery stays one.
        """
        row = self.build.alias(self.entity.table)
        places, matched = index.through(row)
        found = select(*(columns if index.on_sqlite else self.shown)(row.c)).select_from(places)
        found = found.where(*matched, self.filtered(row.c), *positioned(row.c))
        found = found.correlate_except(row)
        if index.on_sqlite:
            return found.order_by(*self._in_order(row.c))
        rows = found.where(index.few()).offset(literal_column("0")).subquery()
        return select(*columns(rows.c)).select_from(rows).order_by(*self._in_order(rows.c))

    def page(self, chosen: AnySelect | None = None) -> Subquery:
        """Return the window's rows as a table, in the list's order; ``chosen`` selects fewer."""
        name = f"p{self.build.aliases}"
        chosen_rows = (self.rows(self.limit()) if chosen is None else chosen).subquery(name)
        if not self.args.backward:
            return chosen_rows
        turned = select(chosen_rows).order_by(*self.ordered(chosen_rows.c))
        return turned.subquery(f"{name}f")

    def skipped_to(self, limit: SQL, offset: SQL) -> AnySelect:
        """Return the select of a page after an offset: an index alone finds the ids of its rows."""
        if self.search_index is not None:
            return self.rows(limit, offset=offset)
        found = self.rows(limit, lambda row: [row.id], offset=offset)
        ids = found.subquery(f"i{self.build.next_name()}")
        row = self.build.alias(self.entity.table)
        chosen = select(*self.shown(row.c)).select_from(row).join(ids, ids.c.id == row.c.id)
        return chosen.order_by(*self.ordered(row.c))

    def also(self, *conditions: Condition) -> "ListSource":
        """Return the list with more conditions."""
        return replace(self, args=replace(self.args, where=(*self.args.where, *conditions)))

    def has_more(self, shown: SQL | None = None) -> SQL:
        """Return whether rows follow the page in the direction it is read.

        ``shown`` is how many rows it has, where these may be fewer than its limit.
        """
        limit = self.limit()
        rows = self.rows(limit + literal_column("1"), _one).subquery()
        found = select(func.count()).select_from(rows).scalar_subquery()
        return found > (limit if shown is None else shown)

    def has_left(self, side: str) -> SQL:
        """Return whether rows lie on the other side of a position, or at it."""

        def left(row: Row) -> list[ColumnElement[bool]]:
            return [self.beyond(row, side, before=side == binds.AFTER, inclusive=True)]

        if self.search_index is not None:
            rows = self.rows(literal_column("1"), _one, positioned=left).subquery()
            return select(func.count() > literal_column("0")).select_from(rows).scalar_subquery()
        row = self.build.alias(self.entity.table)
        found = select(*_one(row.c)).select_from(row).where(self.filtered(row.c), *left(row.c))
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


def _one(_row: Row) -> list[SQL]:
    return [literal_column("1").label("one")]
