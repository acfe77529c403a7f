"""Desks that are moved: a full one, and empty ones of both kinds."""

import asyncio
import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import sqlalchemy as sa
from sqlmodel import SQLModel

from deskgraph.database.database import Database
from models import (
    DELETED_ATTACHMENTS,
    DELETED_COMMENTS,
    DELETED_TICKETS,
    DayCounter,
    IdempotencyKey,
    ImportedRow,
    ImportFile,
    ImportReject,
    PurgedEvents,
    RateBucket,
    RefreshToken,
    UndoRecord,
    Webhook,
    WebhookAttempt,
    WebhookDelivery,
    WebhookDeliveryState,
    table_of,
)
from models.search import search_texts
from tests.schema.awkward_rows import make_awkward_rows
from tests.support.clock import NOON
from tests.support.named_rows import CONTENT, named_rows, past_events, past_jobs
from tests.support.rows import attachment, comment, company, file_key, insert, key, ticket, user

EXPORT = Path("export")
# The first and the last time that both databases have, with and without microseconds.
TIMES = (
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(2025, 3, 30, 1, 30, 0, 1, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
)
SCRIPTS = (
    "Ünïcödé ﬀ ŉ İ ß ẞ",
    "Ελληνικά Кириллица עברית العربية",
    "हिन्दी ไทย 한국어 日本語 中文",
    "👩‍👩‍👧‍👦 e\u0301 \U0010ffff \ufffe \u2028",
    "\x01\t\r\n\x1f\x7f\x85 \\u0000 \"quotes\" 'and' \\",
)


class Desk(NamedTuple):
    """The database of a desk and the folder of its files."""

    url: str
    files: Path


async def _on(url: str, work: Callable[[Database], Any]) -> Any:
    database = Database(url)
    try:
        return await work(database)
    finally:
        await database.engine.dispose()


def on(url: str, work: Callable[[Database], Any]) -> Any:
    """Run work on a database."""
    return asyncio.run(_on(url, work))


def more_rows() -> list[SQLModel]:
    """Return rows of the tables that the world has none of, and texts of all scripts."""
    hook = Webhook(
        id=key("waiting"),
        url="https://hooks.example/waiting",
        event_types=["created", "deleted"],
        filter={"status": {"eq": "NEW"}, "subject": {"contains": SCRIPTS[0]}},
        include_internal=True,
        enabled=False,
        disabled_reason="It failed for days.",
        failing_since=NOON,
        cursor=7,
        salt="salt of it",
        old_salts=[{"salt": "older", "until": "2025-11-20T00:00:00Z"}],
        created_at=NOON,
        updated_at=NOON,
    )
    states = list(WebhookDeliveryState)
    deliveries = [
        WebhookDelivery(
            id=key(f"delivery {number}"),
            webhook_id=hook.id,
            event_id=key(f"event{number}"),
            seq=number + 1 if number else None,
            ticket_id=key("offline") if number else None,
            type="ticket.created",
            message_id=f"message {number}",
            body=json.dumps({"text": SCRIPTS[number % 5]}),
            state=states[number % 3],
            attempt_count=number,
            tries=number,
            next_attempt_at=NOON if number % 3 == 0 else None,
            claim="claimed" if number == 3 else None,
            created_at=NOON + timedelta(microseconds=number),
            finished_at=NOON if number % 3 else None,
        )
        for number in range(9)
    ]
    attempts = [
        WebhookAttempt(
            id=key(f"attempt {number}"),
            delivery_id=deliveries[1].id,
            number=number,
            url=hook.url,
            at=NOON,
            duration_ms=number,
            status=None if number else 500,
            answer=None if number else SCRIPTS[1],
            error="It was refused." if number else None,
        )
        for number in range(3)
    ]
    tokens = [
        RefreshToken(
            jti=f"token {number}",
            user_id=key("keith"),
            issued_at=NOON,
            expires_at=NOON + timedelta(days=number),
            revoked_at=NOON if number == 1 else None,
            family_id="token 0",
            used_at=NOON if number == 0 else None,
            successor="token 1" if number == 0 else None,
        )
        for number in range(3)
    ]
    texts = [
        ticket(f"script {number}", subject=text, description=text * 3, due_date=TIMES[number % 3])
        for number, text in enumerate(SCRIPTS)
    ]
    return [
        hook,
        *deliveries,
        *attempts,
        *tokens,
        *texts,
        company("empty", name="x", notes=""),
        user("once", last_login=TIMES[1], tokens_not_before=TIMES[2], date_joined=TIMES[0]),
        DayCounter(day="20251109", value=41),
        DayCounter(day="20251119", value=7),
        ImportedRow(id=key("offline"), kind="tickets", digest=bytes(range(16))),
        ImportedRow(id=key("keith"), kind="users", digest=b"\xff" * 32),
        RateBucket(key="address", full_at=2**60),
        IdempotencyKey(
            user_id=key("keith"),
            key='printable "ASCII"',
            fingerprint=bytes(range(32)),
            response=bytes(range(256)),
            created_at=NOON,
        ),
        ImportFile(
            job_id=key("waiting"),
            key="tickets/attachments/2025/11/import/tickets.csv",
            name="tickets.csv",
            size=len(CONTENT),
            content_type="text/plain",
            sha256="",
            created_at=NOON,
        ),
        ImportReject(job_id=key("tidied"), position=7, content=json.dumps(SCRIPTS)),
        # Before the first event that is left.
        PurgedEvents(seq=0),
        ImportFile(
            job_id=key("tidied"),
            key=file_key("tickets.csv"),
            name="tickets.csv",
            size=7,
            content_type="text/csv",
            sha256="0" * 64,
            created_at=NOON,
        ),
        ImportReject(job_id=key("tidied"), position=0, content=SCRIPTS[4]),
    ]


# The file of a full desk on SQLite, once there is one.
_full: list[bytes] = []


def fill(desk: Desk) -> None:
    """Fill every table; delete some rows, of which the last event is one."""
    on_sqlite = desk.url.startswith("sqlite")
    path = Path(desk.url.removeprefix("sqlite:///"))
    if on_sqlite and _full:
        path.write_bytes(_full[0])
        return
    _fill(desk)
    if on_sqlite:
        _full.append(path.read_bytes())


def _fill(desk: Desk) -> None:
    async def work(database: Database) -> None:
        awkward = make_awkward_rows()
        known = [type(row)(**row.model_dump(exclude={"seq"})) for row in named_rows()]
        past = [
            type(row)(**row.model_dump(exclude={"seq"}), seq=200 + number)
            for number, row in enumerate(past_events())
        ]
        jobs = [type(row)(**row.model_dump()) for row in past_jobs()]
        await insert(database, *known, *awkward.all(), *more_rows(), *past, *jobs)
        async with database.engine.begin() as connection:
            for table, row in _kept_for_undo():
                await connection.execute(sa.insert(table).values(row))
            if not database.is_sqlite:
                highest = "(SELECT max(seq) FROM ticket_events)"
                await connection.execute(
                    sa.text(f"SELECT setval('ticket_events_seq_seq', {highest})")
                )
            for gone in (
                "DELETE FROM tickets WHERE subject = 'volume'",
                "DELETE FROM ticket_events WHERE seq = (SELECT max(seq) FROM ticket_events)",
            ):
                await connection.execute(sa.text(gone))

    on(desk.url, work)


def _kept_for_undo() -> list[tuple[sa.Table, dict[str, Any]]]:
    """Return what an undo of some deletes needs, with a long text."""
    texts = {"description": {"from": "A text", "to_sha256": "0" * 64}}
    found: list[tuple[sa.Table, dict[str, Any]]]
    found = [(table_of(UndoRecord), {"event_id": key("gone"), "texts": texts, "at": NOON})]
    for table, one in (
        (DELETED_TICKETS, ticket("gone")),
        (DELETED_COMMENTS, comment("said-once", "gone")),
        (DELETED_ATTACHMENTS, attachment("kept", "gone")),
    ):
        row = one.model_dump() | {"event_id": key("gone")}
        found.append((table, row | search_texts(table, row)))
    return found


def add_files(desk: Desk) -> list[str]:
    """Store a file for each attachment, also deleted ones, and import, and let the rows know it.

    Returns the keys.
    """

    async def work(database: Database) -> list[str]:
        async with database.engine.begin() as connection:
            keys: list[str] = []
            for table in ("attachments", "deleted_attachments", "import_files"):
                keys += await connection.scalars(sa.text(f"SELECT key FROM {table}"))
                update = f"UPDATE {table} SET size = :size, sha256 = ''"
                await connection.execute(sa.text(update), {"size": len(CONTENT)})
        return keys

    keys: list[str] = on(desk.url, work)
    for name in keys:
        path = desk.files / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(CONTENT)
    return keys


@pytest.fixture
def new_desk(sqlite_template: Path, postgres_url: str, tmp_path: Path) -> Callable[[str], Desk]:
    """Give a function that returns an empty, migrated desk of a kind; one of PostgreSQL."""

    def make(kind: str) -> Desk:
        number = len(list(tmp_path.glob("desk*")))
        folder = tmp_path / f"desk{number}"
        folder.mkdir()
        if kind == "postgres":
            return Desk(postgres_url, folder / "files")
        return Desk(
            f"sqlite:///{shutil.copy(sqlite_template, folder / 'desk.db')}", folder / "files"
        )

    return make


@pytest.fixture
def use(environment: Callable[..., None]) -> Callable[[Desk], None]:
    """Give a function that makes a desk the one that commands work on."""
    return lambda desk: environment(database_url=desk.url, files_url=desk.files.as_uri())


__all__ = ["EXPORT", "Desk", "add_files", "file_key", "fill", "on"]
