"""Writers on SQLite who wait share a commit: all of them are stored, or each one fails."""

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Coroutine, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlmodel import select

from deskgraph.database.database import Database
from deskgraph.database.migrate import upgrade
from deskgraph.database.sqlite import group_commit
from deskgraph.database.sqlite.group_commit import GroupCommit, Writer
from models import Company
from resolvers.errors import Changes, Unavailable
from tests.support import proofs
from tests.support.clock import NOON
from tests.support.paths import ROOT
from tests.support.processes import launcher
from tests.support.rows import key

pytestmark = pytest.mark.anyio

TRANSACTIONS = ("BEGIN", "SAVEPOINT", "RELEASE", "ROLLBACK", "COMMIT")


@pytest.fixture
def backend() -> str:
    """Take SQLite; PostgreSQL lets commits share the disk by itself."""
    return "sqlite"


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect how transactions begin and end on all connections that are made."""
    found: list[str] = []
    connect = sqlite3.connect

    def tracing(*given: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*given, **options)
        connection.set_trace_callback(
            lambda sql: found.append(sql) if sql.startswith(TRANSACTIONS) else None
        )
        return connection

    monkeypatch.setattr(sqlite3, "connect", tracing)
    return found


def company(name: str) -> Company:
    return Company(id=key(name), name=name, created_at=NOON, updated_at=NOON)


async def names(database: Database) -> list[str]:
    async with database.transaction() as session:
        return list((await session.exec(select(Company.name).order_by(Company.name))).all())


async def write(database: Database, name: str) -> None:
    async with database.transaction() as session:
        session.add(company(name))


class Gate:
    """A writer who has the turn, and waits until others wait for it."""

    def __init__(self, database: Database, name: str = "first") -> None:
        self._database = database
        self._open = asyncio.Event()
        self.inside = asyncio.Event()
        self.task = asyncio.create_task(self._write(name))

    async def _write(self, name: str) -> None:
        async with self._database.transaction() as session:
            session.add(company(name))
            await session.flush()
            self.inside.set()
            await self._open.wait()

    async def let_go(self) -> None:
        # Others come to where they wait.
        for _ in range(50):
            await asyncio.sleep(0)
        self._open.set()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let writers join for as long as the machine takes."""
    monkeypatch.setattr(group_commit, "JOINING_SECONDS", 600)


async def together(
    database: Database, *writes: Coroutine[None, None, None]
) -> Sequence[BaseException | None]:
    """Run writes that wait for the same writer; return how that one and they ended."""
    gate = Gate(database)
    await gate.inside.wait()
    tasks = [asyncio.create_task(write) for write in writes]
    await gate.let_go()
    return await asyncio.gather(gate.task, *tasks, return_exceptions=True)


@pytest.mark.usefixtures("patient")
async def test_those_who_wait_share_one_commit(traced: list[str], database: Database) -> None:
    await write(database, "before")
    traced.clear()
    await together(database, *(write(database, f"{n}") for n in range(5)))
    assert traced.count("COMMIT") == traced.count("BEGIN IMMEDIATE") == 1
    assert traced.count("SAVEPOINT w") == 5
    assert await names(database) == ["0", "1", "2", "3", "4", "before", "first"]


@pytest.mark.usefixtures("patient")
async def test_only_so_many_share_a_commit(
    traced: list[str], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "MOST_WRITERS", 2)
    await together(database, *(write(database, f"{n}") for n in range(5)))
    assert traced.count("COMMIT") == 3


async def test_nobody_joins_a_transaction_that_has_taken_long(
    traced: list[str], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "JOINING_SECONDS", -1)
    await together(database, *(write(database, f"{n}") for n in range(3)))
    assert traced.count("COMMIT") == 4


