"""An old desk of each kind, and what an import made of it."""

import asyncio
import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Table, create_engine, insert, select
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import SQLModel

from benchmarks import old_desk
from benchmarks.old_desk import OLD, Row
from deskgraph.database.database import Database
from tests.deskgraph.conftest import Ended, Run
from tests.support.clock import NOON
from tests.support.rows import key

# "correct horse" with few iterations, as Django writes it.
OLD_HASH = "pbkdf2_sha256$1000$salt$boRToEKoQr22LeDTyHDsEkHpDsDOTyWJq16HknEiweU="
SECRET_KEY = "the key of the old system, which is long enough"


class OldDesk:
    """The old database, which only these tests write."""

    def __init__(self, url: str) -> None:
        self.url = url

    def do(self, work: Callable[[Connection], Any]) -> Any:
        """Run work in a transaction of its own."""
        if self.url.startswith("sqlite"):
            engine = create_engine(self.url)
            with engine.begin() as connection:
                found = work(connection)
            engine.dispose()
            return found
        return asyncio.run(self._do(work))

    async def _do(self, work: Callable[[Connection], Any]) -> Any:
        engine = create_async_engine(make_url(self.url).set(drivername="postgresql+asyncpg"))
        async with engine.begin() as connection:
            found = await connection.run_sync(work)
        await engine.dispose()
        return found

    def add(self, table: Table, *rows: Row) -> None:
        """Insert rows."""
        self.do(lambda connection: connection.execute(insert(table), rows))

    def set(self, table: Table, name: str, /, **values: object) -> None:
        """Change the row of a name."""
        where = table.c.id == key(name)
        self.do(lambda connection: connection.execute(table.update().where(where).values(values)))

    def everything(self) -> dict[str, list[Row]]:
        """Return all rows of all tables."""
        found: dict[str, list[Row]] = dump(self.do, OLD.sorted_tables)
        return found

    def add_small_desk(self) -> None:
        """Add two users, a company, a contact, two tickets, three comments and a file."""
        later = NOON + timedelta(microseconds=123456)
        self.add(
            old_desk.USERS,
            old_desk.person(key("nina"), "nina", "Admin", password=OLD_HASH, last_login=later),
            old_desk.person(
                key("gone"), "gone", "Sales", password=OLD_HASH, is_active=False, first_name="Ünï"
            ),
        )
        self.add(old_desk.COMPANIES_TABLE, old_desk.company(key("hilton"), "Hilton 東京"))
        self.add(old_desk.CONTACTS_TABLE, old_desk.contact(key("john"), key("hilton"), "John"))
        self.add(
            old_desk.TICKETS,
            old_desk.ticket(
                key("offline"), "T-20251119-0007", key("hilton"), contact_id=key("john"),
                status="resolved", priority="urgent", category="technical", assigned_team="Tech",
                assigned_to_id=key("gone"), created_by_id=key("nina"), tags="zone,urgent",
                first_response_at=later, resolved_at=later, due_date=later,
                created_at=later, updated_at=later + timedelta(hours=1),
            ),
            old_desk.ticket(key("bill"), "T-20251119-0009", key("hilton"), created_at=NOON),
        )  # fmt: skip
        self.add(
            old_desk.COMMENTS,
            old_desk.comment(key("hello"), key("offline"), author_id=key("nina"), text="Hello"),
            old_desk.comment(key("note"), key("offline"), is_internal=True, text="Among us"),
            old_desk.comment(key("nobody"), key("bill")),
        )
        self.add(
            old_desk.ATTACHMENTS,
            old_desk.attachment(
                key("shot"), key("offline"), "tickets/attachments/2025/11/shot.png",
                size=4, uploaded_by_id=key("nina"), created_at=later,
            ),
        )  # fmt: skip


def dump(do: Callable[[Callable[[Connection], Any]], Any], tables: Sequence[Table]) -> Any:
    """Return all rows of tables, in the order of their keys."""

    def read(connection: Connection) -> dict[str, list[Row]]:
        ordered = [(table, select(table).order_by(*table.primary_key)) for table in tables]
        return {
            table.name: [dict(row) for row in connection.execute(statement).mappings()]
            for table, statement in ordered
        }

    return do(read)


def everything(url: str) -> dict[str, list[Row]]:
    """Return all rows of all our tables."""

    def do(work: Callable[[Connection], Any]) -> Any:
        async def run() -> Any:
            database = Database(url)
            async with database.engine.connect() as connection:
                found = await connection.run_sync(work)
            await database.engine.dispose()
            return found

        return asyncio.run(run())

    found: dict[str, list[Row]] = dump(do, SQLModel.metadata.sorted_tables)
    return found


def row(url: str, table: str, name: str) -> Row:
    """Return one of our rows."""
    (found,) = [one for one in everything(url)[table] if one["id"] == key(name)]
    return found


@pytest.fixture
def old(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> OldDesk:
    """Give an old desk without rows, on the kind of database that ours is on."""
    if backend == "sqlite":
        url = f"sqlite:///{tmp_path / 'old.sqlite3'}"
    else:
        url = str(request.getfixturevalue("blank_postgres_url")())
    made = OldDesk(url)
    made.do(OLD.create_all)
    return made


@pytest.fixture
def bring(run: Run, services: str, old: OldDesk) -> Callable[..., Ended]:
    """Give a function that imports from the old desk into ours."""
    assert services != old.url
    return lambda *options: run("import-legacy", old.url, *options)


def counts(ended: Ended) -> dict[str, tuple[int, ...]]:
    """Read the table: what was read, written, unchanged and rejected, by kind."""
    assert (ended.code, ended.err) == (0, ""), ended
    lines = ended.out.split("\n\n")[0].splitlines()
    assert lines[0].split() == ["kind", "read", "written", "unchanged", "rejected"]
    return {
        line.split()[0]: tuple(int(number.replace(",", "")) for number in line.split()[1:])
        for line in lines[1:]
    }


def rejects(path: Path = Path("import-rejects.jsonl")) -> list[dict[str, Any]]:
    """Read what was rejected."""
    return [json.loads(line) for line in path.read_text().splitlines()]
