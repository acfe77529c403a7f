"""Transactions of single statements: kept whole or not at all, whatever becomes of their task."""

import asyncio
import sqlite3
import traceback
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import select, text

from deskgraph.database.database import Database
from models import Company, Contact, DayCounter, TicketEvent, TicketEventType, Via, table_of
from resolvers.errors import Changes, Unavailable
from resolvers.write_statements import (
    KEY,
    Step,
    always,
    change_in,
    delete_from,
    insert_into,
    stored_names,
    with_key,
)
from tests.support.clock import NOON
from tests.support.rows import key

pytestmark = pytest.mark.anyio

COUNTERS = table_of(DayCounter)
CONTACTS = table_of(Contact)
COUNT = insert_into(COUNTERS)
ALL = always(select(COUNTERS.c.day, COUNTERS.c.value).order_by(COUNTERS.c.day))


def count(day: str, value: object = 1) -> Step:
    return COUNT, {"day": day, "value": value}


async def counted(database: Database) -> list[tuple[str, int]]:
    async with database.engine.connect() as connection:
        found = await connection.execute(text("SELECT day, value FROM day_counters ORDER BY day"))
        return [(row[0], row[1]) for row in found]


async def write(database: Database, *days: str) -> None:
    async with database.write() as transaction:
        await transaction.execute(*map(count, days))


async def test_all_of_it_is_kept_or_nothing(database: Database) -> None:
    await write(database, "a", "b")
    with pytest.raises((asyncpg.UniqueViolationError, sqlite3.IntegrityError)):
        await write(database, "c", "a")

    async def refuse() -> None:
        async with database.write() as transaction:
            await transaction.execute(count("d"))
            raise RuntimeError("planted")

    # More often than there are connections: each of them is given back.
    for _ in range(10):
        with pytest.raises(RuntimeError, match="planted"):
            await refuse()
    await write(database, "e")
    assert await counted(database) == [("a", 1), ("b", 1), ("e", 1)]


async def test_rows_have_the_types_of_their_columns(database: Database) -> None:
    async with database.transaction() as session:
        session.add(Company(id=key("acme"), name="Acme", created_at=NOON, updated_at=NOON))
        contact = Contact(
            id=key("c"), company_id=key("acme"), name="C", created_at=NOON, updated_at=NOON
        )
        session.add(contact)
    wanted = (CONTACTS.c.company_id, CONTACTS.c.is_active, CONTACTS.c.created_at)
    read = always(select(*wanted, CONTACTS.c.last_contacted).where(with_key(CONTACTS)))
    rename = change_in(CONTACTS, ["name", "last_contacted"])
    async with database.write() as transaction:
        given = {KEY: key("c"), "name": "D", "last_contacted": NOON}
        assert await transaction.fetch_row(read, {KEY: key("nobody")}) is None
        before = await transaction.fetch_row(read, {KEY: key("c")})
        await transaction.execute((rename, given))
        after = await transaction.fetch_row(read, {KEY: key("c")})
        await transaction.execute((delete_from(CONTACTS), {KEY: key("c")}))
        gone = await transaction.fetch(read, {KEY: key("c")})
    assert (before, after) == ((key("acme"), True, NOON, None), (key("acme"), True, NOON, NOON))
    assert after is not None
    assert isinstance(after[0], UUID)
    assert gone == []


async def test_a_value_that_is_missing_is_no_null(database: Database) -> None:
    with pytest.raises(KeyError, match="value"):
        async with database.write() as transaction:
            await transaction.execute((COUNT, {"day": "a"}))
    assert await counted(database) == []


async def test_many_rows_are_stored_as_each_by_itself(database: Database) -> None:
    """PostgreSQL takes them as JSON."""
    events = table_of(TicketEvent)
    insert = insert_into(events)
    texts = ["", "Straße ☂ 🦊", "\\ \" ' \n\t \u2028 \u007f {}[]", "null", "1" * 40_000]
    odd = [
        {
            "id": key(f"{number}"),
            "type": list(TicketEventType)[number],
            "ticket_id": key("t"),
            "company_id": asyncpg.pgproto.pgproto.UUID(str(key("acme"))),
            "ticket_number": text[:50],
            "comment_id": key("c") if number % 2 else None,
            "attachment_id": None,
            "actor_id": None,
            "via": Via.GRAPHQL,
            "is_internal": bool(number % 2),
            "changes": [{"field": "subject", "from": None, "to": text, "length": number}],
            "version": number or None,
            "at": NOON.astimezone(timezone(timedelta(hours=5))) + timedelta(microseconds=number),
        }
        for number, text in enumerate(texts)
    ]
    again = [{**row, "id": key(f"again {number}")} for number, row in enumerate(odd)]
    async with database.write() as transaction:
        for row in odd:
            await transaction.execute((insert, row))
        await transaction.execute(*((insert, row) for row in again))
        names = [name for name in stored_names(events) if name != "id"]
        stored = select(events.c.id, *(events.c[name] for name in names)).order_by(events.c.seq)
        rows = await transaction.fetch(always(stored), {})
    each, many = rows[: len(odd)], rows[len(odd) :]
    # In their order.
    assert [row[0] for row in many] == [row["id"] for row in again]
    assert [row[1:] for row in many] == [row[1:] for row in each]
    assert [row[1:] for row in each] == [tuple(row[name] for name in names) for row in odd]


