"""What is imported: the old tables, and how their rows become ours."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from hashlib import blake2b
from itertools import repeat
from operator import itemgetter
from uuid import UUID

from sqlalchemy import Dialect, Table
from sqlmodel import SQLModel

from deskgraph.importer.inserts import Row, Values, texts_of
from deskgraph.importer.source import Record
from deskgraph.importer.values import Convert, ConvertAll, Rejected, column_converter, converter
from models import Attachment, Comment, Company, Contact, Role, Ticket, User, table_of
from models.search import search_texts
from models.types import time_text

# A path that is the same in a URL, on a disk and in a bucket.
_PLAIN_KEY = re.compile(r"(?:(?!\.{1,2}/)[A-Za-z0-9._~-]+/)*(?!\.{1,2}$)[A-Za-z0-9._~-]+")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
DIGEST_BYTES = 16
# The old system had no customers among its users.
_WITHOUT = frozenset({Role.CUSTOMER})
UNKNOWN_CONTENT = "application/octet-stream"


@dataclass(frozen=True, eq=False)
class ImportedTable:
    """One of the old tables; ``columns`` are ours that it fills.

    ``renamed`` gives the old names of columns whose name differs. ``added`` are columns that the
    old table does not have, with their values. ``unseen`` are written with a new row only: a
    difference in them is no change. ``restless`` change here by themselves: a difference in them
    is a change over there, and none that somebody made here. ``unique`` is a column of which no
    two rows may be alike.
    """

    name: str
    old_table: str
    model: type[SQLModel]
    columns: tuple[str, ...]
    order: tuple[str, ...] = ("created_at", "id")
    renamed: Mapping[str, str] = field(default_factory=dict)
    added: Mapping[str, object] = field(default_factory=dict)
    unseen: frozenset[str] = frozenset()
    restless: frozenset[str] = frozenset()
    unique: str | None = None

    @cached_property
    def table(self) -> Table:
        """Our table."""
        return table_of(self.model)

    @cached_property
    def old_columns(self) -> tuple[str, ...]:
        """The columns that are read."""
        return tuple(self.renamed.get(name, name) for name in self.columns)

    @cached_property
    def references(self) -> Mapping[str, Table]:
        """The columns that refer to other rows, with their tables."""
        keys = {name: self.table.c[name].foreign_keys for name in self.columns}
        return {name: key.column.table for name, some in keys.items() for key in some}

    @cached_property
    def seen(self) -> tuple[str, ...]:
        """The columns whose difference is a change."""
        return tuple(name for name in self.columns if name not in self.unseen)

    @cached_property
    def _converters(self) -> tuple[tuple[str, str, Convert], ...]:
        return tuple(
            (name, old, converter(self.table.c[name], without=_WITHOUT))
            for name, old in zip(self.columns, self.old_columns, strict=True)
        )

    @cached_property
    def _column_converters(self) -> tuple[ConvertAll, ...]:
        return tuple(
            column_converter(self.table.c[name], without=_WITHOUT) for name in self.columns
        )

    @cached_property
    def written(self) -> tuple[str, ...]:
        """The columns of a new row, in the order of ``NewRow.stored``."""
        return (*self.columns, *self.added, *search_texts(self.table, {}))

    def convert(self, record: Record) -> Row:
        """Return our row of an old one; raises ``Rejected`` with all that is wrong."""
        row: Row = {}
        problems = []
        for name, old, convert in self._converters:
            try:
                row[name] = convert(record[old])
            except Rejected as problem:
                problems.append(f"{old} {problem}")
        if problems:
            raise Rejected("; ".join(problems))
        if "key" in row:
            row["key"] = _key(row["key"], row["id"])
        return row

    def convert_all(self, records: Sequence[Record], dialect: Dialect) -> list["NewRow"]:
        """Return our rows of old ones, in their order; raises ``Rejected`` if one cannot be taken.

        Much faster than one row after the other.
        """
        if not records:
            return []
        there = zip(*map(itemgetter(*self.old_columns), records), strict=True)
        together = zip(self.columns, self._column_converters, there, strict=True)
        values: dict[str, Values] = {name: convert(found) for name, convert, found in together}
        if "key" in values:
            values["key"] = list(map(_key, values["key"], values["id"]))
        all_values = zip(*values.values(), strict=True)
        rows = [dict(zip(values, row, strict=True)) for row in all_values]
        texts = {name: texts_of(self.table.c[name], found) for name, found in values.items()}
        digests = self._digests(texts)
        # What SQLite stores are the texts that were made for the digests.
        stored = texts if dialect.name == "sqlite" else values
        more = [repeat(value) for value in self.added.values()]
        searched = zip(*(search_texts(self.table, row).values() for row in rows), strict=True)
        driver_rows = zip(*stored.values(), *more, *searched, strict=False)
        return list(map(NewRow, rows, digests, driver_rows))

    def _digests(self, texts: Mapping[str, Values]) -> Sequence[bytes]:
        first = [texts[name] for name in self.seen if name not in self.restless]
        found = list(map(_digest_of, zip(*first, strict=True)))
        if not self.restless:
            return found
        rest = map(_digest_of, zip(*(texts[name] for name in self.restless), strict=True))
        return [one + other for one, other in zip(found, rest, strict=True)]

    def digest(self, row: Row) -> bytes:
        """Return a digest of what was imported of a row, the same for equal rows only.

        The restless columns have their digest behind that of the others (``same_here``).
        """
        found = _digest(row, (name for name in self.seen if name not in self.restless))
        return found + _digest(row, self.restless) if self.restless else found

    @staticmethod
    def same_here(one: bytes, other: bytes) -> bool:
        """Return whether the rows of two digests are the same but for their restless columns."""
        return one[:DIGEST_BYTES] == other[:DIGEST_BYTES]


@dataclass(frozen=True, slots=True)
class NewRow:
    """An old row, as it is here: its values, their digest, and what a driver stores of them."""

    row: Row
    digest: bytes
    stored: Values


def _digest(row: Row, names: Iterable[str]) -> bytes:
    return _digest_of([_plain(row[name]) for name in names])


def _digest_of(values: Values) -> bytes:
    return blake2b(repr([*values]).encode(), digest_size=DIGEST_BYTES).digest()


def _plain(value: object) -> object:
    """Return a value in one form, whichever database it was read from."""
    if isinstance(value, datetime):
        return time_text(value)
    return value if value is None or isinstance(value, bool | int) else str(value)


def _key(file: str, attachment_id: UUID) -> str:
    """Return where a file is kept: its old place, or one of its own if that is no plain path."""
    if _PLAIN_KEY.fullmatch(file):
        return file
    if not file:
        raise Rejected("file is missing")
    return f"tickets/attachments/imported/{attachment_id}/{_ascii_name(file)}"


def _ascii_name(file: str) -> str:
    """Return a name for the end of a key.

    It is no longer that of uploads, and has to stay: an import that is run again compares keys, and
    the file is where the first one put it.
    """
    plain = unicodedata.normalize("NFKD", file.replace("\\", "/").rsplit("/", 1)[-1])
    safe = _UNSAFE.sub("_", plain.encode("ascii", "ignore").decode()).strip("._")
    stem, dot, extension = safe.rpartition(".")
    return f"{stem[:100] or 'file'}.{extension[:20]}" if dot else safe[:100] or "file"


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


USERS = ImportedTable(
    "users",
    "auth_user",
    User,
    _names(
        "id username password first_name last_name email role phone department is_active "
        "date_joined last_login"
    ),
    order=("date_joined", "id"),
    # Users log in to the old system until it is replaced.
    unseen=frozenset({"last_login"}),
    # An old hash is replaced at the first login here.
    restless=frozenset({"password"}),
    unique="username",
)
COMPANIES = ImportedTable(
    "companies",
    "crm_app_company",
    Company,
    _names(
        "id name legal_entity_name country city website industry billing_entity is_active "
        "notes created_at updated_at"
    ),
)
CONTACTS = ImportedTable(
    "contacts",
    "crm_app_contact",
    Contact,
    _names(
        "id company_id name email phone title department contact_type is_primary "
        "is_active linkedin_url notes last_contacted created_at updated_at"
    ),
)
TICKETS = ImportedTable(
    "tickets",
    "crm_app_ticket",
    Ticket,
    _names(
        "id ticket_number subject description status priority category company_id "
        "contact_id assigned_to_id assigned_team created_by_id first_response_at "
        "resolved_at closed_at due_date tags created_at updated_at"
    ),
    added={"version": 1},
    unique="ticket_number",
)
COMMENTS = ImportedTable(
    "comments",
    "crm_app_ticketcomment",
    Comment,
    _names("id ticket_id author_id text is_internal created_at updated_at"),
    added={"version": 1},
)
ATTACHMENTS = ImportedTable(
    "attachments",
    "crm_app_ticketattachment",
    Attachment,
    _names("id ticket_id key name size uploaded_by_id created_at updated_at"),
    renamed={"key": "file"},
    # No digest: the file is not here yet.
    added={"content_type": UNKNOWN_CONTENT, "sha256": ""},
    # The real size is known once the file is here.
    unseen=frozenset({"size"}),
    unique="key",
)
# What is referred to comes before what refers to it.
KINDS = (USERS, COMPANIES, CONTACTS, TICKETS, COMMENTS, ATTACHMENTS)
