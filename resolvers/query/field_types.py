"""What a field of the catalog can be, and what an entity is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from models.types import SqlType
from resolvers.query.compile_context import CompileContext, Row
from resolvers.query.sql.elements import SQL

# How much long text a page of events or of deliveries has, beyond its first row.
MAX_PAGE_BYTES = 2 * 1024 * 1024


class FieldKind(Enum):
    """How a value is written as JSON."""

    TEXT = auto()
    UUID = auto()
    TIME = auto()
    CHOICE = auto()
    BOOL = auto()
    NUMBER = auto()
    HOURS = auto()
    TAGS = auto()
    JSON = auto()
    # A text that needs no escaping.
    WORD = auto()


@dataclass(frozen=True)
class Scalar:
    """A value of the row itself; its SQL may depend on the viewer and on arguments.

    ``absent`` is a cheaper way to ask whether it is NULL. ``long``: a text without a limit of its
    own, whose size counts where pages are bounded by bytes.
    """

    kind: FieldKind
    sql: Callable[[CompileContext, Row, int | None], SQL]
    nullable: bool = False
    absent: Callable[[CompileContext, Row], SQL] | None = None
    long: bool = False


@dataclass(frozen=True)
class Embedded:
    """An object that is computed from the same row."""

    entity: str


@dataclass(frozen=True)
class ToOne:
    """A related row, or null. ``anyone``: a user whom ``access.shows_person`` shows."""

    entity: str
    column: str
    anyone: bool = False


@dataclass(frozen=True)
class ToMany:
    """Related rows whose ``column`` names this row: a connection, or all of them as a list."""

    entity: str
    column: str
    order: tuple[tuple[str, bool], ...]
    connection: bool = True


@dataclass(frozen=True)
class JsonItems:
    """The objects of a list that is a JSON column of the row itself."""

    entity: str
    column: str


@dataclass(frozen=True)
class JsonPart:
    """An object inside of an object of ``JsonItems``, or null."""

    entity: str
    name: str


@dataclass(frozen=True)
class Refusals:
    """A list of what the viewer may not do with the row, and why: see ``access.refusals``."""

    entity: str


@dataclass(frozen=True)
class UndoRefusal:
    """Why an event cannot be undone, or null: see ``undo.refusals``."""

    entity: str = "UndoRefusal"


Definition = Scalar | Embedded | ToOne | ToMany | JsonItems | JsonPart | Refusals | UndoRefusal


@dataclass(frozen=True)
class Order:
    """A column to sort by, never null, and its type in cursors."""

    column: str
    type: SqlType


@dataclass(frozen=True)
class Entity:
    """A kind of object: its GraphQL name, its table, what can be asked of it and sorted by.

    ``max_page_bytes``: how much long text a page of it has at most, beyond its first row.
    """

    name: str
    table: Any
    fields: Mapping[str, Definition]
    orders: Mapping[str, Order]
    order: tuple[tuple[str, bool], ...]
    max_page_bytes: int | None = None
