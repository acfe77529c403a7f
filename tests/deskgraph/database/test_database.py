"""The database: what its URL may be, reads that cannot write, and transactions that hold."""

import asyncio
import gc
import threading
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import TextClause, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlmodel import SQLModel

from deskgraph.database.database import Database
from deskgraph.database.urls import DatabaseUrlError, parse_url
from models import Company, Contact, Role, User
from tests.support.clock import NOON
from tests.support.rows import key

pytestmark = pytest.mark.anyio


def company(name: str) -> Company:
    return Company(id=key(name), name=name, created_at=NOON, updated_at=NOON)


async def names(database: Database) -> list[str]:
    async with database.engine.connect() as connection:
        found = await connection.execute(text("SELECT name FROM companies ORDER BY name"))
        return [row[0] for row in found]


@pytest.mark.parametrize(
    ("url", "parsed"),
    [
        ("sqlite:///var/desk.db", "sqlite:///var/desk.db"),
        ("sqlite+aiosqlite:////tmp/desk.db", "sqlite:////tmp/desk.db"),
        ("postgres://desk@host/name", "postgresql://desk@host/name"),
        ("postgresql+asyncpg://desk@host/name", "postgresql://desk@host/name"),
        ("postgresql:///name?host=%2Frun", "postgresql:///name?host=%2Frun"),
        ("postgresql://host?dbname=name", "postgresql://host?dbname=name"),
    ],
)
def test_urls_are_taken_as_people_write_them(url: str, parsed: str) -> None:
    assert parse_url(url).render_as_string(hide_password=False) == parsed


@pytest.mark.parametrize(
    "url",
    [
        *("", "hunter2", "mysql://desk:hunter2@host/name"),
        *(
            "sqlite://",
            "sqlite:///:memory:",
            "sqlite:///file::memory:",
            "sqlite:///desk.db?key=hunter2",
        ),
        *("postgresql://", "postgresql://desk:hunter2@host", "postgres://desk:hunter2@host:5432/"),
    ],
)
def test_a_url_that_cannot_be_used_is_told_without_repeating_it(url: str) -> None:
    with pytest.raises(DatabaseUrlError) as raised:
        parse_url(url)
    assert "hunter2" not in str(raised.value)


async def test_a_transaction_is_kept_whole_or_not_at_all(database: Database) -> None:
    async with database.transaction() as session:
        session.add(company("kept"))

    async def fail() -> None:
        async with database.transaction() as session:
            session.add(company("lost"))
            await session.flush()
            raise RuntimeError("planted")

    with pytest.raises(RuntimeError, match="planted"):
        await fail()
    assert await names(database) == ["kept"]


async def test_a_cancelled_transaction_leaves_nothing_and_blocks_nobody(
    database: Database,
) -> None:
    begun = asyncio.Event()

    async def hang() -> None:
        async with database.transaction() as session:
            session.add(company("lost"))
            await session.flush()
            begun.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(hang())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    async with database.transaction() as session:
        session.add(company("next"))
    assert await names(database) == ["next"]


async def test_reads_see_what_was_committed_and_nothing_else(database: Database) -> None:
    counted = "SELECT count(*) FROM companies"
    async with database.transaction() as session:
        session.add(company("a"))
        await session.flush()
        assert (await database.fetch_row(counted, []))[0] == 0
    assert (await database.fetch_row(counted, []))[0] == 1
    assert await database.fetch_row("SELECT name FROM companies WHERE 1 = 0", []) is None


async def test_the_read_pool_cannot_write(database: Database) -> None:
    with pytest.raises(Exception, match=r"readonly|read-only"):
        await database.fetch_row("DELETE FROM companies", [])
    assert (await database.fetch_row("SELECT 1", []))[0] == 1


async def test_a_read_only_database_refuses_writes_and_keeps_no_writer_waiting(
    database: Database, database_url: str
) -> None:
    async with database.transaction() as session:
        session.add(company("before"))
    read_only = Database(database_url, read_only=True)
    try:
        for statement in ("DELETE FROM companies", "UPDATE companies SET name = 'changed'"):
            with pytest.raises(DBAPIError, match=r"read-?only"):
                async with read_only.engine.begin() as connection:
                    await connection.execute(text(statement))
        async with read_only.engine.connect() as connection:
            seen = text("SELECT count(*) FROM companies")
            assert await connection.scalar(seen) == 1
            async with database.transaction() as session:
                session.add(company("meanwhile"))
            if database.is_sqlite:
                # The moment of its first statement.
                assert await connection.scalar(seen) == 1
    finally:
        await read_only.engine.dispose()
    assert await names(database) == ["before", "meanwhile"]


async def test_looking_for_a_database_of_sqlite_makes_none(tmp_path: Path) -> None:
    read_only = Database(f"sqlite:///{tmp_path}/other/none.db", read_only=True)
    await read_only.engine.dispose()
    assert not (tmp_path / "other").exists()


async def test_a_failed_read_does_not_spoil_the_next_one(database: Database) -> None:
    for _ in range(20):
        with pytest.raises(Exception, match="nowhere"):
            await database.fetch_row("SELECT * FROM nowhere", [])
    assert (await database.fetch_row("SELECT 1", []))[0] == 1


async def test_more_reads_at_once_than_connections_wait_for_each_other(
    database: Database,
) -> None:
    rows = await asyncio.gather(*(database.fetch_row(f"SELECT {n}", []) for n in range(50)))
    assert [row[0] for row in rows] == list(range(50))