@pytest.mark.usefixtures("patient")
async def test_a_writer_that_fails_takes_nothing_of_others_with_it(database: Database) -> None:
    async def fail() -> None:
        async with database.transaction() as session:
            session.add(company("failed"))
            await session.flush()
            session.add(company("first"))

    async def give_up() -> None:
        async with database.transaction() as session:
            session.add(company("given up"))
            await session.flush()
            raise ValueError

    async def do_nothing() -> None:
        async with database.transaction():
            raise KeyError

    ended = await together(database, fail(), write(database, "a"), give_up(), do_nothing())
    assert [type(error) for error in ended] == [
        *(type(None), IntegrityError, type(None), ValueError, KeyError)
    ]
    assert await names(database) == ["a", "first"]


@pytest.mark.usefixtures("patient")
async def test_a_writer_that_is_cancelled_takes_nothing_of_others_with_it(
    traced: list[str], database: Database
) -> None:
    inside = asyncio.Event()

    async def hang(name: str, *, in_a_statement: bool) -> None:
        async with database.transaction() as session:
            session.add(company(name))
            await session.flush()
            inside.set()
            if in_a_statement:
                # Long enough to be cancelled in; it is let to its end.
                some = (
                    "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT 300000)"
                )
                count = f"INSERT INTO day_counters (day, value) {some} SELECT 'x', count(*) FROM c"
                await (await session.connection()).execute(text(count))
            await asyncio.Event().wait()

    for in_a_statement in (False, True):
        traced.clear()
        inside.clear()
        gate = Gate(database, f"first {in_a_statement}")
        await gate.inside.wait()
        hanging = asyncio.create_task(hang("hanging", in_a_statement=in_a_statement))
        after = asyncio.create_task(write(database, f"after {in_a_statement}"))
        await gate.let_go()
        await inside.wait()
        await asyncio.sleep(0)
        hanging.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hanging
        await asyncio.gather(gate.task, after)
        assert traced.count("COMMIT") == 1
        assert traced.count("ROLLBACK TO w") == 1
    assert await names(database) == ["after False", "after True", "first False", "first True"]


async def test_a_writer_that_is_cancelled_as_the_turn_comes_passes_it_on(tmp_path: Path) -> None:
    group = GroupCommit(partial(sqlite3.connect, tmp_path / "desk.db", isolation_level=None))
    first, cancelled, last = (Writer(fresh=False) for _ in range(3))
    await group.wait_for_turn(first)
    waiting = [asyncio.create_task(group.wait_for_turn(one)) for one in (cancelled, last)]
    await asyncio.sleep(0)
    group.leave(first)
    waiting[0].cancel()
    async with asyncio.timeout(60):
        await waiting[1]
    assert waiting[0].cancelled()
    await group.close()


@pytest.mark.usefixtures("patient")
async def test_a_commit_that_fails_fails_for_all(database: Database) -> None:
    async def comment_on_nothing() -> None:
        async with database.transaction() as session:
            connection = await session.connection()
            # Checked at the commit.
            await connection.execute(text("PRAGMA defer_foreign_keys=ON"))
            await connection.execute(
                text(
                    "INSERT INTO comments (id, ticket_id, text, is_internal, version, created_at, "
                    "updated_at) VALUES ('a', 'none', '', 0, 1, '', '')"
                )
            )

    writes = (write(database, "a"), comment_on_nothing(), write(database, "b"))
    ended = await together(database, *writes)
    assert [type(error) for error in ended] == [OperationalError] * 4
    assert await names(database) == []
    await write(database, "next")
    assert await names(database) == ["next"]


@pytest.mark.usefixtures("patient")
async def test_a_full_disk_fails_for_all_who_share_the_transaction(database: Database) -> None:
    async def fill() -> None:
        async with database.transaction() as session:
            connection = await session.connection()
            pages = (await connection.execute(text("PRAGMA page_count"))).scalar_one()
            await connection.execute(text(f"PRAGMA max_page_count={pages}"))
            with pytest.raises(OperationalError, match="full"):
                await connection.execute(
                    text("INSERT INTO day_counters (day, value) VALUES (hex(zeroblob(99999)), 1)")
                )
            # What comes now would be stored on its own.
            session.add(company("late"))

    ended = await together(database, write(database, "a"), fill(), write(database, "b"))
    assert [type(error) for error in ended] == [Unavailable] * 3 + [type(None)]
    assert {error.changes for error in ended if isinstance(error, Unavailable)} == {Changes.NONE}
    assert await names(database) == ["b"]


