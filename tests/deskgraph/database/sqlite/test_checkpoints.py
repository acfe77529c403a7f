"""What was committed comes from the write-ahead log into the file, and no writer waits for that."""

import logging
import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from threading import Event
from typing import Any

import anyio
import anyio.to_thread
import pytest

from deskgraph.database.database import Database
from deskgraph.database.sqlite import checkpoints
from deskgraph.database.sqlite.group_commit import GroupCommit, Writer
from models import Company
from tests.support.clock import NOON
from tests.support.rows import key

pytestmark = pytest.mark.anyio

# After how many changes here.
CHANGES = 20


@pytest.fixture
def backend() -> str:
    """Take SQLite; PostgreSQL has a process for it."""
    return "sqlite"


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Move the log after few changes."""
    monkeypatch.setattr(checkpoints, "CHANGES", CHANGES)


async def write(database: Database, name: str) -> None:
    async with database.transaction() as session:
        session.add(Company(id=key(name), name=name, created_at=NOON, updated_at=NOON))


def in_the_file(database: Database, folder: Path) -> int:
    """Return how many rows the file has without its log; none while it is written to."""
    copy = folder / "copy.db"
    shutil.copy(str(database.url.database), copy)
    with closing(sqlite3.connect(copy)) as connection, suppress(sqlite3.DatabaseError):
        return int(connection.execute("SELECT count(*) FROM companies").fetchone()[0])
    return 0


async def test_after_some_changes_the_file_has_them(database: Database, tmp_path: Path) -> None:
    await write(database, "first")
    assert in_the_file(database, tmp_path) == 0
    for number in range(CHANGES):
        await write(database, f"{number}")
    # SQLite tells nobody.
    while in_the_file(database, tmp_path) == 0:  # noqa: ASYNC110
        await anyio.sleep(0.01)


async def test_writers_go_on_meanwhile(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, over = Event(), Event()
    connect = sqlite3.connect

    def slow(sql: str) -> None:
        if "wal_checkpoint" in sql:
            begun.set()
            over.wait()

    def watched(*given: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*given, **options)
        connection.set_trace_callback(slow)
        return connection

    monkeypatch.setattr(sqlite3, "connect", watched)
    try:
        for number in range(2 * CHANGES):
            await write(database, f"{number}")
        await anyio.to_thread.run_sync(begun.wait)
        await write(database, "last")
    finally:
        over.set()


async def test_a_failure_is_logged_and_stops_no_writer(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, connected = tmp_path / "own.db", 0

    def insert(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO numbers VALUES (1)").close()

    def connect() -> sqlite3.Connection:
        nonlocal connected
        connected += 1
        if connected > 1:
            raise sqlite3.OperationalError("disk I/O error")
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("CREATE TABLE numbers (number)").close()
        return connection

    group = GroupCommit(connect)
    await group.open()
    with caplog.at_level(logging.WARNING, "deskgraph.database"):
        for _ in range(2 * CHANGES):
            writer = Writer(fresh=False)
            await group.wait_for_turn(writer)
            await group.begin(writer)
            await group.run(writer, insert)
            await group.commit(writer)
        await group.close()
    assert "cannot move the write-ahead log into the database" in caplog.text
    with closing(sqlite3.connect(path)) as connection:
        (count,) = connection.execute("SELECT count(*) FROM numbers").fetchone()
    assert count == 2 * CHANGES
