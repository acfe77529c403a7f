"""Which tables an export has, and how their rows become lines of JSON and rows again.

A line is the same whichever database the row is read from: times and ids are written as SQLite
stores them. Columns that follow from others are left out: the import computes them again.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import orjson
from sqlalchemy import JSON, BigInteger, Boolean, Integer, LargeBinary, Table
from sqlmodel import SQLModel

from deskgraph.importer.inserts import Row
from deskgraph.importer.values import Convert, Rejected, converter
from models import (
    DataRevision,
    ImportedRow,
    RateBucket,
    TicketCount,
    TicketCountChange,
    TicketDueCount,
    table_of,
)
from models.search import is_search_column
from models.types import SqlColumn, UtcDateTime, Uuid36, time_text

# Each with the reason, which docs/deployment.md tells in its words.
NOT_MOVED = {
    table_of(model).name: reason
    for model, reason in (
        (TicketCount, "triggers count the imported tickets"),
        (TicketDueCount, "so they do here"),
        (TicketCountChange, "they are added up to counts"),
        (RateBucket, "points per minute are out of date by then"),
        (DataRevision, "triggers renew the mark of the data"),
    )
}
# The kind of the row of ``imported_rows`` that says how far the import of an export is.
STATE_KIND = "export"
# Columns whose values are in no message.
SECRET = frozenset({"password", "salt", "old_salts", "url", "body", "answer", "response"})
_imported = table_of(ImportedRow)


class BadRow(Exception):
    """A row that cannot be written as a line, or a line that is no row; the text says why."""


@dataclass(frozen=True, eq=False)
class MovedTable:
    """A table of the database, and the columns of it that are in an export."""

    table: Table

    @property
    def name(self) -> str:
        """The name of the table."""
        # SQLAlchemy's own class of names is none that orjson knows.
        return str(self.table.name)

    @property
    def where(self) -> str:
        """Which rows are moved: not the one that only says how far an import is."""
        return f"kind <> '{STATE_KIND}'" if self.table is _imported else "true"

    @property
    def source(self) -> str:
        """The rows that are moved, as SQL reads from them."""
        wanted = f"SELECT * FROM {self.name} WHERE {self.where}"  # noqa: S608 - of names
        return f"({wanted}) AS {self.name}"

    @cached_property
    def columns(self) -> tuple[SqlColumn, ...]:
        """The columns that are moved."""
        return tuple(
            column
            for column in self.table.columns
            if column.computed is None and not is_search_column(column)
        )

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(str(column.name) for column in self.columns)

    @cached_property
    def quoted(self) -> tuple[str, ...]:
        """The names of the columns as SQL has them: some are words of SQL."""
        return tuple(f'"{name}"' for name in self.names)

    @cached_property
    def order(self) -> tuple[str, ...]:
        """The columns of the primary key, as SQL has them."""
        return tuple(f'"{column.name}"' for column in self.table.primary_key)

    @cached_property
    def _writers(self) -> tuple[tuple[str, Convert], ...]:
        return tuple(zip(self.names, map(_writer, self.columns), strict=True))

    @cached_property
    def _readers(self) -> tuple[tuple[str, Convert], ...]:
        return tuple(zip(self.names, map(_reader, self.columns), strict=True))

    def encode(self, values: Sequence[object]) -> bytes:
        """Return the line of a row, from what a driver returns; raises ``BadRow``."""
        try:
            pairs = zip(self._writers, values, strict=True)
            written = {
                name: None if value is None else write(value) for (name, write), value in pairs
            }
            return orjson.dumps(written, option=orjson.OPT_APPEND_NEWLINE)
        except (TypeError, ValueError):
            raise BadRow("has a value that its column cannot have") from None

    def decode(self, line: bytes) -> Row:
        """Return the row of a line, with values as its columns have them; raises ``BadRow``."""
        try:
            found = orjson.loads(line)
        except ValueError:
            raise BadRow("is not JSON") from None
        if not isinstance(found, dict):
            raise BadRow("is not a JSON object")
        if len(found) != len(self.names) or not all(name in found for name in self.names):
            raise BadRow(_wrong_names(self.names, found))
        row: Row = {}
        for name, read in self._readers:
            try:
                row[name] = read(found[name])
            except Rejected as problem:
                why = "does not fit" if name in SECRET else str(problem)
                raise BadRow(f"{name} {why}") from None
        return row


def _wrong_names(names: Sequence[str], found: dict[str, Any]) -> str:
    missing = [name for name in names if name not in found]
    if missing:
        return f"has no {missing[0]}"
    unknown = next(name for name in found if name not in names)
    return f"has {unknown[:60]!r}, which is no column"


def _writer(column: SqlColumn) -> Convert:
    """Return what makes a value that is not null JSON, from what either driver returns."""
    kind = column.type
    if isinstance(kind, UtcDateTime):
        return lambda value: time_text(value) if isinstance(value, datetime) else value
    if isinstance(kind, Uuid36):
        # The driver's own class of ids is none that orjson knows.
        return str
    if isinstance(kind, Boolean):
        return bool
    if isinstance(kind, JSON):
        # Both drivers return its text.
        return lambda value: json.loads(_text(value))
    if isinstance(kind, LargeBinary):
        return _hexadecimal
    return _plain


def _plain(value: object) -> object:
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _hexadecimal(value: object) -> str:
    if not isinstance(value, bytes):
        raise TypeError
    return value.hex()


def _reader(column: SqlColumn) -> Convert:
    """Return what makes a value of JSON one of the column; it raises ``Rejected``."""
    if isinstance(column.type, JSON):
        return _required if not column.nullable else _plain
    if isinstance(column.type, LargeBinary):
        return _bytes
    return _strict(column, converter(column))


def _strict(column: SqlColumn, convert: Callable[[object], object]) -> Convert:
    """Leave out what only an old system has: times without a zone, numbers for booleans."""
    if isinstance(column.type, UtcDateTime):
        return lambda value: convert(_with_zone(value))
    if isinstance(column.type, Boolean):
        return lambda value: convert(value if isinstance(value, bool | None) else "")
    if isinstance(column.type, Integer) and not isinstance(column.type, BigInteger):
        return lambda value: convert(_small(value))
    return convert


def _with_zone(value: object) -> object:
    if isinstance(value, str) and not value.endswith("Z"):
        raise Rejected("is no time in UTC")
    return value


def _small(value: object) -> object:
    if isinstance(value, bool) or (isinstance(value, int) and value >= 2**31):
        raise Rejected("is no number of 32 bits")
    return value


def _required(value: object) -> object:
    if value is None:
        raise Rejected("is missing")
    return value


def _bytes(value: object) -> bytes:
    try:
        return bytes.fromhex(_text(value))
    except (TypeError, ValueError):
        raise Rejected("is not in hexadecimal digits") from None


# What is referred to comes before what refers to it.
TABLES = tuple(
    MovedTable(table) for table in SQLModel.metadata.sorted_tables if table.name not in NOT_MOVED
)
