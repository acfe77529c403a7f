"""What the compiler passes on while it builds one statement."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import CTE, ColumnElement, FromClause, Subquery, bindparam
from sqlalchemy.sql.selectable import NamedFromClause
from sqlalchemy.types import LargeBinary, String

from models.types import SqlType, Uuid36
from resolvers import access
from resolvers.query import binds
from resolvers.query.shapes import NO_ARGS, Args, Field
from resolvers.query.sql.elements import SQL
from resolvers.viewer import ViewerKind

Row = Any  # the columns of an alias or a subquery, which are read as attributes
JoinCondition = Callable[[Row], ColumnElement[bool]]


@dataclass
class JoinedRows:
    """The rows of a list, joined with the one row of other tables that each refers to.

    SQLite looks a row up faster by a join than by a subquery, and once for all that is shown of it.
    """

    rows: FromClause
    _others: dict[Hashable, FromClause] = field(default_factory=dict)

    def other(self, key: Hashable, table: FromClause, on: JoinCondition) -> Row:
        """Return the columns of a row that is joined, which are NULL where there is none.

        ``key`` tells it from others; the same one is joined once.
        """
        if key not in self._others:
            other = self._others[key] = table.alias()
            self.rows = self.rows.outerjoin(other, on(other.c))
        return self._others[key].c


@dataclass
class CompileContext:
    """What one statement is compiled with: the kind of viewer, the output format, the arguments.

    One object goes through the whole compilation, because names of aliases must differ within a
    statement: ``alias`` counts them. But for these, ``views`` and ``joined``, all of it is fixed.
    Values are no part of it: expressions name bind parameters, so that the plan serves every
    request of the same structure.

    ``choice_names``: choices appear by name with null for no value (GraphQL), instead of by value
    with an empty text (REST). ``deep``: objects stand beside each other, see ``objects.is_deep``.
    """

    dialect: str
    kind: ViewerKind
    choice_names: bool
    signed_media: bool
    args: Sequence[Args]
    deep: bool
    aliases: int = 0
    bound: set[str] = field(default_factory=set)
    # Common table expressions that the whole statement shares, by what they are for.
    views: dict[str, CTE] = field(default_factory=dict)
    # The rows of lists that may be joined with others, by the identity of their columns.
    joined: dict[int, JoinedRows] = field(default_factory=dict)

    def bind(self, name: str, type_: SqlType) -> SQL:
        """Return the bind parameter of a name; the plan is given its value at each run."""
        self.bound.add(name)
        return bindparam(name, type_=type_)

    def bind_viewer(self, name: str) -> SQL:
        """Return the bind parameter for one of the viewer's ids."""
        return self.bind(name, Uuid36)

    def signing(self, purpose: str) -> tuple[SQL, ...]:
        """Return what signing needs in a statement: the day, where SQLite's functions know the key.

        ``Signer.bind_values`` has the values.
        """
        day = self.bind(binds.DAY, String)
        if self.dialect == "sqlite":
            return (day,)
        return (day, *(self.bind(pad, LargeBinary) for pad in binds.pads(purpose)))

    def alias(self, table: FromClause) -> NamedFromClause:
        """Return the table under a name that no other place of the statement uses."""
        return table.alias(f"t{self.next_name()}")

    def next_name(self) -> int:
        """Return a number that no other name of the statement has."""
        self.aliases += 1
        return self.aliases

    def joining(self, rows: Subquery) -> JoinedRows:
        """Return the rows of a list, and on SQLite let what they show be joined with them."""
        joined = JoinedRows(rows)
        if self.dialect == "sqlite":
            self.joined[id(rows.c)] = joined
        return joined

    def args_of(self, field: Field) -> Args:
        """Return the arguments of a field."""
        return NO_ARGS if field.slot is None else self.args[field.slot]

    def visible(self, entity: str, row: Row) -> ColumnElement[bool]:
        """Return the condition for rows of an entity that the viewer may see."""
        return access.visible(entity, row, self.kind, self.bind_viewer)

    def shows(self, entity: str, row: Row, *, anyone: bool) -> ColumnElement[bool]:
        """Return the condition for a row that the viewer is shown with one that refers to it.

        ``anyone``: also a user whom the viewer could not see alone (``access.shows_person``).
        """
        if anyone:
            return access.shows_person(row, self.kind, self.bind_viewer)
        return self.visible(entity, row)
