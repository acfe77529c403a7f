"""How far backups and restores are: what is done grows, up to a total that is known."""

import asyncio
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from deskgraph.backup import sqlite_dump
from deskgraph.backup.making import make_backup, restore_backup
from deskgraph.database.database import Database
from deskgraph.storage.file_store import open_files
from tests.deskgraph.conftest import change
from tests.support.clock import NOON
from tests.support.rows import company, insert, ticket

Told = list[tuple[str, int, int]]
Report = Callable[[str, int, int], None]
TICKETS = 300
# 20 MB in PostgreSQL's pipe to pg_dump, which holds less than that.
LONG_TEXTS = (
    "INSERT INTO rate_buckets SELECT repeat('x', 90) || n, n FROM generate_series(1, 200000) n"
)


def fill(url: str) -> None:
    async def work() -> None:
        database = Database(url)
        rows = [ticket(f"t{number}", description="x" * 9000) for number in range(TICKETS)]
        await insert(database, company("hilton"), *rows)
        await database.engine.dispose()

    asyncio.run(work())


def back_up(url: str, folder: Path, report: Report) -> None:
    async def work() -> None:
        database = Database(url)
        files = open_files((folder.parent / "files").as_uri())
        await make_backup(database, files, folder, NOON, report)
        await database.engine.dispose()

    asyncio.run(work())


def bring_back(url: str, folder: Path, report: Report) -> None:
    async def work() -> None:
        database = Database(url)
        files = open_files((folder.parent / "files").as_uri())
        await restore_backup(database, files, folder, report)
        await database.engine.dispose()

    asyncio.run(work())


def grows(told: Told, name: str) -> list[int]:
    """Return what was reported to be done, of one total."""
    found = [(done, total) for step, done, total in told if step == name]
    assert found
    assert len({total for _, total in found}) == 1
    assert found[-1][0] == found[-1][1] > 0
    return [done for done, _ in found]


def test_a_restore_tells_how_much_of_the_dump_is_read(
    database_url: str, blank_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_dump, "PIECE_BYTES", 100_000)
    fill(database_url)
    back_up(database_url, tmp_path / "backup", lambda *_: None)
    told: Told = []

    bring_back(blank_database_url, tmp_path / "backup", lambda *one: told.append(one))

    done = grows(told, "Bytes")
    assert done == sorted(set(done))
    (dump,) = (tmp_path / "backup").glob("database.*")
    assert done[-1] == dump.stat().st_size


def test_a_backup_of_sqlite_tells_how_many_pages_are_copied(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_dump, "PAGES", 50)
    fill(sqlite_url)
    told: Told = []
    back_up(sqlite_url, tmp_path / "backup", lambda *one: told.append(one))
    assert len(grows(told, "Pages")) > 5


def test_a_backup_of_postgresql_tells_how_much_was_sent_of_about_how_much(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(postgres_url, LONG_TEXTS)
    # In the place of pg_dump, a reader of rows that stops until progress was reported.
    seen = tmp_path / "seen"
    programs = tmp_path / "bin"
    programs.mkdir()
    stopping = programs / "pg_dump"
    stopping.write_text(
        "#!/bin/sh\nset -eu\n"
        'for option; do case "$option" in --dbname=*) url="${option#--dbname=}";; esac; done\n'
        "psql --command='COPY rate_buckets TO STDOUT' \"$url\" |\n"
        f"  {{ until [ -e '{seen}' ]; do sleep 0.05; done; cat >/dev/null; }}\n"
        f'exec {shutil.which("pg_dump")} "$@"\n'
    )
    stopping.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    told: Told = []

    def note(name: str, done: int, total: int) -> None:
        told.append((name, done, total))
        if name == "Bytes, about" and done:
            seen.touch()

    back_up(postgres_url, tmp_path / "backup", note)

    found = [(done, total) for step, done, total in told if step == "Bytes, about"]
    assert any(0 < done <= total for done, total in found)
    assert all(total > 1_000_000 for _, total in found)
