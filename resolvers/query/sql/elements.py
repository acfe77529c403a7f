"""The elements of SQL that write JSON; ``dialect`` has their text for each database."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Join, Select, String
from sqlalchemy.sql.expression import ClauseElement
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.types import BigInteger, Boolean, Float, Integer

# Of any type: what columns have is known when they run.
SQL = ColumnElement[Any]
AnySelect = Select[Any]


class _Text(ColumnElement[str]):
    """A text expression made of other expressions, with one spelling for each database."""

    inherit_cache = False
    type = String()

    def __init__(self, *parts: SQL) -> None:
        self.parts = parts

    def get_children(self, **_: object) -> Sequence[ClauseElement]:
        """Let SQLAlchemy find the subqueries inside."""
        return self.parts


class Constant(ColumnElement[str]):
    """A text that stands in the SQL itself; never a value from outside."""

    inherit_cache = False
    type = String()

    def __init__(self, text: str) -> None:
        self.text = text


class Word(Constant):
    """A text that is the value of a key and needs no escaping."""


class Concat(_Text):
    """The parts one after the other; none of them may be NULL."""


class JsonObject(ColumnElement[str]):
    """An object of keys and values, each value one of the classes below that write JSON.

    Keys in ``omitted`` are left out where their condition holds, which says that their value is
    NULL; they come after another key, and all of them are left out where one is.
    """

    inherit_cache = False
    type = String()

    def __init__(
        self, pairs: Sequence[tuple[str, SQL]], omitted: Mapping[str, SQL] | None = None
    ) -> None:
        self.pairs = pairs
        self.omitted = omitted or {}

    def get_children(self, **_: object) -> Sequence[ClauseElement]:
        """Let SQLAlchemy find the subqueries inside."""
        return [*(value for _, value in self.pairs), *self.omitted.values()]


class JsonArrayAgg(_Text):
    """An aggregate: the list of all rows' values, empty for no rows."""


class JsonArray(_Text):
    """The list of some values."""


class JsonText(_Text):
    """A text; never NULL."""


class JsonTextOrNull(_Text):
    """A text, or null."""


class JsonString(_Text):
    """A text, NULL where it is NULL: the value of a key that is left out then."""


class JsonWord(_Text):
    """A value whose text needs no escaping; never NULL."""


class JsonWordOrNull(_Text):
    """The same, or null."""


class JsonWordOrEmpty(_Text):
    """The same, or an empty text."""


class JsonNumber(_Text):
    """A number; never NULL."""


class JsonNumberOrNull(_Text):
    """A number, or null."""


class JsonBool(_Text):
    """A boolean; never NULL."""


class JsonFalse(_Text):
    """The boolean false."""


class JsonEmptyArray(_Text):
    """A list without items."""


class JsonOrNull(_Text):
    """A JSON value of a subquery, or null."""


class JsonAgain(_Text):
    """JSON that came through a view, where SQLite may forget that it is JSON."""


class JsonTags(_Text):
    """A comma-separated text as a list of its trimmed items, blank ones left out."""


class First(_Text):
    """An aggregate: the text of the first row, NULL for no rows."""


class Last(_Text):
    """An aggregate: the text of the last row, NULL for no rows."""


class Quoted(_Text):
    """A text as a JSON string inside a text, NULL as ``null``."""


class TimeText(_Text):
    """A time as RFC 3339 in UTC, without decimals where they are all zero; NULL stays NULL."""


class ExactTime(_Text):
    """A time as text with all six decimals, for cursors."""


class Plain(_Text):
    """A value as its own text: numbers, and UUIDs and choices inside quotes."""


class SignedCursor(_Text):
    """A payload as a sealed cursor (``Signer.seal``), of a day; on PostgreSQL with the two pads."""


class MediaMac(_Text):
    """The signature of a link, of a day; on PostgreSQL with the two pads."""


class Pbkdf2Iterations(_Text):
    """An aggregate: the most iterations of any PBKDF2 hash of Django's, NULL for none."""

    type = BigInteger()  # type: ignore[assignment]


class LastOfThree(_Text):
    """The last of three texts that are one text with separators between (``models.search``)."""


class ByteLength(ColumnElement[int]):
    """How many bytes a text or a JSON column has; NULL stays NULL."""

    inherit_cache = False
    type = Integer()

    def __init__(self, text: SQL) -> None:
        self.text = text

    def get_children(self, **_: object) -> Sequence[ClauseElement]:
        """Let SQLAlchemy find what is inside."""
        return (self.text,)


class Hours(ColumnElement[float]):
    """The hours from one time to another, rounded to two decimals; NULL if either is NULL."""

    inherit_cache = False
    type = Float()

    def __init__(self, start: SQL, end: SQL) -> None:
        self.start, self.end = start, end

    def get_children(self, **_: object) -> Sequence[ClauseElement]:
        """Let SQLAlchemy find what is inside."""
        return (self.start, self.end)


class _Condition(ColumnElement[bool]):
    inherit_cache = False
    type = Boolean()

    def __init__(self, left: SQL, right: SQL) -> None:
        self.left, self.right = left, right

    def get_children(self, **_: object) -> Sequence[ClauseElement]:
        """Let SQLAlchemy find what is inside."""
        return (self.left, self.right)

    def self_group(self, against: OperatorType | None = None) -> ColumnElement[Any]:
        """Stand as it is between AND and OR.

        SQLAlchemy would write ``= 1`` behind it on SQLite, which then uses no index for it.
        """
        return self


class InList(_Condition):
    """Whether a text or UUID is in a list that is one bind value: a JSON array of texts."""


class InIds(InList):
    """The same for UUIDs."""


class InRows(_Condition):
    """Whether a value is in the rows of a subquery, which is run once; an index may find these."""


class JsonMember(_Text):
    """A member of a JSON object as text, booleans as ``true`` and ``false``; null is NULL."""


class HasTag(_Condition):
    """Whether a comma-separated text has an item."""


class CrossJoin(Join):
    """A join that SQLite makes in the order in which it is written."""

    inherit_cache = False
