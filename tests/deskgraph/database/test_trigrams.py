"""The indexes of searches: made for what is there, beside writers, or refused with what to do."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from deskgraph.database import migrate
from deskgraph.database.database import Database
from deskgraph.database.search_texts import Report
from deskgraph.database.trigrams import build_indexes
from tests.deskgraph.database.test_migrate import MIGRATE
from tests.support import proofs
from tests.support.processes.launcher import together

pytestmark = pytest.mark.anyio

BEFORE = "0009"
# More than a batch.
COMMENTS = 505
AT = "'2025-11-19T10:30:00.000000Z'"
COMPANY = (
    "INSERT INTO companies (id, name, legal_entity_name, country, city, website, industry, "
    "billing_entity, is_active, notes, created_at, updated_at, search_name, search_text) VALUES "
    f"('{{id}}', 'x', '', '', '', '', '', '', true, '', {AT}, {AT}, 'büchér', 'perú')"
)
TICKET = (
    "INSERT INTO tickets (id, ticket_number, subject, description, status, priority, category, "
    "company_id, tags, version, created_at, updated_at, search_text) VALUES "
    "('{id}', '{number}', '', '', 'new', 'medium', 'general', '{company}', '', 1, "
    f"{AT}, {AT}, '{{text}}')"
)
CONTACT = (
    "INSERT INTO contacts (id, company_id, name, email, phone, title, department, contact_type, "
    "is_primary, is_active, linkedin_url, notes, created_at, updated_at, search_text) VALUES "
    f"('{{id}}', '{{company}}', '', '', '', '', '', '', false, true, '', '', {AT}, {AT}, 'anrufer')"
)
COMMENTS_OF = (
    "INSERT INTO comments (id, ticket_id, text, is_internal, version, created_at, updated_at) "
    "VALUES "
)
COMMENT = f"('{{id}}', '{{ticket}}', '{{text}}', false, 1, {AT}, {AT})"
INDEXES = (
    "SELECT indexrelid::regclass::text, indisvalid, amname FROM pg_index "
    "JOIN pg_class ON pg_class.oid = indexrelid JOIN pg_am ON pg_am.oid = relam "
    "WHERE indexrelid::regclass::text LIKE 'ix\\_%\\_search\\_%' "
    "ORDER BY 1"
)
MADE = [
    (f"ix_{name}", True, "gin")
    for name in (
        *("comments_search_text", "companies_search_name", "companies_search_private"),
        *("companies_search_text", "contacts_search_text", "tickets_search_text"),
    )
]


def uuid(number: int) -> str:
    return f"{number:08}-0000-7000-8000-000000000000"


@contextmanager
def only_until(revision: str) -> Iterator[None]:
    """Let migrations end at an older revision."""
    from alembic import command

    upgrade = command.upgrade
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(migrate, "head", lambda: revision)
        patched.setattr(command, "upgrade", lambda config, _head: upgrade(config, revision))
        yield


@pytest.fixture
async def older(blank_database_url: str) -> AsyncIterator[Database]:
    """Give a database of before the indexes, with tickets."""
    database = Database(blank_database_url)
    with only_until(BEFORE):
        await migrate.upgrade(database)
    async with database.engine.begin() as connection:
        await connection.execute(text(COMPANY.format(id=uuid(0))))
        for number, words in enumerate(("ein drucker", "kein drücker"), start=1):
            values = {"id": uuid(number), "number": f"T-{number}", "text": words}
            await connection.execute(text(TICKET.format(company=uuid(0), **values)))
        await connection.execute(text(CONTACT.format(id=uuid(3), company=uuid(0))))
        await add_comments(connection, range(10, 10 + COMMENTS))
    yield database
    await database.engine.dispose()


async def add_comments(connection: AsyncConnection, numbers: Iterable[int]) -> None:
    rows = [
        COMMENT.format(id=uuid(number), ticket=uuid(1), text=f"GRÖSSE {number}")
        for number in numbers
    ]
    await connection.exec_driver_sql(COMMENTS_OF + ", ".join(rows))


async def comment_texts(database: Database) -> dict[str, str]:
    """Return the texts of comments as searches compare them, by the texts themselves."""
    stored = "SELECT text, search_text FROM comments ORDER BY id"
    async with database.engine.connect() as connection:
        rows = await connection.execute(text(stored))
        return {row[0]: row[1] for row in rows}


async def indexes(database: Database) -> list[tuple[Any, ...]]:
    async with database.engine.connect() as connection:
        return [tuple(row) for row in await connection.execute(text(INDEXES))]


async def test_rows_of_before_are_indexed(older: Database) -> None:
    steps: list[tuple[str, int, int]] = []
    await migrate.upgrade(older, lambda *step: steps.append(step))

    assert ("Texts of comments", 500, COMMENTS) in steps
    assert ("Texts of comments", COMMENTS, COMMENTS) in steps
    if older.is_sqlite:
        assert ("Index of comment texts", COMMENTS, COMMENTS) in steps
        assert ("Index of ticket texts", 2, 2) in steps

    texts = await comment_texts(older)
    assert texts == {f"GRÖSSE {n}": f"grösse {n}" for n in range(10, 10 + COMMENTS)}

    if not older.is_sqlite:
        assert await indexes(older) == MADE
        return
    async with older.engine.connect() as connection:
        for of, phrase, numbers in (
            ("ticket", "drucker", [1]),
            ("ticket", "kein", [2]),
            ("ticket", "ein dr", [1, 2]),
            ("ticket", "ché", [1, 2]),
            ("comment", "grösse 11", [11, *range(110, 120)]),
            ("comment", "grösse 511", [511]),
            ("contact", "anruf", [3]),
            ("contact", "büchér", [3]),
            ("company", "perú", [0]),
        ):
            found = (
                f"SELECT {of}_id FROM {of}_search JOIN {of}_search_keys "
                f"ON key = {of}_search.rowid WHERE {of}_search MATCH :phrase ORDER BY 1"
            )
            rows = await connection.execute(text(found), {"phrase": f'"{phrase}"'})
            assert [row[0] for row in rows] == [uuid(number) for number in numbers], phrase


async def test_comments_that_older_servers_write_meanwhile_are_found(
    blank_postgres_url: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(await asyncio.to_thread(blank_postgres_url))
    with only_until(BEFORE):
        await migrate.upgrade(database)
    async with database.engine.begin() as connection:
        await connection.execute(text(COMPANY.format(id=uuid(0))))
        values = {"id": uuid(1), "number": "T-1", "text": "x", "company": uuid(0)}
        await connection.execute(text(TICKET.format(**values)))
        await add_comments(connection, (10, 11))

    async def build_and_write(engine: AsyncEngine, lock: int, report: Report) -> None:
        await build_indexes(engine, lock, report)
        async with engine.begin() as connection:
            await add_comments(connection, [12])
            changed = "UPDATE comments SET text = 'ANDERS' WHERE id = :id"
            await connection.execute(text(changed), {"id": UUID(uuid(10))})
        if not done:
            done.append(True)
            raise KeyboardInterrupt

    done: list[bool] = []
    monkeypatch.setattr(migrate, "build_indexes", build_and_write)
    with pytest.raises(KeyboardInterrupt):
        await migrate.upgrade(database)
    assert await migrate.current(database) == BEFORE
    assert (await comment_texts(database))["ANDERS"] == ""
    async with database.engine.begin() as connection:
        await connection.execute(
            text("DELETE FROM comments WHERE id = :id"), {"id": UUID(uuid(12))}
        )

    assert await migrate.upgrade(database) is True

    assert await comment_texts(database) == {
        "ANDERS": "anders",
        "GRÖSSE 11": "grösse 11",
        "GRÖSSE 12": "grösse 12",
    }
    assert await indexes(database) == MADE
    triggers = "SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'forget%'"
    async with database.engine.connect() as reader:
        assert await reader.scalar(text(triggers)) == 0
    await database.engine.dispose()


@proofs.on("postgres")
async def test_processes_that_index_at_once_all_succeed(older: Database) -> None:
    command = [sys.executable, "-c", MIGRATE, older.url.render_as_string(hide_password=False)]
    answers = await asyncio.to_thread(together, [command] * 2)

    assert sorted(answers) == ["False\n", "True\n"]
    await migrate.check(older)


async def test_an_index_that_was_left_half_made_is_made_again(
    blank_postgres_url: Callable[[], str],
) -> None:
    database = Database(await asyncio.to_thread(blank_postgres_url))
    with only_until(BEFORE):
        await migrate.upgrade(database)
    async with database.engine.begin() as connection:
        await connection.execute(text("CREATE INDEX ix_tickets_search_text ON tickets (subject)"))
        left = "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_tickets_search_text'"
        await connection.execute(text(f"{left}::regclass"))

    await migrate.upgrade(database)

    assert await indexes(database) == MADE
    await database.engine.dispose()


async def test_writers_go_on_while_an_index_is_made(blank_postgres_url: Callable[[], str]) -> None:
    database = Database(await asyncio.to_thread(blank_postgres_url))
    with only_until(BEFORE):
        await migrate.upgrade(database)
    async with database.engine.connect() as writer:
        # The index waits for this transaction to end; the next writer waits for neither.
        await writer.execute(text(COMPANY.format(id=uuid(0))))
        migrating = asyncio.create_task(migrate.upgrade(database))
        async with database.engine.connect() as watcher:
            waits = "SELECT count(*) FROM pg_stat_progress_create_index"
            while not await watcher.scalar(text(waits)):
                await watcher.rollback()
        async with database.engine.begin() as other:
            await other.execute(text(COMPANY.format(id=uuid(1))))
        assert not migrating.done()
        await writer.commit()
    assert await migrating is True

    assert await indexes(database) == MADE
    await database.engine.dispose()


async def test_who_may_not_create_the_extension_is_told_what_to_run(
    blank_postgres_url: Callable[[], str],
) -> None:
    url = await asyncio.to_thread(blank_postgres_url)
    role = f"role_of_{make_url(url).database}"
    owner = Database(url)
    async with owner.engine.begin() as connection:
        await connection.execute(text(f"CREATE ROLE {role} LOGIN"))
        await connection.execute(text(f"GRANT ALL ON SCHEMA public TO {role}"))
    limited = Database(make_url(url).set(username=role).render_as_string(hide_password=False))
    try:
        with pytest.raises(migrate.SchemaError, match='run "CREATE EXTENSION pg_trgm"'):
            await migrate.upgrade(limited)
        assert await migrate.current(owner) is None
        async with owner.engine.begin() as connection:
            await connection.execute(text("CREATE EXTENSION pg_trgm"))
        assert await migrate.upgrade(limited) is True
    finally:
        await limited.engine.dispose()
        async with owner.engine.begin() as connection:
            await connection.execute(text(f"DROP OWNED BY {role}"))
            await connection.execute(text(f"DROP ROLE {role}"))
        await owner.engine.dispose()
