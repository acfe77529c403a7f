"""An import brings everything as it was, once, and then only what is new or changed."""

import asyncio
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import jwt
import pytest
from sqlalchemy import text

from benchmarks import old_desk
from benchmarks.old_desk import OLD
from deskgraph.app import create_app
from deskgraph.database.database import Database
from deskgraph.importer.kinds import KINDS
from deskgraph.importer.source import SourceError, open_source
from deskgraph.settings import load_settings
from models.search import search_texts
from tests.deskgraph.conftest import Ended, Run
from tests.deskgraph.importer.conftest import SECRET_KEY, OldDesk, counts, everything, row
from tests.support.clock import NOON
from tests.support.rows import key
from tests.support.stored import wrong_counts_of

Bring = Callable[..., Ended]
FIRST = {
    "users": (2, 2, 0, 0),
    "companies": (1, 1, 0, 0),
    "contacts": (1, 1, 0, 0),
    "tickets": (2, 2, 0, 0),
    "comments": (3, 3, 0, 0),
    "attachments": (1, 1, 0, 0),
}
RETRY_SECONDS = {name: (read, 0, read, 0) for name, (read, *_) in FIRST.items()}

pytestmark = pytest.mark.usefixtures("_in_an_empty_folder")


def as_utc(value: Any) -> Any:
    """SQLite has no zones: what Django wrote there is UTC."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return value


def stale_searches(rows: dict[str, list[Any]]) -> list[Any]:
    """Return the rows that a search does not find by what they say."""
    return [
        row
        for kind in KINDS
        for row in rows[kind.table.name]
        if search_texts(kind.table, row).items() - row.items()
    ]


def test_every_value_comes_over(services: str, old: OldDesk, bring: Bring) -> None:
    old.add_small_desk()

    ended = bring()

    assert counts(ended) == FIRST
    assert ended.out.endswith("\nThe sums agree.\n")
    here, there = everything(services), old.everything()
    for kind in KINDS:
        ours = {row["id"]: row for row in here[kind.table.name]}
        for theirs in there[kind.old_table]:
            brought = ours.pop(theirs["id"])
            for name, old_name in zip(kind.columns, kind.old_columns, strict=True):
                expected = as_utc(theirs[old_name])
                # Only an empty team became null: it is a choice now.
                assert brought[name] == (expected or None if name == "assigned_team" else expected)
        assert ours == {}
    offline = row(services, "tickets", "offline")
    assert offline["created_at"].microsecond == 123456
    assert [offline[name] for name in ("status_rank", "version")] == [4, 1]
    assert stale_searches(here) == []


def found_by_index(url: str, phrase: str) -> list[str]:
    """Return the last digits of the numbers of tickets that the index of SQLite finds."""

    async def run() -> list[str]:
        database = Database(url)
        async with database.engine.connect() as connection:
            rows = await connection.execute(
                text(
                    "SELECT substr(ticket_number, -1) FROM ticket_search "
                    "JOIN ticket_search_keys ON key = ticket_search.rowid "
                    "JOIN tickets ON id = ticket_id WHERE ticket_search MATCH :phrase ORDER BY 1"
                ),
                {"phrase": f'"{phrase}"'},
            )
            found = [str(number) for (number,) in rows]
        await database.engine.dispose()
        return found

    return asyncio.run(run())


def test_the_index_of_searches_follows_every_run(services: str, old: OldDesk, bring: Bring) -> None:
    if not services.startswith("sqlite"):
        pytest.skip("PostgreSQL keeps its indexes itself")
    old.add_small_desk()
    bring("--dry-run")
    assert found_by_index(services, "t-20251119-") == []

    bring()
    assert found_by_index(services, "t-20251119-") == ["7", "9"]
    old.set(old_desk.TICKETS, "offline", subject="ÅTER SKOG")
    old.set(old_desk.COMPANIES_TABLE, "hilton", name="Björk & Söner")
    bring("--dry-run")
    assert found_by_index(services, "åter skog") == []

    bring()
    assert found_by_index(services, "åter skog") == ["7"]
    assert found_by_index(services, "rk & sö") == ["7", "9"]
    assert found_by_index(services, "hilton") == []


def test_the_event_log_tells_what_was_brought(services: str, old: OldDesk, bring: Bring) -> None:
    old.add_small_desk()

    bring()

    events = everything(services)["ticket_events"]
    assert {event["via"] for event in events} == {"import"}
    found = {(str(event["type"].value), event["ticket_number"]) for event in events}
    assert found == {
        ("created", "T-20251119-0007"),
        ("created", "T-20251119-0009"),
        ("comment_added", "T-20251119-0007"),
        ("comment_added", "T-20251119-0009"),
        ("attachment_added", "T-20251119-0007"),
    }
    by_subject = {event["comment_id"] or event["attachment_id"]: event for event in events}
    assert by_subject[key("note")]["is_internal"]
    assert not by_subject[key("hello")]["is_internal"]
    assert by_subject[key("hello")]["actor_id"] == key("nina")
    assert by_subject[key("nobody")]["actor_id"] is None
    assert by_subject[key("shot")]["changes"] == [{"field": "name", "from": None, "to": "shot.png"}]
    created = [event for event in events if event["type"].value == "created"]
    # In the order in which they were created.
    assert [event["ticket_number"][-4:] for event in created] == ["0009", "0007"]
    assert created[1]["at"] == row(services, "tickets", "offline")["created_at"]


def test_a_second_run_writes_nothing_and_says_so(services: str, old: OldDesk, bring: Bring) -> None:
    old.add_small_desk()
    bring()
    before = everything(services)

    again = bring()

    assert counts(again) == RETRY_SECONDS
    assert everything(services) == before


def test_a_later_run_brings_what_is_new_or_changed(
    services: str, old: OldDesk, bring: Bring
) -> None:
    old.add_small_desk()
    bring()
    seen = len(everything(services)["ticket_events"])
    old.add(old_desk.COMMENTS, old_desk.comment(key("new"), key("bill"), text="New"))
    old.set(
        old_desk.TICKETS,
        "offline",
        status="closed",
        tags="",
        assigned_team="Music",
        subject="ÅTER",
    )
    old.set(old_desk.COMMENTS, "hello", text="Hello!", is_internal=True)
    old.set(old_desk.COMMENTS, "nobody", ticket_id=key("offline"))
    old.set(old_desk.USERS, "nina", last_login=NOON)

    later = counts(bring())

    assert later == {**RETRY_SECONDS, "tickets": (2, 1, 1, 0), "comments": (4, 3, 1, 0)}
    offline = row(services, "tickets", "offline")
    assert (offline["status"].value, offline["tags"], offline["version"]) == ("closed", "", 2)
    assert row(services, "comments", "hello")["version"] == 2
    assert stale_searches(everything(services)) == []
    assert wrong_counts_of(services) == []
    events = everything(services)["ticket_events"][seen:]
    told = [(event["type"].value, event["ticket_number"][-1], event["changes"]) for event in events]
    assert sorted(told, key=lambda one: one[:2]) == [
        ("assigned", "7", [{"field": "assigned_team", "from": "Tech", "to": "Music"}]),
        ("comment_added", "7", []),
        ("comment_added", "9", []),
        ("comment_deleted", "9", []),
        (
            "comment_edited",
            "7",
            [
                {"field": "text", "from": "Hello", "to": "Hello!"},
                {"field": "is_internal", "from": False, "to": True},
            ],
        ),
        ("status_changed", "7", [{"field": "status", "from": "resolved", "to": "closed"}]),
        (
            "updated",
            "7",
            [
                {"field": "subject", "from": "S", "to": "ÅTER"},
                {"field": "tags", "from": "zone,urgent", "to": ""},
            ],
        ),
    ]
    assert counts(bring()) == {**RETRY_SECONDS, "comments": (4, 0, 4, 0)}


def test_rows_of_two_kinds_may_have_the_same_id(services: str, old: OldDesk, bring: Bring) -> None:
    old.add_small_desk()
    file = old_desk.attachment(key("offline"), key("bill"), "a.txt", name="before")
    old.add(old_desk.ATTACHMENTS, file)
    old.add(old_desk.COMMENTS, old_desk.comment(key("offline"), key("bill")))
    assert counts(bring()) == {**FIRST, "comments": (4, 4, 0, 0), "attachments": (2, 2, 0, 0)}
    old.set(old_desk.COMMENTS, "offline", text="Changed")
    old.set(old_desk.ATTACHMENTS, "offline", name="after")

    again = counts(bring())

    assert again == {**RETRY_SECONDS, "comments": (4, 1, 3, 0), "attachments": (2, 1, 1, 0)}
    assert row(services, "comments", "offline")["text"] == "Changed"
    assert row(services, "attachments", "offline")["name"] == "after"
    assert counts(bring()) == {
        **RETRY_SECONDS,
        "comments": (4, 0, 4, 0),
        "attachments": (2, 0, 2, 0),
    }


def test_what_is_gone_over_there_stays_and_is_counted(
    services: str, old: OldDesk, bring: Bring
) -> None:
    old.add_small_desk()
    bring()
    old.do(lambda c: c.execute(old_desk.COMMENTS.delete().where(old_desk.COMMENTS.c.text == "T")))

    later = bring()

    assert counts(later)["comments"] == (2, 0, 2, 0)
    assert "Deleted in the old system since their import: 1 comments; they stay here." in later.out
    assert row(services, "comments", "nobody")["text"] == "T"


def test_numbers_go_on_where_the_old_ones_end(
    run: Run, services: str, old: OldDesk, bring: Bring
) -> None:
    old.add_small_desk()
    # Not brought, for it has no such choice: but its number was given out.
    old.add(
        old_desk.TICKETS,
        old_desk.ticket(key("odd"), "T-20251119-0012", key("hilton"), status="odd"),
        old_desk.ticket(key("free"), "Legacy 7", key("hilton")),
        old_desk.ticket(key("many"), "T-20251120-10003", key("hilton")),
    )

    assert counts(bring())["tickets"] == (5, 4, 0, 1)

    counted = {one["day"]: one["value"] for one in everything(services)["day_counters"]}
    assert counted == {"20251119": 12, "20251120": 10003}


def test_a_dry_run_reports_all_and_leaves_nothing(
    services: str, old: OldDesk, bring: Bring
) -> None:
    old.add_small_desk()
    old.add(old_desk.COMMENTS, old_desk.comment(key("late"), key("bill"), author_id=key("nina")))
    before = everything(services)

    ended = bring("--dry-run")

    assert counts(ended) == {**FIRST, "comments": (4, 4, 0, 0)}
    assert "This was a dry run: nothing was written, and no file was copied." in ended.out
    assert everything(services) == before
    assert not Path("import-rejects.jsonl").exists()


def test_an_empty_old_desk_is_no_trouble(services: str, bring: Bring) -> None:
    assert counts(bring()) == dict.fromkeys(FIRST, (0, 0, 0, 0))


def test_the_old_database_is_never_changed(services: str, old: OldDesk, bring: Bring) -> None:
    old.add_small_desk()
    before = old.everything()
    path = Path(old.url.removeprefix("sqlite:///"))
    content = path.read_bytes() if path.is_file() else b""

    bring()

    assert old.everything() == before
    assert (path.read_bytes() if path.is_file() else b"") == content


@pytest.fixture
def old_postgres_url(blank_postgres_url: Callable[[], str]) -> str:
    return blank_postgres_url()


@pytest.mark.anyio
async def test_the_old_database_refuses_writes(old_postgres_url: str) -> None:
    url = old_postgres_url
    connection = await asyncpg.connect(url)
    await connection.execute(
        "CREATE TABLE kept (id int); INSERT INTO kept VALUES (1);"
        "CREATE FUNCTION forget() RETURNS SETOF int LANGUAGE sql AS 'DELETE FROM kept RETURNING id'"
    )
    async with open_source(url) as source:
        with pytest.raises(SourceError) as refused:
            await source.count("forget()")
    assert "read-only transaction" in str(refused.value.__cause__)
    assert await connection.fetchval("SELECT count(*) FROM kept") == 1
    await connection.close()


def test_old_passwords_and_tokens_work_here(
    services: str, old: OldDesk, bring: Bring, environment: Callable[..., None]
) -> None:
    old.add_small_desk()
    bring()
    environment(secret_key=SECRET_KEY)
    claims = {
        "token_type": "access",
        "exp": NOON.timestamp() + 3600,
        "iat": NOON.timestamp(),
        "jti": "0123456789abcdef0123456789abcdef",
        "user_id": str(key("nina")),
    }
    token = jwt.encode(claims, SECRET_KEY, "HS256")
    now = [NOON]

    async def ask() -> list[httpx.Response]:
        app = create_app(load_settings(), clock=lambda: now[0])
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://desk") as client:
                nina, gone = [
                    await client.post(
                        "/api/v1/auth/login/",
                        json={"username": name, "password": "correct horse"},
                    )
                    for name in ("nina", "gone")
                ]
                header = {"Authorization": f"Bearer {token}"}
                before = await client.get("/api/v1/auth/me/", headers=header)
                now[0] = datetime.fromtimestamp(NOON.timestamp() + 3601, UTC)
                after = await client.get("/api/v1/auth/me/", headers=header)
                return [nina, gone, before, after]

    nina, gone, before, after = asyncio.run(ask())
    assert nina.status_code == 200
    assert (gone.status_code, gone.json()) == (400, {"non_field_errors": ["Invalid credentials"]})
    assert (before.status_code, before.json()["username"]) == (200, "nina")
    assert after.status_code == 401


def test_old_tables_in_another_database_kind(
    run: Run,
    environment: Callable[..., None],
    sqlite_url: str,
    blank_postgres_url: Callable[[], str],
    postgres_database: str,
) -> None:
    """From PostgreSQL into SQLite, as an owner who needs one process only would."""
    assert postgres_database
    old = OldDesk(blank_postgres_url())
    old.do(OLD.create_all)
    old.add_small_desk()
    environment(database_url=sqlite_url)

    assert counts(run("import-legacy", old.url)) == FIRST
    assert counts(run("import-legacy", old.url)) == RETRY_SECONDS
    assert os.environ["DESKGRAPH_DATABASE_URL"] == sqlite_url
