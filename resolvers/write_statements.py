"""The statements of writes: built with SQLAlchemy, compiled once, and run by the driver.

The unit of work of a session, and even SQLAlchemy's way to run a statement, cost several times as
much as the statement. Nothing fills in the defaults of columns here.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, Protocol
from uuid import UUID

import orjson
from sqlalchemy import (
    JSON,
    BindParameter,
    ColumnElement,
    Dialect,
    Integer,
    SelectBase,
    String,
    Table,
    TableValuedAlias,
    UpdateBase,
    bindparam,
    cast,
    column,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.types import TypeEngine

from resolvers.query.plans import Plan, compile_statement
from resolvers.query.sql.elements import InIds

# The names of the values that a row is found by, and several rows.
KEY, KEYS = "key", "keys"
# The name of the one value that has those of many rows, and that of the place of each.
ROWS, PLACE = "rows", "place"
Built = SelectBase | UpdateBase
# Its values have the types of the columns that a statement asks for.
StoredRow = tuple[Any, ...]
Values = Mapping[str, object]


class Statement:
    """A statement with named values, which is compiled once for each kind of database."""

    def __init__(self, build: Callable[[str], Built], many: "Many | None" = None) -> None:
        """Take what builds it for a dialect's name, and what does the same for many rows."""
        self.build = build
        self.many = many
        self._compiled: dict[str, Compiled] = {}

    def compiled(self, dialect: Dialect) -> "Compiled":
        """Return it as the driver takes it."""
        found = self._compiled.get(dialect.name)
        if found is None:
            found = self._compiled[dialect.name] = Compiled(self.build(dialect.name), dialect)
        return found


# A statement that is to be run with these values.
Step = tuple[Statement, Values]


@dataclass(frozen=True)
class Many:
    """What does the same for many rows at once, on PostgreSQL, which takes them as JSON.

    ``names`` are the values of each row.
    """

    names: Sequence[str]
    statement: Statement

    def fits(self, rows: Iterable[Values]) -> bool:
        """Whether each row is changed once: of two changes the last one would not win for sure."""
        if KEY not in self.names:
            return True
        keys = [row[KEY] for row in rows]
        return len({*keys}) == len(keys)

    def step(self, rows: Iterable[Values]) -> Step:
        """Return what is run for rows.

        Raises ``KeyError`` for a value that is missing, and ``TypeError`` for one that JSON cannot
        have, and for a time without a zone.
        """
        names = self.names
        listed = [
            {PLACE: place, **{name: row[name] for name in names}} for place, row in enumerate(rows)
        ]
        packed = orjson.dumps(listed, default=_packed, option=orjson.OPT_PASSTHROUGH_DATETIME)
        return self.statement, {ROWS: packed.decode()}


class Compiled:
    """A statement's text for a driver, and how values and rows are turned into its own and back."""

    def __init__(self, statement: Built, dialect: Dialect) -> None:
        self._plan: Plan = compile_statement(statement, dialect)
        self.sql = self._plan.sql
        self._readers = [
            column.type.dialect_impl(dialect).result_processor(dialect, None)
            for column in statement.exported_columns
        ]

    def values(self, given: Values) -> list[object]:
        """Return the driver's values in order; raises ``KeyError`` for one that is missing."""
        return self._plan.values(given)

    def row(self, found: Iterable[object]) -> tuple[object, ...]:
        """Return a driver's row with the values of its columns' types."""
        pairs = zip(self._readers, found, strict=True)
        return tuple(value if read is None else read(value) for read, value in pairs)


class Transaction(Protocol):
    """What a write does its work with."""

    async def fetch_row(self, statement: Statement, values: Values) -> StoredRow | None:
        """Run a statement and return its first row, None if there is none."""

    async def fetch(self, statement: Statement, values: Values) -> list[StoredRow]:
        """Run a statement and return all of its rows."""

    async def fetch_finished(self, sql: str, values: Sequence[object], most: int) -> Any:
        """Run the finished statement of a read and return its row as the driver has it.

        Raises ``AnswerTooLarge``, with ``most``, where the database cannot make it.
        """

    async def execute(self, *steps: Step) -> None:
        """Run statements one after the other; on SQLite they take one hop to its thread.

        Neighbours with the same statement go to the driver as one, with all of their values.
        """


Write = AbstractAsyncContextManager[Transaction]


def always(statement: Built) -> Statement:
    """Return a statement that is the same for every kind of database."""
    return Statement(lambda _dialect: statement)


def stored_names(table: Table) -> list[str]:
    """Return the columns of a table that a new row has values for: the others are computed."""
    return [
        column.name
        for column in table.columns
        if column.computed is None and column is not table.autoincrement_column
    ]


def binds_of(table: Table, names: Iterable[str]) -> dict[str, BindParameter[object]]:
    """Return bind parameters named as the columns whose values they are."""
    return {name: bindparam(name, type_=table.c[name].type) for name in names}


def with_key(table: Table) -> ColumnElement[bool]:
    """Return the condition for the row with the id ``KEY``."""
    return table.c.id == bindparam(KEY, type_=table.c.id.type)


def with_keys(table: Table) -> ColumnElement[bool]:
    """Return the condition for the rows with the ids of ``key_list``."""
    return InIds(table.c.id, bindparam(KEYS, type_=String))


def key_list(keys: Iterable[UUID]) -> dict[str, object]:
    """Return the values of a statement about several rows, none for no rows."""
    listed = [str(key) for key in keys]
    return {KEYS: orjson.dumps(listed).decode()} if listed else {}


def runs(steps: Iterable[Step]) -> Iterable[tuple[Statement, list[Values]]]:
    """Yield each statement with the values of all neighbours that run it, too."""
    for statement, same in groupby(steps, key=lambda step: step[0]):
        yield statement, [values for _, values in same]


def insert_into(table: Table) -> Statement:
    """Return the insert of a row, with a value for each of ``stored_names``.

    Many are inserted in their order, by which numbers are drawn for them.
    """
    names = stored_names(table)
    one = insert(table).values(binds_of(table, names)).inline()
    rows = _given_rows({PLACE: Integer(), **{name: table.c[name].type for name in names}})
    found = select(*(rows.c[name] for name in names)).order_by(rows.c[PLACE])
    many = insert(table).from_select(names, found, include_defaults=False).inline()
    return Statement(lambda _dialect: one, Many(names, always(many)))


def change_in(table: Table, names: Iterable[str]) -> Statement:
    """Return the update of some columns of the row with the id ``KEY``."""
    changed = list(names)
    one = update(table).where(with_key(table)).values(binds_of(table, changed))
    rows = _given_rows({KEY: table.c.id.type, **{name: table.c[name].type for name in changed}})
    many = update(table).where(table.c.id == rows.c[KEY])
    many = many.values({name: rows.c[name] for name in changed})
    return Statement(lambda _dialect: one, Many([KEY, *changed], always(many)))


def _given_rows(types: Mapping[str, TypeEngine[Any]]) -> TableValuedAlias:
    """Return the rows of a JSON array as a table of PostgreSQL."""
    columns = [column(name, type_) for name, type_ in types.items()]
    read = func.json_to_recordset(cast(bindparam(ROWS, type_=String), JSON))
    return read.table_valued(*columns).render_derived(name="given", with_types=True)


def _packed(value: object) -> str:
    """Return what JSON has no form for, as ``models.types`` would store it."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.isoformat()
    if isinstance(value, UUID):
        # A driver has a class of its own for them.
        return str(value)
    raise TypeError


def delete_from(table: Table) -> Statement:
    """Return the delete of the row with the id ``KEY``."""
    return always(delete(table).where(with_key(table)))