@pytest.mark.usefixtures("patient")
async def test_a_fresh_transaction_reads_all_that_was_done_before(
    traced: list[str], database: Database
) -> None:
    seen = []

    async def look(*, fresh: bool) -> None:
        async with database.transaction(fresh=fresh) as session:
            inside = len((await session.exec(select(Company.id))).all())
            (outside,) = await database.fetch_row("SELECT count(*) FROM companies", [])
            seen.append((inside, outside))

    await together(database, look(fresh=False), write(database, "a"), look(fresh=True))
    assert seen == [(1, 0), (2, 2)]
    assert traced.count("COMMIT") == 2


class Refused(Exception):
    """Why a writer gives up."""


async def test_a_writer_that_was_rolled_back_hears_of_it_after_the_commit(
    database: Database,
) -> None:
    """What it saw was not stored yet, and its error may tell of that."""
    seen = []

    async def refuse() -> None:
        async with database.transaction() as session:
            assert (await session.exec(select(Company.name))).all() == ["first"]
            raise Refused

    async def look() -> None:
        with pytest.raises(Refused):
            await refuse()
        seen.append(await database.fetch_row("SELECT count(*) FROM companies", []))

    assert await together(database, look()) == [None, None]
    assert seen == [(1,)]


@proofs.examples(small=25, long=500)
@given(st.lists(st.tuples(st.sampled_from("awfc"), st.integers(0, 12)), min_size=1, max_size=24))
def test_what_is_acknowledged_is_stored_and_nothing_else(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    """Writers that write, fail or are cancelled, after so many turns of the loop."""

    async def one(database: Database, name: str, kind: str) -> None:
        async with database.transaction(fresh=kind == "a") as session:
            session.add(company(name))
            await session.flush()
            if kind == "f":
                raise ValueError

    async def run(database: Database) -> None:
        tasks = []
        for number, (kind, turns) in enumerate(steps):
            task = asyncio.create_task(one(database, f"{number:02}", kind))
            tasks.append(task)
            for _ in range(turns):
                await asyncio.sleep(0.0002)
            if kind == "c":
                task.cancel()
        async with asyncio.timeout(60):
            await asyncio.wait(tasks)
        stored = [
            f"{n:02}"
            for n, task in enumerate(tasks)
            if not task.cancelled() and not task.exception()
        ]
        found = await names(database)
        # A writer that was cancelled during the commit is stored.
        assert set(stored) <= set(found)
        assert {name for name in found if steps[int(name)][0] != "c"} <= set(stored)

    path = tmp_path_factory.mktemp("group") / "desk.db"
    path.write_bytes(sqlite_template.read_bytes())

    async def whole() -> None:
        database = Database(f"sqlite:///{path}")
        try:
            await run(database)
        finally:
            await database.close()

    asyncio.run(whole())


PROGRAM = """
import asyncio, sys
from deskgraph.database.database import Database
from tests.deskgraph.database.sqlite.test_group_commit import write

async def main() -> None:
    database = Database(sys.argv[1])

    async def client(number):
        for count in range(10_000):
            await write(database, f"{number}-{count}")
            print(f"{number}-{count}", flush=True)

    await asyncio.gather(*(client(n) for n in range(16)))

asyncio.run(main())
"""


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'desk.db'}"

    async def prepare() -> None:
        database = Database(url)
        await upgrade(database)
        await database.close()

    asyncio.run(prepare())
    command = [sys.executable, "-c", PROGRAM, url]
    with launcher.child(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = [process.stdout.readline().strip() for _ in range(60)]
        process.kill()
        told += process.stdout.read().split()
    connection = sqlite3.connect(tmp_path / "desk.db")
    stored = {name for (name,) in connection.execute("SELECT name FROM companies")}
    (sound,) = connection.execute("PRAGMA integrity_check").fetchone()
    connection.close()
    # The last one may be cut off.
    assert set(told[:-1]) <= stored
    assert sound == "ok"
