"""Rows that cannot be taken are told with the reason; nothing else is lost for them."""

import stat
import time
from collections.abc import Callable
from datetime import timedelta
from operator import methodcaller
from pathlib import Path

import pytest
from sqlalchemy import text

from benchmarks import old_desk
from benchmarks.old_desk import Row
from deskgraph.importer.kinds import ATTACHMENTS, COMMENTS, TICKETS, USERS, ImportedTable
from deskgraph.importer.values import Rejected
from tests.deskgraph.conftest import Ended, change
from tests.deskgraph.importer.conftest import OldDesk, counts, everything, rejects, row
from tests.support.clock import NOON
from tests.support.rows import key

Bring = Callable[..., Ended]

pytestmark = pytest.mark.usefixtures("_in_an_empty_folder")


def converted(kind: ImportedTable, record: Row) -> Row:
    return kind.convert({name: record[name] for name in kind.old_columns})


TICKET = old_desk.ticket(key("t"), "T-20251119-0001", key("c"))


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (
            {"status": "odd"},
            "status is 'odd', not one of new, assigned, in_progress, pending, resolved, closed",
        ),
        ({"status": ""}, "status is '', not one of"),
        ({"status": ["new"]}, "status is ['new'], not one of"),
        (
            {"assigned_team": "Nobody"},
            "assigned_team is 'Nobody', not one of Sales, Tech, Finance, Music, Admin",
        ),
        ({"subject": "x" * 201}, "subject has 201 characters, 200 at most are possible"),
        ({"subject": None}, "subject is missing"),
        ({"subject": 5}, "subject is no text: 5"),
        ({"description": "a\0b"}, "description has characters that no text can hold"),
        ({"description": "a\udce9b"}, "description has characters that no text can hold"),
        ({"created_at": "yesterday"}, "created_at is no time: 'yesterday'"),
        ({"created_at": 5}, "created_at is no time: 5"),
        ({"created_at": "0001-01-01T00:00:00+14:00"}, "created_at is no time"),
        ({"company_id": "x" * 80}, f"company_id is no UUID: '{'x' * 59}…"),
        ({"company_id": 7}, "company_id is no UUID: 7"),
        ({"company_id": None}, "company_id is missing"),
        (
            {"priority": "now", "tags": "x" * 501},
            "priority is 'now', not one of low, medium, high, urgent; "
            "tags has 501 characters, 500 at most are possible",
        ),
    ],
)
def test_a_value_that_cannot_be_taken_is_named(changed: Row, reason: str) -> None:
    with pytest.raises(Rejected) as rejected:
        converted(TICKETS, TICKET | changed)
    assert str(rejected.value).startswith(reason)


@pytest.mark.parametrize("size", [-1, 2**63, "5", 1.5, None])
def test_a_size_that_is_no_count(size: object) -> None:
    with pytest.raises(Rejected, match=r"^size is (no count: |missing)"):
        converted(ATTACHMENTS, old_desk.attachment(key("a"), key("t"), "a.txt", size=size))


def test_times_are_utc_wherever_the_import_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        found = [
            converted(TICKETS, TICKET | {"created_at": value})["created_at"]
            for value in (
                "2025-11-19 12:00:00",
                "2025-11-19T14:00:00+02:00",
                NOON.replace(tzinfo=None),
                NOON,
            )
        ]
    time.tzset()
    assert [(one, one.utcoffset()) for one in found] == [(NOON, timedelta())] * 4


def test_values_at_their_bounds_are_taken() -> None:
    assert converted(TICKETS, TICKET | {"subject": "x" * 200})["subject"] == "x" * 200
    for size in (0, 2**63 - 1):
        file = old_desk.attachment(key("a"), key("t"), "a.txt", size=size)
        assert converted(ATTACHMENTS, file)["size"] == size


def test_other_kinds_of_values() -> None:
    with pytest.raises(Rejected, match=r"is_internal is neither true nor false: 'no'"):
        converted(COMMENTS, old_desk.comment(key("c"), key("t"), is_internal="no"))
    # Customers belong to a company, which the old system did not know.
    with pytest.raises(Rejected, match=r"role is 'Customer', not one of Sales"):
        converted(USERS, old_desk.person(key("u"), "u", "Customer"))