async def test_of_two_changes_of_a_row_the_last_one_wins(database: Database) -> None:
    async with database.transaction() as session:
        session.add(Company(id=key("acme"), name="Acme", created_at=NOON, updated_at=NOON))
    companies = table_of(Company)
    rename = change_in(companies, ["name"])
    names = [f"Acme {number}" for number in range(20)]
    async with database.write() as transaction:
        await transaction.execute(*((rename, {KEY: key("acme"), "name": name}) for name in names))
        read = always(select(companies.c.name).where(with_key(companies)))
        assert await transaction.fetch_row(read, {KEY: key("acme")}) == ("Acme 19",)


async def test_what_is_wrong_with_one_of_many_stores_none(database: Database) -> None:
    touch = change_in(CONTACTS, ["updated_at"])
    without_zone = [(touch, {KEY: key(one), "updated_at": datetime(2025, 1, 1)}) for one in "ab"]

    async def try_it(*steps: Step) -> None:
        async with database.write() as transaction:
            await transaction.execute(count("c"))
            await transaction.execute(*steps)

    with pytest.raises(KeyError, match="value"):
        await try_it(count("a"), (COUNT, {"day": "b"}))
    with pytest.raises((ValueError, TypeError)):
        await try_it(*without_zone)
    with pytest.raises((TypeError, sqlite3.ProgrammingError)):
        await try_it(count("a"), count("b", object()))
    assert await counted(database) == []


async def test_the_observer_sees_each_statement(database: Database, statements: list[str]) -> None:
    async with database.write() as transaction:
        await transaction.execute(count("a"), count("b"))
        await transaction.fetch(ALL, {})
    # Neighbours with the same statement go to the driver as one.
    seen = [sql.split()[0] for sql in statements if "day_counters" in sql]
    assert seen == ["INSERT", "SELECT"]


async def test_a_failed_statement_repeats_no_value(database: Database) -> None:
    secret = "between ourselves"
    told = ""
    await write(database, secret[:8])
    for steps in (
        [count(secret[:8])],
        [count("a", secret)],
        [count("a"), count(secret[:8])],
        [count("a"), count("b", secret)],
    ):
        try:
            async with database.write() as transaction:
                await transaction.execute(*steps)
        except (asyncpg.PostgresError, sqlite3.Error) as error:
            told += "".join(traceback.format_exception(error))
    assert told
    assert secret[:8] not in told


async def test_a_task_that_is_cancelled_leaves_nothing_and_blocks_nobody(
    database: Database,
) -> None:
    begun = asyncio.Event()

    async def stay() -> None:
        async with database.write() as transaction:
            await transaction.execute(count("lost"))
            begun.set()
            await asyncio.Event().wait()

    # More often than there are connections.
    for _ in range(6):
        begun.clear()
        task = asyncio.create_task(stay())
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    await write(database, "next")
    assert await counted(database) == [("next", 1)]


async def test_a_commit_that_has_begun_is_waited_for(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A task that is cancelled during the commit hears of it when the commit is done."""

    async def work(day: str, committing: asyncio.Event) -> None:
        async with database.write() as transaction:
            await transaction.execute(count(day))
            commit = transaction.commit  # type: ignore[attr-defined] # it is the database's

            async def noticed() -> None:
                committing.set()
                await commit()
                done.append(day)

            monkeypatch.setattr(transaction, "commit", noticed)

    done: list[str] = []

    for moment in range(10):
        committing = asyncio.Event()
        task = asyncio.create_task(work(f"{moment}", committing))
        await committing.wait()
        for _ in range(moment):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        # Nothing has interrupted it.
        assert done[-1:] == [f"{moment}"]
    assert await counted(database) == [(f"{moment}", 1) for moment in range(10)]


async def test_a_commit_after_a_failed_statement_is_not_taken_for_one(postgres_url: str) -> None:
    database = Database(postgres_url)

    async def go_on() -> None:
        async with database.write() as transaction:
            await transaction.execute(count("a"))
            with suppress(asyncpg.UniqueViolationError):
                await transaction.execute(count("a"))

    with pytest.raises(RuntimeError, match="rolled back"):
        await go_on()
    assert await counted(database) == []
    await database.close()


@pytest.fixture
async def ended(postgres_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(postgres_url)
    yield connection
    await connection.close()


async def test_a_connection_that_breaks_is_replaced(
    postgres_url: str, ended: "asyncpg.Connection"
) -> None:
    database = Database(postgres_url)

    async def broken() -> None:
        async with database.write() as transaction:
            await transaction.execute(count("lost"))
            await ended.execute(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname ="
                " current_database() AND application_name = 'deskgraph-write'"
            )
            await transaction.execute(count("lost too"))

    with pytest.raises(Unavailable) as raised:
        await broken()
    assert raised.value.changes is Changes.NONE
    await write(database, "kept")
    assert await counted(database) == [("kept", 1)]
    await database.close()