async def test_more_writes_at_once_than_connections_wait_for_each_other(
    database: Database,
) -> None:
    async def write(name: str) -> None:
        async with database.transaction() as session:
            session.add(company(name))

    await asyncio.gather(*(write(f"{n:02}") for n in range(20)))
    assert await names(database) == [f"{n:02}" for n in range(20)]


async def test_every_statement_is_seen_by_the_observer(
    database: Database, statements: list[str]
) -> None:
    async with database.transaction() as session:
        session.add(company("a"))
    await database.fetch_row("SELECT 7", [])

    assert [sql for sql in statements if "INSERT INTO companies" in sql]
    assert "SELECT 7" in statements


async def test_a_failed_statement_repeats_no_value(database: Database) -> None:
    """Its error is logged, with all that it came from."""
    secret = "between ourselves"
    async with database.transaction() as session:
        session.add(company("acme"))

    async def fail(row: SQLModel | TextClause) -> str:
        try:
            async with database.transaction() as session:
                if isinstance(row, SQLModel):
                    session.add(row)
                else:
                    await session.exec(row)  # type: ignore[call-overload]
        except Exception as error:
            return "".join(traceback.format_exception(error))
        return ""

    person: dict[str, Any] = {"date_joined": NOON, "username": secret, "password": secret}
    taken = company("acme")
    taken.name = secret
    told = [
        # The same key, a reference to nothing, a condition, a null and a type.
        await fail(taken),
        await fail(
            Contact(company_id=key("nobody"), name=secret, created_at=NOON, updated_at=NOON)
        ),
        await fail(User(**person, role=Role.CUSTOMER)),
        await fail(User(**person | {"username": None}, role=Role.ADMIN)),
        await fail(text("SELECT 1 FROM companies WHERE id = :id").bindparams(id=secret)),
        await fail(text("SELECT CAST(:id AS UUID) FROM companies").bindparams(id=secret)),
    ]
    for sql in ("SELECT 1 FROM companies WHERE id = $1", "SELECT $1::int", "SELECT $1::text::int"):
        try:
            await database.fetch_row(sql, [secret])
        except Exception as error:
            told.append("".join(traceback.format_exception(error)))
    assert not [one for one in told if secret in one]
    assert "UNIQUE" in told[0].upper()
    assert [bool(one) for one in told[:4]] == [True] * 4


async def test_postgres_looks_whether_anybody_still_waits(postgres_url: str) -> None:
    database = Database(postgres_url)
    await database.open()
    try:
        shown = "SHOW client_connection_check_interval"
        assert (await database.fetch_row(shown, []))[0] == "500ms"
        async with database.transaction() as session:
            assert (await session.exec(text(shown))).scalar() == "500ms"  # type: ignore[call-overload]
    finally:
        await database.close()


async def test_connections_that_postgres_has_ended_are_replaced(postgres_url: str) -> None:
    database = Database(postgres_url)
    await database.open()
    try:
        async with database.transaction() as session:
            session.add(company("before"))
        assert await names(database) == ["before"]
        other = Database(postgres_url)
        ended = text(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname ="
            " current_database() AND application_name IN ('deskgraph-read', 'deskgraph-write')"
            " AND pid <> pg_backend_pid()"
        )
        async with other.engine.begin() as connection:
            assert len((await connection.execute(ended)).all()) == 2
        await other.engine.dispose()

        async with database.transaction() as session:
            session.add(company("after"))
        assert (await database.fetch_row("SELECT count(*) FROM companies", []))[0] == 2
    finally:
        await database.close()


async def test_a_connection_is_asked_after_idle_time_whether_it_works(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(postgres_url)
    async with database.transaction() as session:
        session.add(company("before"))

    async def end() -> None:
        connection = await asyncpg.connect(postgres_url)
        await connection.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname ="
            " current_database() AND application_name = 'deskgraph-write'"
        )
        await connection.close()

    # This loop waits for it, so the driver does not notice.
    thread = threading.Thread(target=asyncio.run, args=[end()])
    thread.start()
    thread.join()
    monkeypatch.setattr("deskgraph.database.writers.IDLE_SECONDS", 0.0)
    async with database.transaction() as session:
        session.add(company("later"))
    assert await names(database) == ["before", "later"]
    await database.close()


async def test_references_are_enforced(database: Database) -> None:
    async def refer() -> None:
        async with database.transaction() as session:
            session.add(Contact(company_id=key("x"), name="Ann", created_at=NOON, updated_at=NOON))

    with pytest.raises(IntegrityError, match=r"(?i)foreign key"):
        await refer()


async def test_sqlite_keeps_what_it_has_committed(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    async with database.transaction() as session:
        connection = await session.connection()
        found = {
            name: (await connection.exec_driver_sql(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    await database.engine.dispose()
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


async def test_a_read_that_is_cancelled_while_connecting_leaves_no_error(
    postgres_url: str,
) -> None:
    failed: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: failed.append(context))
    for steps in range(0, 60, 2):
        database = Database(postgres_url)
        await database.open()
        try:
            # The one connection that is there is in use, so the next read connects.
            busy = asyncio.create_task(database.fetch_row("SELECT pg_sleep(0.03)", []))
            await asyncio.sleep(0)
            task = asyncio.create_task(database.fetch_row("SELECT 1", []))
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await busy
            assert (await database.fetch_row("SELECT 2", []))[0] == 2
        finally:
            await database.close()
    gc.collect()
    assert not failed