def test_rejected_rows_are_written_with_the_reason(
    services: str, old: OldDesk, bring: Bring
) -> None:
    old.add_small_desk()
    old.add(old_desk.USERS, old_desk.person(key("odd"), "odd", "Boss", password="hidden"))
    old.add(
        old_desk.TICKETS,
        old_desk.ticket(key("theirs"), "T-1", key("hilton"), assigned_to_id=key("odd")),
        old_desk.ticket(key("fine"), "T-2", key("hilton")),
    )
    old.add(
        old_desk.COMMENTS,
        old_desk.comment(key("lost"), key("theirs")),
        old_desk.comment(key("kept"), key("fine")),
    )

    ended = bring("--rejects", "out/rejects.jsonl")

    assert counts(ended) == {
        "users": (3, 2, 0, 1),
        "companies": (1, 1, 0, 0),
        "contacts": (1, 1, 0, 0),
        "tickets": (4, 3, 0, 1),
        "comments": (5, 4, 0, 1),
        "attachments": (1, 1, 0, 0),
    }
    assert "out/rejects.jsonl has the reason for each rejected row.\n" in ended.out
    path = Path("out/rejects.jsonl")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    odd, theirs, lost = rejects(path)
    assert odd["kind"] == "users"
    assert odd["row"]["username"] == "odd"
    assert odd["reason"].startswith("role is 'Boss', not one of Sales, Tech, Finance")
    assert (
        theirs["reason"] == f"assigned_to_id refers to {key('odd')}, which is not among our users"
    )
    assert theirs["row"]["ticket_number"] == "T-1"
    assert lost["reason"] == f"ticket_id refers to {key('theirs')}, which is not among our tickets"
    assert "hidden" not in path.read_text()

    # Mended over there, they come; then nothing is left to tell.
    old.set(old_desk.USERS, "odd", role="Admin")
    assert counts(bring("--rejects", "out/rejects.jsonl"))["comments"] == (5, 1, 4, 0)
    assert not path.exists()
    assert row(services, "comments", "lost")["ticket_id"] == key("theirs")


def test_texts_that_are_not_utf_8(
    backend: str, services: str, old: OldDesk, bring: Bring, tmp_path: Path
) -> None:
    if backend == "postgres":
        pytest.skip("it stores no others")
    old.add_small_desk()
    broken = "UPDATE crm_app_ticketcomment SET {} WHERE text = '{}'"
    for sql in (
        broken.format("text = CAST(x'48E9' AS TEXT)", "Hello"),
        broken.format("id = 'no id'", "Among us"),
        "UPDATE crm_app_ticketattachment SET id = 'no id'",
    ):
        old.do(methodcaller("execute", text(sql)))
    (tmp_path / "media").mkdir()

    ended = counts(bring("--media", str(tmp_path / "media")))

    assert (ended["comments"], ended["attachments"]) == ((3, 1, 0, 2), (1, 0, 0, 1))
    assert ended["files"] == (0, 0, 0, 0)
    assert sorted(one["reason"] for one in rejects()) == [
        "id is no UUID: 'no id'",
        "id is no UUID: 'no id'",
        "text has characters that no text can hold",
    ]
    assert len(everything(services)["comments"]) == 1


def test_a_reference_to_nothing(backend: str, services: str, old: OldDesk, bring: Bring) -> None:
    old.add_small_desk()
    replica = "SET session_replication_role = replica"
    sql = f"UPDATE crm_app_ticketcomment SET author_id = '{key('x').hex}' WHERE text = 'Hello'"

    def break_it(connection: object) -> None:
        if backend == "postgres":
            connection.execute(text(replica))  # type: ignore[attr-defined]
        connection.execute(text(sql))  # type: ignore[attr-defined]

    old.do(break_it)

    assert counts(bring())["comments"] == (3, 2, 0, 1)
    (lost,) = rejects()
    assert lost["reason"] == f"author_id refers to {key('x')}, which is not among our users"


