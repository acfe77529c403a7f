"""The orphan cleanup: files that no row names, and rows whose file is missing.

A file is stored before its row and removed after it, so a crash leaves at worst a file without a
row. Rows of deleted attachments name their files for as long as an undo may need them. Memory stays
the same however many there are: both sides are read in batches, and what is in the store is noted
in a temporary database on the disk.
"""

import os
import re
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import obstore
from sqlalchemy import Select, select

from deskgraph.database.database import Database
from deskgraph.storage.file_store import FileStore, prune
from deskgraph.storage.named_files import NAMED_FILES

# All files of deskgraph are below it; other files of a store are left alone.
PREFIX = "tickets/attachments"
BATCH = 1000
# What obstore calls a file of a folder while it is being written; its listings leave them out.
_UNFINISHED = re.compile(r"#\d+$")


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be: a row that is ``missing`` its file, or a file.

    ``size`` is in bytes, ``at`` when the file was stored or the row was made.
    """

    kind: Literal["orphan", "unfinished", "missing"]
    key: str
    size: int
    at: datetime


async def clean_up_orphans(
    database: Database, files: FileStore, *, before: datetime, remove: bool = False
) -> AsyncIterator[Finding]:
    """Yield what is found; files are removed first if so wished.

    Only files stored before a time count: a younger one may be of an upload that is under way.
    """
    with closing(sqlite3.connect("")) as stored:
        stored.execute("CREATE TABLE stored (key TEXT PRIMARY KEY) WITHOUT ROWID")
        async for batch in obstore.list(files.store, PREFIX, chunk_size=BATCH):
            stored.executemany("INSERT INTO stored VALUES (?)", ((file["path"],) for file in batch))
            orphans = await _orphans(database, batch, before)
            if remove and orphans:
                await files.remove([orphan.key for orphan in orphans])
            for orphan in orphans:
                yield orphan
        async for row in _missing(database, files, stored):
            yield row
    if files.folder is not None:
        for unfinished in _unfinished(files.folder, before):
            if remove:
                path = files.folder / unfinished.key
                path.unlink(missing_ok=True)
                prune(files.folder, path.parent)
            yield unfinished


async def _orphans(
    database: Database, batch: Sequence["obstore.ObjectMeta"], before: datetime
) -> list[Finding]:
    """Return the old files of a batch that no row names."""
    old = {file["path"]: file for file in batch if file["last_modified"] < before}
    if not old:
        return []
    named = select(NAMED_FILES.c.key).where(NAMED_FILES.c.key.in_(list(old)))
    known = {row.key for row in await _rows(database, named)}
    return [
        Finding("orphan", key, file["size"], file["last_modified"])
        for key, file in old.items()
        if key not in known
    ]


async def _missing(
    database: Database, files: FileStore, stored: sqlite3.Connection
) -> AsyncIterator[Finding]:
    """Yield the rows without a file."""
    key, row = "", NAMED_FILES.c
    while True:
        batch = await _rows(
            database,
            select(row.key, row.size, row.created_at)
            .where(row.key > key)
            .order_by(row.key)
            .limit(BATCH),
        )
        if not batch:
            return
        for key, size, created_at in batch:
            if stored.execute("SELECT 1 FROM stored WHERE key = ?", (key,)).fetchone():
                continue
            # Uploaded since the listing, or deleted since the row was read?
            if await files.exists(key):
                continue
            if await _rows(database, select(row.key).where(row.key == key)):
                yield Finding("missing", key, size, created_at)


def _unfinished(folder: Path, before: datetime) -> Iterator[Finding]:
    """Yield the old temporary files that killed processes left in a folder."""
    for entry in _entries(folder / PREFIX):
        if not _UNFINISHED.search(entry.name):
            continue
        try:
            found = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            continue  # It was finished in the meantime.
        at = datetime.fromtimestamp(found.st_mtime, UTC)
        if at < before:
            yield Finding("unfinished", str(Path(entry).relative_to(folder)), found.st_size, at)


def _entries(directory: Path | os.DirEntry[str]) -> Iterator[os.DirEntry[str]]:
    """Yield the files below a directory one by one; ``os.walk`` would hold all names of each."""
    try:
        entries = os.scandir(directory)
    except FileNotFoundError:
        return  # There is nothing yet, or no longer.
    with entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _entries(entry)
            else:
                yield entry


async def _rows(database: Database, statement: Select[Any]) -> Sequence[Any]:
    """Return the rows, whose values are those that the statement selects."""
    async with database.engine.connect() as connection:
        return list(await connection.execute(statement))
