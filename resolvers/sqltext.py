"""SQL that writes JSON text, spelled once for each database.

Objects are concatenated rather than built by ``json_build_object``/``json_object``: it is faster
on both databases, has no limit of 100 arguments, and allows a key to be left out.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, String
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import ClauseElement
from sqlalchemy.types import Boolean, Float

# PostgreSQL takes at most 100 arguments for a function.
MOST_ARGUMENTS = 90
SQL = ColumnElement[Any]


class _Text(ColumnElement[str]):
    """A text expression made of other expressions, with one spelling for each database."""

    inherit_cache = False
    type = String()

    def __init__(self, *parts: SQL) -> None:
        self.parts = parts

    def get_children(self, **_: Any) -> Sequence[ClauseElement]:
        """Let SQLAlchemy find the subqueries inside."""
        return self.parts


class Constant(ColumnElement[str]):
    """A text that stands in the SQL itself; never a value from outside."""

    inherit_cache = False
    type = String()

    def __init__(self, text: str) -> None:
        self.text = text


class Concat(_Text):
    """The parts one after the other; none of them may be NULL."""


class Joined(_Text):
    """An aggregate: the texts of all rows with commas between, or nothing for no rows."""


class First(_Text):
    """An aggregate: the text of the first row, NULL for no rows."""


class Last(_Text):
    """An aggregate: the text of the last row, NULL for no rows."""


class Quoted(_Text):
    """A text as a JSON string, NULL as ``null``."""


class TimeText(_Text):
    """A time as RFC 3339 in UTC, without decimals where they are all zero; NULL stays NULL."""


class ExactTime(_Text):
    """A time as text with all six decimals, for cursors."""


class BoolText(_Text):
    """``true`` or ``false``."""


class Plain(_Text):
    """A value as its own text: numbers, and UUIDs and choices inside quotes."""


class TagList(_Text):
    """A comma-separated text as a JSON list of its trimmed items, blank ones left out."""


class Seal(_Text):
    """A payload as a sealed cursor (``Signer.seal``); on PostgreSQL with the two pads."""


class MediaMac(_Text):
    """The signature of a text in hex (``Signer.mac``); on PostgreSQL with the two pads."""


class Hours(ColumnElement[float]):
    """The hours from one time to another, rounded to two decimals; NULL if either is NULL."""

    inherit_cache = False
    type = Float()

    def __init__(self, start: SQL, end: SQL) -> None:
        self.start, self.end = start, end

    def get_children(self, **_: Any) -> Sequence[ClauseElement]:
        """Let SQLAlchemy find what is inside."""
        return (self.start, self.end)


class _Condition(ColumnElement[bool]):
    inherit_cache = False
    type = Boolean()

    def __init__(self, left: SQL, right: SQL) -> None:
        self.left, self.right = left, right

    def get_children(self, **_: Any) -> Sequence[ClauseElement]:
        """Let SQLAlchemy find what is inside."""
        return (self.left, self.right)


class InList(_Condition):
    """Whether a text or UUID is in a list that is one bind value: a JSON array of texts."""


class InIds(InList):
    """The same for UUIDs."""


class HasTag(_Condition):
    """Whether a comma-separated text has an item."""


class Contains(_Condition):
    """Whether a text contains a lower-case term, whatever the case; every character is plain."""


class ContainsUnicode(Contains):
    """The same for a term beyond ASCII, which SQLite's own ``lower`` does not know."""


@compiles(Constant)
def _constant(element: Constant, _compiler: Any, **_: Any) -> str:
    return "'" + element.text.replace("'", "''") + "'"


@compiles(Concat, "postgresql")
def _concat_pg(element: Concat, compiler: Any, **kw: Any) -> str:
    texts = [compiler.process(part, **kw) for part in element.parts]
    while len(texts) > MOST_ARGUMENTS:
        chunks = [texts[i : i + MOST_ARGUMENTS] for i in range(0, len(texts), MOST_ARGUMENTS)]
        texts = [f"concat({', '.join(chunk)})" for chunk in chunks]
    return f"concat({', '.join(texts)})"


