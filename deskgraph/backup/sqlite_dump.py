"""SQLite's online backup: a copy of the file as of one moment, while servers write."""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection

from deskgraph.backup.manifest import BackupError
from deskgraph.database.database import Database
from deskgraph.database.search_texts import Report
from deskgraph.private_files import create_private

# How many pages of 4 KiB are copied between two reports.
PAGES = 1000
# How many bytes of a backup are copied between two reports.
PIECE_BYTES = 1 << 22
NAME = "database.sqlite"


@asynccontextmanager
async def dumped(
    database: Database, folder: Path, report: Report
) -> AsyncIterator[AsyncConnection]:
    """Copy the database into a folder, and give a connection to the copy."""
    path = folder / NAME
    await copy_file(database, path, report)
    copy = Database(f"sqlite:///{path}")
    try:
        async with copy.engine.connect() as connection:
            yield connection
    finally:
        await copy.engine.dispose()
        # The copy is one file without a log beside it, which a backup could lose.
        await fold_file(path)


async def copy_file(database: Database, path: Path, report: Report) -> None:
    """Copy the database into a new file, which only its owner can read."""
    create_private(path)
    await asyncio.to_thread(_copy, str(database.url.database), path, report)


async def fold_file(path: Path) -> None:
    """Make a copy one file without a log beside it; raises ``BackupError`` if it is damaged."""
    await asyncio.to_thread(_fold, path)


def _copy(source: str, target: Path, report: Report) -> None:
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        # What others commit from here on is not in the copy, and does not start it again.
        old.execute("BEGIN")
        old.execute("SELECT count(*) FROM sqlite_master").fetchone()
        old.backup(
            new,
            pages=PAGES,
            progress=lambda _status, left, all_: report("Pages", all_ - left, all_),
        )


def _fold(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE").fetchone()
        found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise BackupError(f"The database is damaged: {found}.")
    _sync(path)


async def load(database: Database, dump: Path, report: Report) -> None:
    """Put the copy in the place of the database, which has no tables."""
    await database.engine.dispose()
    await asyncio.to_thread(_put, dump, Path(str(database.url.database)), report)


def _put(dump: Path, path: Path, report: Report) -> None:
    unfinished = path.with_name(f"{path.name}.restoring")
    unfinished.unlink(missing_ok=True)
    create_private(unfinished)
    total = dump.stat().st_size
    with dump.open("rb") as source, unfinished.open("wb") as target:
        while piece := source.read(PIECE_BYTES):
            target.write(piece)
            report("Bytes", target.tell(), total)
    _sync(unfinished)
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    unfinished.replace(path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