def test_what_was_changed_here_is_not_overwritten(
    services: str, old: OldDesk, bring: Bring
) -> None:
    old.add_small_desk()
    bring()
    change(services, "UPDATE tickets SET subject = 'Ours' WHERE ticket_number = 'T-20251119-0007'")
    change(services, "DELETE FROM comments WHERE text = 'T'")
    # Changed here only: nothing to bring, nothing to reject.
    assert counts(bring())["tickets"] == (2, 0, 2, 0)
    old.set(old_desk.TICKETS, "offline", subject="Theirs")
    old.set(old_desk.COMMENTS, "nobody", text="Changed")

    later = counts(bring())

    assert (later["tickets"], later["comments"]) == ((2, 0, 1, 1), (3, 0, 2, 1))
    assert [one["reason"] for one in rejects()] == [
        "was changed in both systems since it was imported",
        "was deleted here since it was imported, but changed in the old system",
    ]
    assert row(services, "tickets", "offline")["subject"] == "Ours"
    assert len(everything(services)["comments"]) == 2


def test_a_login_here_is_no_change_that_was_made_here(
    services: str, old: OldDesk, bring: Bring
) -> None:
    old.add_small_desk()
    bring()
    # What a login does: the old hash is replaced.
    change(services, "UPDATE users SET password = 'argon2' WHERE username = 'nina'")
    assert counts(bring())["users"] == (2, 0, 2, 0)
    assert row(services, "users", "nina")["password"] == "argon2"
    old.set(old_desk.USERS, "nina", phone="+1", password="changed there")

    assert counts(bring())["users"] == (2, 1, 1, 0)

    nina = row(services, "users", "nina")
    assert (nina["phone"], nina["password"]) == ("+1", "changed there")


def test_what_is_here_without_an_import(services: str, old: OldDesk, bring: Bring) -> None:
    """The same row is taken for imported; another one under its id or number stays as it is."""
    old.add_small_desk()
    bring()
    change(services, "DELETE FROM imported_rows")
    change(services, "UPDATE companies SET name = 'Ours'")
    change(services, "UPDATE users SET username = 'taken' WHERE NOT is_active")
    old.add(old_desk.USERS, old_desk.person(key("twin"), "taken", "Tech"))

    again = counts(bring())

    assert again["companies"] == (1, 0, 0, 1)
    assert again["users"] == (3, 0, 1, 2)
    other = "exists here already with other values, and was not imported"
    assert sorted((one["kind"], one["reason"]) for one in rejects()) == [
        ("companies", other),
        ("users", other),
        ("users", "username is 'taken', which another row has"),
    ]
    # Ticket by ticket the same rows are here: they are not written again.
    assert again["comments"] == (3, 0, 3, 0)
    assert row(services, "companies", "hilton")["name"] == "Ours"


def test_rows_that_occur_twice(services: str, old: OldDesk, bring: Bring, backend: str) -> None:
    """A copy may have lost its constraints."""
    old.add_small_desk()
    if backend == "sqlite":
        copied = "CREATE TABLE copy AS SELECT * FROM crm_app_ticket"
    else:
        copied = "CREATE TABLE copy (LIKE crm_app_ticket)"
    number = "ticket_number = 'T-20251119-0007'"
    for sql in (
        copied,
        "INSERT INTO copy SELECT * FROM crm_app_ticket" if backend == "postgres" else "SELECT 1",
        f"INSERT INTO copy SELECT * FROM crm_app_ticket WHERE {number}",
        "ALTER TABLE crm_app_ticket RENAME TO before",
        "ALTER TABLE copy RENAME TO crm_app_ticket",
        f"UPDATE crm_app_ticket SET {number}",
    ):
        old.do(methodcaller("execute", text(sql)))

    assert counts(bring())["tickets"] == (3, 1, 0, 2)
    assert {one["reason"] for one in rejects() if one["kind"] == "tickets"} == {
        "id occurs twice",
        "ticket_number is 'T-20251119-0007', which another row has",
    }
