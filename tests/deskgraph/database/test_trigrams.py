"""The indexes of searches: made for what is there, beside writers, or refused with what to do."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from deskgraph.database import migrate
from deskgraph.database.database import Database
from tests.deskgraph.database.test_migrate import MIGRATE
from tests.support.processes.launcher import together

pytestmark = pytest.mark.anyio

BEFORE = "0009"
AT = "'2025-11-19T10:30:00.000000Z'"
COMPANY = (
    "INSERT INTO companies (id, name, legal_entity_name, country, city, website, industry, "
    "billing_entity, is_active, notes, created_at, updated_at, search_name) VALUES "
    f"('{{id}}', 'x', '', '', '', '', '', '', true, '', {AT}, {AT}, 'büchér')"
)
TICKET = (
    "INSERT INTO tickets (id, ticket_number, subject, description, status, priority, category, "
    "company_id, tags, version, created_at, updated_at, search_text) VALUES "
    "('{id}', '{number}', '', '', 'new', 'medium', 'general', '{company}', '', 1, "
    f"{AT}, {AT}, '{{text}}')"
)
INDEXES = (
    "SELECT indexrelid::regclass::text, indisvalid, amname FROM pg_index "
    "JOIN pg_class ON pg_class.oid = indexrelid JOIN pg_am ON pg_am.oid = relam "
    "WHERE indexrelid::regclass::text IN ('ix_companies_search_name', 'ix_tickets_search_text') "
    "ORDER BY 1"
)
MADE = [("ix_companies_search_name", True, "gin"), ("ix_tickets_search_text", True, "gin")]


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
    yield database
    await database.engine.dispose()


async def indexes(database: Database) -> list[tuple[Any, ...]]:
    async with database.engine.connect() as connection:
        return [tuple(row) for row in await connection.execute(text(INDEXES))]


async def test_tickets_of_before_are_indexed(older: Database) -> None:
    await migrate.upgrade(older)

    if not older.is_sqlite:
        assert await indexes(older) == MADE
        return
    found = (
        "SELECT ticket_id FROM ticket_search JOIN ticket_search_keys ON key = ticket_search.rowid "
        "WHERE ticket_search MATCH :phrase ORDER BY ticket_id"
    )
    async with older.engine.connect() as connection:
        for phrase, numbers in (
            ("drucker", [1]),
            ("kein", [2]),
            ("ein dr", [1, 2]),
            ("ché", [1, 2]),
        ):
            rows = await connection.execute(text(found), {"phrase": f'"{phrase}"'})
            assert [row[0] for row in rows] == [uuid(number) for number in numbers], phrase


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
