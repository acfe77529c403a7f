"""The export: table by table, batch by batch, as of one moment, and going on where it was.

SQLite is copied first, and the rows are read from the copy: an interrupted export has it still.
On PostgreSQL the moment ends with the transaction. So an export that goes on looks whether a table
that it has begun was written since: if none was, its rows are those of the new moment, too.
"""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

import orjson

from deskgraph.backup.manifest import FILES, FILES_LIST, sha256
from deskgraph.backup.sqlite_dump import copy_file, fold_file
from deskgraph.backup.stored_files import Outcome, StoredFile, copy_noted, new_list
from deskgraph.database.database import Database
from deskgraph.database.migrate import head
from deskgraph.database.search_texts import Report
from deskgraph.database.urls import dsn_of
from deskgraph.importer.source import Record, Source, open_source
from deskgraph.private_files import FILE_MODE, create_folder, private_opener
from deskgraph.storage.file_store import FileStore, open_files
from deskgraph.transfer.manifest import (
    FORMAT,
    MANIFEST,
    Manifest,
    Part,
    TransferError,
    data_file,
    disk_errors_told,
    read_manifest,
)
from deskgraph.transfer.progress import (
    PROGRESS,
    Progress,
    TableProgress,
    locked_folder,
    read_progress,
)
from deskgraph.transfer.schema import require_schema
from deskgraph.transfer.sequences import EVENTS, last_number
from deskgraph.transfer.tables import TABLES, BadRow, MovedTable
from models import DELETED_ATTACHMENTS, Attachment, ImportFile, new_id, table_of

SNAPSHOT = "snapshot.sqlite"
# How many rows are in memory at once: each may have a text of a megabyte or more.
BATCH = 50
# After how many bytes the progress is kept.
CHECKPOINT_BYTES = 4 << 20
# Transaction ids are compared in a circle.
_HALF_CIRCLE = 2**31
_POSITION = """SELECT control.system_identifier || '/' || database.oid AS source,
    pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS position
FROM pg_control_system() AS control, pg_database AS database
WHERE datname = current_database()"""
# The tables that name files.
WITH_FILES = tuple(
    str(table.name) for table in (table_of(Attachment), DELETED_ATTACHMENTS, table_of(ImportFile))
)


@dataclass(frozen=True)
class Exported:
    """``fresh``: whether this run wrote it; it was whole already otherwise."""

    manifest: Manifest
    files: Outcome
    fresh: bool = True
    resumed: bool = False
    # Whether rows that were written before had changed, so that all were written again.
    again: bool = False


async def export(
    database: Database, files: FileStore | None, folder: Path, now: datetime, report: Report
) -> Exported:
    """Write the desk into a folder that is empty, new or has an unfinished export of it.

    ``files``: copy those of attachments, too. Raises ``TransferError``.
    """
    await require_schema(database)
    with locked_folder(folder):
        if not (folder / MANIFEST).exists():
            return await _export(database, files, folder, now, report)
        manifest = read_manifest(folder)
        _tidy(folder)
        return Exported(manifest, Outcome(manifest.schema), fresh=False)


async def _export(
    database: Database, files: FileStore | None, folder: Path, now: datetime, report: Report
) -> Exported:
    async with _opened(database, folder, now, report) as (source, progress, again):
        resumed = progress.resumed
        for moved in TABLES:
            await _export_table(source, moved, folder, progress, report)
        last = await source.row(last_number(sqlite=database.is_sqlite))
    outcome = Outcome(progress.schema)
    if files is not None:
        total = sum(progress.tables[name].lines for name in WITH_FILES)
        await _copy_files(files, folder, total, outcome, report)
    manifest = Manifest(
        format=FORMAT,
        id=progress.id,
        version=version("deskgraph"),
        schema=progress.schema,
        database=database.url.get_backend_name(),
        moment=progress.moment,
        tables={name: _part(folder, name, done) for name, done in progress.tables.items()},
        sequences={EVENTS: last["last"]},
        files=None if files is None else outcome.files,
        list_sha256=None if files is None else sha256(folder / FILES_LIST),
    )
    manifest.write(folder)
    _tidy(folder)
    return Exported(manifest, outcome, resumed=resumed, again=again)


def _part(folder: Path, table: str, done: TableProgress) -> Part:
    return Part(done.lines, sha256(data_file(folder, table)))


def _tidy(folder: Path) -> None:
    """Remove what only an unfinished export needs."""
    for name in (PROGRESS, SNAPSHOT, f"{SNAPSHOT}-wal", f"{SNAPSHOT}-shm"):
        (folder / name).unlink(missing_ok=True)


@asynccontextmanager
async def _opened(
    database: Database, folder: Path, now: datetime, report: Report
) -> AsyncIterator[tuple[Source, Progress, bool]]:
    """Give the rows of one moment, how far the export is, and whether it had to begin again."""
    found = read_progress(folder)
    if database.is_sqlite:
        progress = await _copied(database, found, folder, now, report)
        copy = quote(_place(folder / SNAPSHOT))
        async with open_source(f"sqlite:///{copy}") as source:
            yield source, progress, False
        return
    async with open_source(dsn_of(database.url)) as source:
        position = await source.row(_POSITION)
        progress = found or _new(position["source"], now, position["position"])
        _check_same(progress, position["source"], folder)
        again = not await _is_unchanged(source, progress, position["position"])
        if again:
            progress = _new(position["source"], now, position["position"])
        else:
            # What was written is so now, too.
            progress.moment = now.isoformat()
        yield source, progress, again


