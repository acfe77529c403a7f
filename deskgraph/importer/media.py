"""The files of imported attachments, copied from the old system's folder into our store."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from uuid import UUID

from obstore.exceptions import BaseError
from sqlalchemy import ColumnElement, and_, bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from deskgraph.importer.counts import Count, ImportSummary, Rejects
from deskgraph.importer.inserts import Row
from deskgraph.importer.kinds import ATTACHMENTS
from deskgraph.importer.source import Record, Source
from deskgraph.importer.target import Target
from models import Attachment, ImportedRow, renewal, table_of
from resolvers.commands.attachments import store_file
from resolvers.errors import Unavailable
from resolvers.files.media_types import sniff
from resolvers.services import FileStorage

AT_ONCE = 8
BATCH = 64
PIECE_BYTES = 256 * 1024

_attachments = table_of(Attachment)
_imported = table_of(ImportedRow)
# An attachment whose file never came has no digest of it.
_without_file = _attachments.c.sha256 == ""


async def count_missing(connection: AsyncConnection) -> int:
    """Count the attachments here whose file has not come."""
    return await connection.scalar(select(func.count()).where(_without_file)) or 0


async def fetch(
    source: Source,
    target: Target,
    files: FileStorage,
    folder: Path,
    outcome: ImportSummary,
    rejects: Rejects,
    progress: Callable[[str, int, int], None],
) -> None:
    """Copy the files that are not here yet from a folder, whose path is absolute.

    A dry run only checks that they are there. A file is stored before its row is updated:
    what a crash leaves is stored again.
    """
    outcome.files = count = Count()
    total = await source.count(ATTACHMENTS.old_table)
    progress("files", 0, total)
    done = 0
    columns, order = ("id", "file", "name"), ("created_at", "id")
    async for records in source.batches(ATTACHMENTS.old_table, columns, order, BATCH):
        async with target.transaction() as connection:
            wanted, known = await _wanted(connection, records)
        count.read += known
        count.unchanged += known - len(wanted)
        turns = asyncio.Semaphore(AT_ONCE)
        copying = [_copy(turns, files, folder, target, *one) for one in wanted]
        copied = await asyncio.gather(*copying)
        found = [values for values in copied if isinstance(values, dict)]
        if found and not target.dry_run:
            async with target.transaction() as connection:
                await _tell(connection, found)
        count.written += len(found)
        for (record, _), problem in zip(wanted, copied, strict=True):
            if isinstance(problem, str):
                count.rejected += 1
                outcome.missing.append(str(record["file"]))
                rejects.add("files", record, problem)
        done += len(records)
        progress("files", done, total)


async def _wanted(
    connection: AsyncConnection, records: Sequence[Record]
) -> tuple[list[tuple[Record, str]], int]:
    """Return the records whose file is to be fetched with its key, and how many are here at all."""
    by_id = {}
    for record in records:
        try:
            by_id[UUID(str(record["id"]))] = record
        except ValueError:
            continue  # A row that was rejected.
    row = _attachments.c
    imported = and_(_imported.c.kind == ATTACHMENTS.name, _imported.c.id == row.id)
    found = (
        select(row.id, row.key, _without_file.label("missing"))
        .join_from(_attachments, _imported, imported)
        .where(row.id.in_(list(by_id)))
    )
    here = {row.id: row for row in await connection.execute(found)}
    wanted = [
        (record, here[key].key)
        for key, record in by_id.items()
        if key in here and here[key].missing
    ]
    return wanted, len(here)


async def _copy(
    turns: asyncio.Semaphore,
    files: FileStorage,
    folder: Path,
    target: Target,
    record: Record,
    key: str,
) -> Row | str:
    """Store one file; return what its row is to know of it, or why there is none."""
    path = (folder / str(record["file"])).resolve()
    if not path.is_relative_to(folder):
        return "lies outside of the folder"
    if not path.is_file():
        return "is not in the folder"
    if target.dry_run:
        return {}
    try:
        async with turns:
            # Replaces what a run that was stopped before it updated the row may have left.
            measured = await store_file(files, key, str(record["name"]), _pieces(path), None)
    except (OSError, BaseError, Unavailable) as error:
        return f"cannot be copied ({type(error.__cause__ or error).__name__})"
    return {
        "row_id": UUID(str(record["id"])),
        "size": measured.size,
        "content_type": sniff(measured.head),
        "sha256": measured.sha256,
    }


async def _pieces(path: Path) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(path.open, "rb") as file:
        while piece := await asyncio.to_thread(file.read, PIECE_BYTES):
            yield piece


async def _tell(connection: AsyncConnection, found: Sequence[Row]) -> None:
    """Let the rows know their files; one that was deleted here meanwhile leaves its file behind."""
    values: dict[str, ColumnElement[object]] = {
        name: bindparam(f"new_{name}") for name in ("size", "content_type", "sha256")
    }
    statement = update(_attachments).where(_attachments.c.id == bindparam("row_id")).values(values)
    await connection.execute(
        statement,
        [{name if name == "row_id" else f"new_{name}": row[name] for name in row} for row in found],
    )
    await connection.execute(renewal())
