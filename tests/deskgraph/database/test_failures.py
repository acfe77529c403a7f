"""Which errors of the drivers say that the database is away, and which blame a statement."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from deskgraph.database.database import Database
from resolvers.errors import Changes, Unavailable

pytestmark = pytest.mark.anyio


async def write(database: Database) -> None:
    async with database.write():
        pass


async def write_in_a_session(database: Database) -> None:
    async with database.transaction() as session:
        await session.connection()


async def assert_away(database: Database) -> None:
    for attempt in (write, write_in_a_session):
        with pytest.raises(Unavailable) as raised:
            await attempt(database)
        assert (raised.value.part, raised.value.changes) == ("database", Changes.NONE)


async def assert_works(database: Database) -> None:
    await write(database)
    await write_in_a_session(database)
    await database.close()


@pytest.mark.parametrize(
    "other", [{"username": "nobody_here"}, {"database": "nothing_here"}, {"port": 9}]
)
async def test_a_server_that_lets_nobody_in(postgres_url: str, other: dict[str, str | int]) -> None:
    url = make_url(postgres_url).set(**other)  # type: ignore[arg-type] # each has its own type
    database = Database(url.render_as_string(hide_password=False))
    await assert_away(database)
    await database.engine.dispose()


@pytest.fixture
def damaged(sqlite_url: str) -> Callable[[], int]:
    """Damage the file, and give what puts it back."""
    path = Path(str(make_url(sqlite_url).database))
    whole = path.read_bytes()
    path.write_bytes(b"This is not a database. " * 1000)
    return lambda: path.write_bytes(whole)


async def test_a_file_that_is_damaged_until_it_is_put_back(
    sqlite_url: str, damaged: Callable[[], int]
) -> None:
    database = Database(sqlite_url)
    await assert_away(database)
    damaged()
    await assert_works(database)


async def test_a_wrong_statement_is_an_error_of_the_server(database: Database) -> None:
    with pytest.raises((asyncpg.UndefinedTableError, sqlite3.OperationalError), match="nowhere"):
        await database.fetch_row("SELECT 1 FROM nowhere", ())
    with pytest.raises(DBAPIError, match="nowhere"):
        async with database.transaction() as session:
            await (await session.connection()).execute(text("SELECT 1 FROM nowhere"))


async def test_a_write_by_a_connection_for_reads_is_an_error_of_the_server(
    database: Database,
) -> None:
    with pytest.raises((asyncpg.ReadOnlySQLTransactionError, sqlite3.OperationalError)):
        await database.fetch_row("DELETE FROM users", ())


async def test_a_value_that_does_not_fit_is_an_error_of_the_server(postgres_url: str) -> None:
    database = Database(postgres_url)
    await database.open()
    with pytest.raises(asyncpg.DataError):
        await database.fetch_row("SELECT $1::int", ("no number",))
    await database.close()