async def _copied(
    database: Database, found: Progress | None, folder: Path, now: datetime, report: Report
) -> Progress:
    """Copy a database of SQLite unless that was done; under its name, the copy is whole."""
    place = _place(Path(str(database.url.database)))
    if found is not None:
        _check_same(found, place, folder)
        if (folder / SNAPSHOT).exists():
            return found
    progress = _new(place, now)
    progress.write(folder)
    unfinished = folder / f"{SNAPSHOT}.new"
    unfinished.unlink(missing_ok=True)
    await copy_file(database, unfinished, report)
    await fold_file(unfinished)
    unfinished.replace(folder / SNAPSHOT)
    return progress


def _place(path: Path) -> str:
    return str(path.absolute())


def _new(source: str, now: datetime, position: int = 0) -> Progress:
    return Progress(str(new_id()), head(), source, now.isoformat(), position)


def _check_same(progress: Progress, source: str, folder: Path) -> None:
    if (progress.source, progress.schema) != (source, head()):
        raise TransferError(
            f"{folder} has an unfinished export of another database, or of another schema: export "
            "into another folder."
        )


async def _is_unchanged(source: Source, progress: Progress, position: int) -> bool:
    """Return whether no row was written to the tables that are in the export, and none deleted.

    Rows know the transaction that wrote them. Those of transactions that ran when the export began
    count as written since.
    """
    if position - progress.position >= _HALF_CIRCLE:
        return False
    first = progress.position % 2**32
    for name, done in progress.tables.items():
        found = await source.row(
            f"SELECT count(*) AS rows, count(*) FILTER (WHERE age(xmin) "  # noqa: S608
            f"BETWEEN 0 AND age('{first}'::xid)) AS fresh FROM {name} WHERE {_moved(name).where}"
        )
        if found["fresh"] or found["rows"] != done.rows:
            return False
    return True


def _moved(name: str) -> MovedTable:
    return next(moved for moved in TABLES if moved.name == name)


async def _export_table(
    source: Source, moved: MovedTable, folder: Path, progress: Progress, report: Report
) -> None:
    """Write the rows of a table that are not written yet."""
    done = progress.tables.get(moved.name)
    if done is None:
        done = progress.tables[moved.name] = TableProgress(await source.count(moved.source))
    elif done.lines == done.rows:
        return
    with _appended(data_file(folder, moved.name), done) as file:
        progress.write(folder)
        kept = done.size
        found = source.batches(moved.source, moved.quoted, moved.order, BATCH, skip=done.lines)
        async with aclosing(found) as batches:
            async for records in batches:
                lines = b"".join(_line(moved, record, done.lines) for record in records)
                file.write(lines)
                done.lines += len(records)
                done.size += len(lines)
                report(moved.name, done.lines, done.rows)
                if done.size - kept >= CHECKPOINT_BYTES:
                    _sync(file)
                    progress.write(folder)
                    kept = done.size
        _sync(file)
        progress.write(folder)


def _line(moved: MovedTable, record: Record, lines: int) -> bytes:
    try:
        # The rows of both drivers yield their values, unlike other mappings.
        return moved.encode(tuple(record))
    except BadRow as problem:
        raise TransferError(
            f"A row of {moved.name} {problem}; it is after line {lines:,}."
        ) from None


@contextmanager
def _appended(path: Path, done: TableProgress) -> Iterator[BinaryIO]:
    """Open a file behind what is written of it; what is after that was not kept."""
    with disk_errors_told(path), open(path, "ab", opener=private_opener) as file:
        path.chmod(FILE_MODE)
        if file.tell() < done.size:
            raise TransferError(f"{path} was changed since it was written: use another folder.")
        file.truncate(done.size)
        yield file


def _sync(file: BinaryIO) -> None:
    """Have what is written on the disk before the progress says so."""
    file.flush()
    os.fsync(file.fileno())


async def _copy_files(
    files: FileStore, folder: Path, total: int, outcome: Outcome, report: Report
) -> None:
    """Copy the files that the export names; those that are there are compared."""
    create_folder(folder / FILES)
    target = open_files((folder / FILES).resolve().as_uri())
    (folder / FILES_LIST).unlink(missing_ok=True)
    with new_list(folder) as add:
        for done, file in enumerate(_named(folder), 1):
            copied = await copy_noted(file, files, target, outcome)
            if copied is not None:
                add(copied)
            report("files", done, total)


def _named(folder: Path) -> Iterator[StoredFile]:
    """Yield the files that the rows in the export name."""
    names = ("key", "name", "content_type", "size", "sha256")
    for table in WITH_FILES:
        with data_file(folder, table).open("rb") as lines:
            for row in map(orjson.loads, lines):
                yield StoredFile(*(row[name] for name in names))
