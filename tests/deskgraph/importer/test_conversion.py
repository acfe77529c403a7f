"""Many old rows at once become what each would become alone."""

import sqlite3
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import Dialect
from sqlalchemy.engine import make_url

from benchmarks import old_desk
from benchmarks.old_desk import Row
from deskgraph.importer.batch import converted
from deskgraph.importer.kinds import ATTACHMENTS, KINDS, TICKETS, USERS, ImportedTable
from models.search import search_texts
from tests.support.clock import NOON
from tests.support.rows import key

SQLITE, POSTGRES = (
    make_url(url).get_dialect()() for url in ("sqlite+aiosqlite://", "postgresql+asyncpg://")
)
OTHER_FORMS = {
    "assigned_team": "",
    "company_id": f"{{{key('c')}}}".upper(),
    "contact_id": key("p").hex,
    "created_at": "2025-11-19 10:30:00.000001",
    "updated_at": (NOON + timedelta(hours=3)).isoformat().replace("+00:00", "+07:00"),
    "due_date": NOON,
    "subject": "Grüße aus 東京",
    "description": "",
}


def of_kind(kind: ImportedTable, *rows: Row) -> list[Row]:
    """Return rows with the columns that are read."""
    return [{name: row[name] for name in kind.old_columns} for row in rows]


def ticket(name: str, **more: object) -> Row:
    return old_desk.ticket(key(name), f"T-20251119-{name}", key("c"), **more)


TICKET_ROWS = [ticket("1"), ticket("2") | OTHER_FORMS, ticket("3", subject="x" * 200)]
OLD_ROWS = {
    TICKETS: TICKET_ROWS,
    USERS: [old_desk.person(key("n"), "nina", "Admin", last_login=NOON)],
    ATTACHMENTS: [old_desk.attachment(key("a"), key("t"), "á b.txt", size=2**40)],
}


@pytest.mark.parametrize("kind", OLD_ROWS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("dialect", [SQLITE, POSTGRES], ids=["sqlite", "postgres"])
def test_many_rows_are_converted_like_each(kind: ImportedTable, dialect: Dialect) -> None:
    records = of_kind(kind, *OLD_ROWS[kind])

    many = kind.convert_all(records, dialect)

    assert [new.row for new in many] == [kind.convert(record) for record in records]
    # A second run compares digests of rows that it has read one by one.
    assert [new.digest for new in many] == [kind.digest(new.row) for new in many]
    assert all(len(new.stored) == len(kind.written) for new in many)


@pytest.mark.parametrize("kind", OLD_ROWS, ids=lambda kind: kind.name)
def test_the_driver_of_sqlite_takes_what_is_stored(kind: ImportedTable) -> None:
    (new, *_) = kind.convert_all(of_kind(kind, *OLD_ROWS[kind]), SQLITE)
    stored = dict(zip(kind.written, new.stored, strict=True))
    assert {name: stored[name] for name in kind.added} == dict(kind.added)
    texts = search_texts(kind.table, new.row)
    assert {name: stored[name] for name in texts} == texts
    assert stored["id"] == str(new.row["id"])

    places = ", ".join("?" * len(new.stored))
    connection = sqlite3.connect(":memory:")
    back = connection.execute(f"SELECT {places}", list(new.stored)).fetchone()
    connection.close()

    assert back == tuple(new.stored)


def test_no_rows_are_none() -> None:
    assert [kind.convert_all([], SQLITE) for kind in KINDS] == [[]] * len(KINDS)


def test_a_row_that_cannot_be_taken_leaves_the_others() -> None:
    rows = [ticket("1"), ticket("2", subject="x" * 201), ticket("3", description="a\0b")]
    records = of_kind(TICKETS, *rows, ticket("4"), ticket("1"))

    batch = converted(TICKETS, records, SQLITE)

    assert list(batch.pending) == list(batch.stored) == [key("1"), key("4")]
    assert [(UUID(str(record["id"])), reason) for record, reason in batch.rejected] == [
        (key("2"), "subject has 201 characters, 200 at most are possible"),
        (key("3"), "description has characters that no text can hold"),
        (key("1"), "id occurs twice"),
    ]


@pytest.mark.parametrize("subject", ["x" * 201, "a\0b", "a\udce9b", None, 5])
def test_each_text_that_cannot_be_taken_is_noticed_among_others(subject: object) -> None:
    records = of_kind(TICKETS, ticket("1"), ticket("2", subject=subject), ticket("3"))

    batch = converted(TICKETS, records, SQLITE)

    assert list(batch.pending) == [key("1"), key("3")]
    assert [record["id"] for record, _ in batch.rejected] == [key("2")]
