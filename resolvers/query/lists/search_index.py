"""How a list with a search comes to its rows: by the index, or past all rows in the list's order.

The index is fast for terms of few rows and slow for those of many, of which the first page is soon
found. No database knows for a term that comes with a request, so a statement has both ways, and
looks first which one to take.
"""

from dataclasses import dataclass

from sqlalchemy import (
    CTE,
    ColumnElement,
    FromClause,
    Subquery,
    case,
    column,
    func,
    literal_column,
    select,
    table,
    union_all,
)
from sqlalchemy.sql.selectable import NamedFromClause
from sqlalchemy.types import Integer, String

from resolvers.query.compile_context import CompileContext
from resolvers.query.field_types import Entity
from resolvers.query.filters.ast import Search
from resolvers.query.filters.compile import conditions
from resolvers.query.sql.elements import SQL, AnySelect, CrossJoin

# SQLite takes the index for up to so many rows: sorting 5,000 takes about 40 ms, and where more are
# found among a million, the first 20 of them are among some thousand.
FEW_ROWS = 5_000
# PostgreSQL, whose index finds all rows at once, where fewer of the newest rows have the terms.
NEWEST = 1_000
FEW_OF_NEWEST = 10

# Entities whose table has an index, and a time by which its newest rows are found.
INDEXED = frozenset({"Ticket", "Comment", "Contact", "Company"})
# The columns that conditions of a search look at.
_SEARCHED = frozenset({"search_text", "search_private", "company_id"})


@dataclass
class SearchIndex:
    """The search in a list's filter, with the prefix of its bind parameters."""

    build: CompileContext
    entity: Entity
    search: Search
    prefix: str
    _few: CTE | None = None

    def __post_init__(self) -> None:
        name = f"{self.entity.name.lower()}_search"
        key = f"{self.entity.name.lower()}_id"
        self._matches = table(name, column("rowid"), column(name, String))
        self._keys = table(f"{name}_keys", column("key"), column(key, String))
        self._phrases, self._key = self._matches.c[name], self._keys.c[key]

    @property
    def on_sqlite(self) -> bool:
        """Whether it is the index of SQLite, which a statement names."""
        return self.build.dialect == "sqlite"

    def few(self) -> SQL:
        """Return whether the index is the faster way to a page."""
        if self._few is None:
            found = self._matching_keys() if self.on_sqlite else self._found_of_newest()
            most = FEW_ROWS if self.on_sqlite else FEW_OF_NEWEST - 1
            some = found.limit(_number(most + 1)).subquery()
            is_few = (func.count() <= _number(most)).label("few")
            self._few = select(is_few).select_from(some).cte(f"few{self.build.next_name()}")
        return select(self._few.c.few).scalar_subquery()

    def _found_of_newest(self) -> AnySelect:
        row = self.build.alias(self.entity.table)
        newest = select(*(one for one in row.c if one.name in _SEARCHED))
        newest = newest.order_by(row.c.created_at.desc(), row.c.id.desc())
        rows = newest.limit(_number(NEWEST)).subquery()
        found = conditions(self.build, self.entity.name, (self.search,), rows.c, self.prefix)
        return select(_number(1)).select_from(rows).where(*found)

    def _matching_keys(self) -> AnySelect:
        return select(self._matches.c.rowid).where(self._matched())

    def _matched(self) -> ColumnElement[bool]:
        phrases = self.build.bind(self.prefix + self.search.match, String)
        return self._phrases.op("MATCH", is_comparison=True)(phrases)

    @property
    def finds_all(self) -> bool:
        """Whether no term is left that the index cannot find."""
        return not self.search.short

    def count(self) -> SQL:
        """Return how many rows the index of SQLite finds."""
        found = select(func.count()).select_from(self._matches).where(self._matched())
        return found.scalar_subquery()

    def through(self, row: NamedFromClause) -> tuple[FromClause, list[ColumnElement[bool]]]:
        """Return what is read to come to rows by the index, and the conditions of that.

        PostgreSQL knows by itself, and needs no condition.
        """
        if not self.on_sqlite:
            return row, []
        keyed = CrossJoin(self._matches, self._keys, self._keys.c.key == self._matches.c.rowid)
        return CrossJoin(keyed, row, row.c.id == self._key), [self._matched()]

    def either(self, indexed: AnySelect, walked: AnySelect, limit: SQL | None) -> Subquery:
        """Return the rows of the faster one of two selects, in no order, at most ``limit``.

        Only that one is run: PostgreSQL looks at a condition without columns before it begins,
        SQLite at the limit.
        """
        if self.on_sqlite:
            most, none = _number(-1) if limit is None else limit, _number(0)
            indexed = indexed.limit(case((self.few(), most), else_=none))
            walked = walked.limit(case((self.few(), none), else_=most))
        else:
            walked = walked.where(~self.few()).limit(limit)
            indexed = indexed.limit(limit)
        return union_all(*(select(one.subquery()) for one in (indexed, walked))).subquery()


def _number(number: int) -> SQL:
    return literal_column(str(number), Integer)