@compiles(Concat, "sqlite")
def _concat_sqlite(element: Concat, compiler: Any, **kw: Any) -> str:
    texts = [compiler.process(part, **kw) for part in element.parts]
    # A balanced tree: SQLite bounds the depth of an expression, not its width.
    while len(texts) > 1:
        pairs = [texts[i : i + 2] for i in range(0, len(texts), 2)]
        texts = [f"({' || '.join(pair)})" if len(pair) > 1 else pair[0] for pair in pairs]
    return str(texts[0])


def _spelling(dialect: str, **templates: str) -> None:
    """Define classes by a template with a place for each of their parts."""
    for name, template in templates.items():
        kind: type[ClauseElement] = globals()[name]

        def compile_it(element: Any, compiler: Any, _template: str = template, **kw: Any) -> str:
            return _template.format(
                *(compiler.process(part, **kw) for part in element.get_children())
            )

        compiles(kind, dialect)(compile_it)


_MAC = "sha256({2} || sha256({1} || convert_to({0}, 'UTF8')))"
_NUMBER = "(CAST(strftime('%s', {0}) AS INTEGER) + substr({0}, 21, 6) / 1000000.0)"

_spelling(
    "postgresql",
    Joined="coalesce(string_agg({0}, ','), '')",
    First="(array_agg({0}))[1]",
    Last="(array_agg({0}))[count(*)]",
    Quoted="coalesce(to_json(({0})::text)::text, 'null')",
    TimeText="replace(to_char({0}, 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), '.000000', '')",
    ExactTime='to_char({0}, \'YYYY-MM-DD"T"HH24:MI:SS.US"Z"\')',
    BoolText="({0})::text",
    Plain="({0})::text",
    TagList=(
        "coalesce((SELECT '[' || string_agg(to_json(trim(tag))::text, ',') || ']'"
        " FROM unnest(string_to_array({0}, ',')) AS tag WHERE trim(tag) <> ''), '[]')"
    ),
    Seal=(
        "translate(encode(convert_to({0}, 'UTF8') || substring("
        + _MAC.replace("{0}", "'cursor:' || {0}")
        + " FROM 1 FOR 16), 'base64'), E'+/=\\n', '-_')"
    ),
    MediaMac="encode(substring(" + _MAC + " FROM 1 FOR 16), 'hex')",
    Hours="round((extract(epoch FROM {1} - {0}) / 3600)::numeric, 2)::float8",
    InList="{0} = ANY(ARRAY(SELECT json_array_elements_text(({1})::json)))",
    InIds="{0} = ANY(ARRAY(SELECT json_array_elements_text(({1})::json))::uuid[])",
    HasTag=(
        "EXISTS (SELECT FROM unnest(string_to_array({0}, ',')) AS tag"
        " WHERE trim(tag) = {1} AND {1} <> '')"
    ),
    Contains="strpos(lower({0}), {1}) > 0",
)
_spelling(
    "sqlite",
    Joined="coalesce(group_concat({0}, ','), '')",
    First="json_extract(json_group_array({0}), '$[0]')",
    Last="json_extract(json_group_array({0}), '$[#-1]')",
    Quoted="json_quote({0})",
    TimeText="replace({0}, '.000000', '')",
    ExactTime="{0}",
    BoolText="iif({0}, 'true', 'false')",
    Plain="CAST({0} AS TEXT)",
    TagList=(
        "coalesce((SELECT '[' || group_concat(json_quote(trim(value)), ',') || ']'"
        " FROM json_each('[' || replace(json_quote({0}), ',', '\",\"') || ']')"
        " WHERE trim(value) <> ''), '[]')"
    ),
    Seal="seal_cursor({0})",
    MediaMac="media_mac({0})",
    Hours=("round((" + _NUMBER.format("{1}") + " - " + _NUMBER.format("{0}") + ") / 3600.0, 2)"),
    InList="{0} IN (SELECT value FROM json_each({1}))",
    InIds="{0} IN (SELECT value FROM json_each({1}))",
    HasTag=(
        "EXISTS (SELECT 1 FROM json_each('[' || replace(json_quote({0}), ',', '\",\"') || ']')"
        " WHERE trim(value) = {1} AND {1} <> '')"
    ),
    Contains="instr(lower({0}), {1}) > 0",
    ContainsUnicode="instr(unicode_lower({0}), {1}) > 0",
)
