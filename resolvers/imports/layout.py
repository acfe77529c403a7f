"""What the columns of a file are: by their names, and by a mapping for those with other names."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from resolvers.errors import Invalid, Problem
from resolvers.exports.fields import ExportField
from resolvers.imports.formats import BadFile
from resolvers.naming import snake


class ImportField(StrEnum):
    """A field of a new ticket; its value is the name of the column that exports have for it."""

    SUBJECT = "subject"
    DESCRIPTION = "description"
    STATUS = "status"
    PRIORITY = "priority"
    CATEGORY = "category"
    COMPANY_ID = "company_id"
    COMPANY_NAME = "company_name"
    CONTACT_ID = "contact_id"
    CONTACT_NAME = "contact_name"
    CONTACT_EMAIL = "contact_email"
    ASSIGNED_TO_ID = "assigned_to_id"
    ASSIGNED_TO_USERNAME = "assigned_to_username"
    ASSIGNED_TEAM = "assigned_team"
    TAGS = "tags"
    DUE_DATE = "due_date"


# The column of a file of rejects that says what was wrong.
ERROR_COLUMN = "error"
# Columns of exports that no new ticket takes.
_LEFT_OUT = frozenset({ERROR_COLUMN, *ExportField}) - frozenset(ImportField)
MAX_COLUMNS = 200
# How much of a name is shown in a message.
_SHOWN = 50
# What a ticket needs, and the columns that give it.
_NEEDED = (
    (ImportField.SUBJECT,),
    (ImportField.DESCRIPTION,),
    (ImportField.COMPANY_NAME, ImportField.COMPANY_ID),
)


@dataclass(frozen=True)
class Layout:
    """What is taken from where: columns that have a field, or None where they are left out.

    ``columns`` are those that a mapping names, ``defaults`` the values of fields for rows that have
    none. ``header`` and ``delimiter`` are those of CSV.
    """

    columns: Mapping[str, ImportField | None] = field(default_factory=dict)
    defaults: Mapping[ImportField, str] = field(default_factory=dict)
    header: Sequence[str] = ()
    delimiter: str = ","

    def field_of(self, column: str) -> ImportField | None:
        """Return the field of a column, None for one that is left out.

        Raises ``KeyError`` where neither the mapping nor its name says what it is.
        """
        if column in self.columns:
            return self.columns[column]
        name = _plain(column)
        if not name or name in _LEFT_OUT:
            return None
        try:
            return ImportField(name)
        except ValueError:
            raise KeyError(column) from None

    def as_json(self) -> dict[str, object]:
        """Return it as JSON."""
        names = ("columns", "defaults", "header", "delimiter")
        return {name: getattr(self, name) for name in names}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Layout":
        """Return what ``as_json`` has made JSON of."""
        columns = {name: one and ImportField(one) for name, one in stored["columns"].items()}
        defaults = {ImportField(one): text for one, text in stored["defaults"].items()}
        return cls(columns, defaults, stored["header"], stored["delimiter"])


def _plain(column: str) -> str:
    """Return a name as exports have it: for ``companyName`` and ``Company name``, too."""
    words = column.replace("-", " ").split()
    return snake(words[0]) if len(words) == 1 else "_".join(words).lower()


def check_header(layout: Layout, *, needs_company: bool) -> None:
    """Raise ``BadFile`` for a header that does not say what all columns are, each once."""
    header = layout.header
    if len(header) > MAX_COLUMNS:
        raise BadFile("too_many_columns", count=len(header), max=MAX_COLUMNS)
    if twice := _twice([name for name in header if name.strip()]):
        raise BadFile("columns_twice", names=_listed(twice))
    if missing := [name for name in layout.columns if name not in header]:
        raise BadFile("no_such_columns", names=_listed(missing))
    unknown, fields = [], []
    for name in header:
        try:
            fields.append(layout.field_of(name))
        except KeyError:
            unknown.append(name)
    if unknown:
        raise BadFile("unknown_columns", names=_listed(unknown))
    found = [one for one in fields if one is not None]
    if twice := _twice(found):
        raise BadFile("fields_twice", names=_listed(twice))
    given = {*found, *layout.defaults}
    needed = _NEEDED if needs_company else _NEEDED[:2]
    if lacking := [some[0] for some in needed if not given.intersection(some)]:
        raise BadFile("columns_missing", names=_listed(lacking))


def check_mapping(columns: Sequence[str], defaults: Sequence[ImportField]) -> None:
    """Raise ``Invalid`` where something is mapped, or given a default, twice."""
    if len(columns) > MAX_COLUMNS:
        count = {"count": len(columns), "max": MAX_COLUMNS}
        raise Invalid({"mapping": [Problem("too_many_columns", count)]})
    for name, given in (("mapping", _twice(columns)), ("defaults", _twice(defaults))):
        if given:
            raise Invalid({name: [Problem("columns_twice", {"names": _listed(given)})]})


def _twice(names: Sequence[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]


def _listed(names: Iterable[str]) -> str:
    shown = [name if len(name) <= _SHOWN else f"{name[:_SHOWN]}…" for name in names]
    return ", ".join(shown[:10]) + ("…" if len(shown) > 10 else "")
