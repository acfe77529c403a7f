"""Many rows at once: searches find them, and the indexes work as before afterwards."""

import secrets
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from sqlalchemy import insert as insert_into
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection

from deskgraph.database.database import Database
from deskgraph.database.sqlite.many_rows import without_triggers
from deskgraph.database.ticket_counts.recount import wrong_counts
from deskgraph.database.trigrams import INDEXES, many_writes
from models import Comment, Team, Ticket, TicketStatus, table_of
from models.search import search_texts
from tests.support.clock import NOON
from tests.support.rows import comment, company, contact, insert, key, ticket, user

pytestmark = pytest.mark.anyio

TICKETS = table_of(Ticket)
OPTIONS = (
    "SELECT reloptions FROM pg_class "
    "WHERE oid IN (SELECT to_regclass(n) FROM unnest(CAST(:names AS text[])) AS n)"
)
FOUND = (
    "SELECT {table}.id FROM {name}_search JOIN {name}_search_keys ON key = {name}_search.rowid "
    "JOIN {table} ON {table}.id = {name}_id WHERE {name}_search MATCH :phrase"
)


def values(row: Ticket | Comment) -> dict[str, Any]:
    """Return the values of a row by the names of its columns, as an import has them."""
    table = table_of(type(row))
    given = {column.name: getattr(row, column.name) for column in table.columns}
    return {name: value for name, value in given.items() if name in row.model_fields_set} | {
        **search_texts(table, given),
        "version": 1,
    }


async def add(connection: AsyncConnection, rows: Sequence[Ticket | Comment]) -> None:
    table = table_of(type(rows[0]))
    async with without_triggers(connection, table):
        await connection.execute(insert_into(table), [values(row) for row in rows])


async def found(connection: AsyncConnection, name: str, phrase: str) -> set[str]:
    statement = text(FOUND.format(name=name, table=f"{name}s"))
    rows = await connection.execute(statement, {"phrase": f'"{phrase}"'})
    return {str(row.id) for row in rows}


def ids(*names: str) -> set[str]:
    return {str(key(name)) for name in names}


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_rows_of_sqlite_are_found_by_what_they_say(database: Database) -> None:
    await insert(database, company("hilton"), ticket("first"), comment("old", "first"))
    async with database.engine.begin() as connection:
        # Their keys are free again, and must not lead to other rows.
        await connection.execute(text("DELETE FROM comments"))
        await add(connection, [ticket("second"), ticket("third")])
        await add(connection, [comment("new", "second", text="Grüße"), comment("newer", "third")])
    async with database.engine.begin() as connection:
        assert await found(connection, "ticket", "hilton") == ids("first", "second", "third")
        assert await found(connection, "ticket", "second") == ids("second")
        assert await found(connection, "comment", "grüsse") == ids("new")
        assert await found(connection, "comment", "old") == set()
        # The triggers go on as before.
        await connection.execute(
            text("UPDATE tickets SET search_text = 'other' WHERE id = :id"),
            {"id": str(key("second"))},
        )
        await connection.execute(insert_into(TICKETS), [values(ticket("fourth"))])
        assert await found(connection, "ticket", "second") == set()
        assert await found(connection, "ticket", "fourth") == ids("fourth")


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_rows_of_sqlite_are_counted(database: Database) -> None:
    await insert(database, company("hilton"), company("centara"), contact("john"), user("keith"))
    await insert(database, ticket("before", due_date=NOON))
    many = [
        ticket(
            f"{number}",
            status=status,
            company_id=key(("hilton", "centara")[number % 2]),
            contact_id=key("john") if number % 2 == 0 else None,
            assigned_to_id=key("keith") if number % 3 else None,
            assigned_team=team,
            due_date=NOON + timedelta(hours=number) if number % 5 else None,
        )
        for number, (status, team) in enumerate(product(TicketStatus, [None, *Team]))
    ]
    async with database.engine.begin() as connection:
        for start in range(0, len(many), 20):
            await add(connection, many[start : start + 20])
    assert await wrong_counts(database) == []
    # The trigger goes on as before.
    await insert(database, ticket("after", due_date=NOON))
    async with database.engine.begin() as connection:
        await connection.execute(text("DELETE FROM tickets WHERE due_date IS NOT NULL"))
    assert await wrong_counts(database) == []


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_nothing_of_a_failed_insert_stays(database: Database) -> None:
    await insert(database, company("hilton"))
    async with database.engine.connect() as connection:
        transaction = await connection.begin()
        with suppress(ZeroDivisionError):
            async with without_triggers(connection, TICKETS):
                await connection.execute(insert_into(TICKETS), [values(ticket("first"))])
                raise ZeroDivisionError
        await transaction.rollback()
    await insert(database, ticket("second"))
    async with database.engine.begin() as connection:
        assert await found(connection, "ticket", "hilton") == ids("second")


async def options(database: Database) -> list[list[str] | None]:
    """Return the options of each index."""
    async with database.engine.connect() as connection:
        return list(await connection.scalars(text(OPTIONS), {"names": [*INDEXES]}))


async def pending(connection: AsyncConnection) -> int:
    """Write what the index of tickets has gathered; return how many pages that were."""
    sql = "SELECT gin_clean_pending_list('ix_tickets_search_text')"
    return int(await connection.scalar(text(sql)) or 0)


@pytest.mark.parametrize("backend", ["postgres"], indirect=True)
async def test_indexes_of_postgresql_gather_rows_for_a_while(database: Database) -> None:
    await insert(database, company("hilton"))
    assert await options(database) == [["gin_pending_list_limit=1024"]] * len(INDEXES)
    with suppress(ZeroDivisionError):
        async with many_writes(database.engine):
            assert await options(database) == [None] * len(INDEXES)
            await insert(database, ticket("first"))
            raise ZeroDivisionError
    assert await options(database) == [["gin_pending_list_limit=1024"]] * len(INDEXES)
    async with database.engine.begin() as connection:
        assert await pending(connection) == 0


@pytest.mark.parametrize("backend", ["postgres"], indirect=True)
async def test_a_user_who_does_not_own_the_indexes_goes_on_without(
    database: Database, database_url: str
) -> None:
    role = f"writer_{secrets.token_hex(4)}"
    async with database.engine.begin() as connection:
        await connection.execute(text(f"CREATE ROLE {role} LOGIN PASSWORD '{role}'"))
    other = Database(
        make_url(database_url).set(username=role, password=role).render_as_string(False)
    )
    try:
        async with many_writes(other.engine):
            assert await options(database) == [["gin_pending_list_limit=1024"]] * len(INDEXES)
    finally:
        await other.engine.dispose()
        async with database.engine.begin() as connection:
            await connection.execute(text(f"DROP ROLE {role}"))
