"""The import: the files first, then table by table, batch by batch, going on where it was.

Each batch is one transaction with its rows and how far the import is. Whatever stops an import, the
next one goes on after the last batch.
"""

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import asyncpg
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from deskgraph.backup.manifest import FILES, FILES_LIST
from deskgraph.backup.stored_files import Outcome, copy_noted, listed
from deskgraph.database.database import Database
from deskgraph.database.search_texts import Report
from deskgraph.database.ticket_counts.recount import wrong_counts
from deskgraph.importer.inserts import Row, insert_all
from deskgraph.importer.target import Target
from deskgraph.storage.file_store import FileStore, open_files
from deskgraph.transfer.manifest import (
    Manifest,
    TransferError,
    check_whole,
    data_file,
    disk_errors_told,
    read_manifest,
)
from deskgraph.transfer.schema import require_schema
from deskgraph.transfer.sequences import EVENTS, set_last
from deskgraph.transfer.state import State, begin_state, count_rows
from deskgraph.transfer.tables import TABLES, BadRow, MovedTable
from models.search import search_texts

# A batch ends with whichever comes first.
BATCH = 2000
BATCH_BYTES = 4 << 20
# No row is longer, so no line is read any further.
MAX_LINE_BYTES = 1 << 28
_MISFITS = (
    IntegrityError,
    DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.DataError,
)


class _Undo(Exception):
    """Ends a transaction of which nothing is to stay."""


@dataclass(frozen=True)
class Imported:
    """``fresh``: whether this run imported anything; all was here already otherwise."""

    manifest: Manifest
    files: Outcome
    fresh: bool = True
    resumed: bool = False


async def run_import(
    database: Database, files: FileStore, folder: Path, report: Report
) -> Imported:
    """Bring an export into an empty database, whose schema was checked, and its files to the store.

    Nothing is written unless the whole export is undamaged. Raises ``TransferError``.
    """
    manifest = read_manifest(folder)
    check_whole(folder, manifest)
    await require_schema(database)
    outcome = Outcome(manifest.schema)
    try:
        export_id = UUID(manifest.id)
    except ValueError:
        raise TransferError("The export is damaged: its id is wrong.") from None
    async with database.engine.begin() as connection:
        state = await begin_state(connection, export_id)
    if state.done:
        return Imported(manifest, outcome, fresh=False)
    resumed = state != State()
    if manifest.files is not None:
        await _bring_files(files, folder, manifest.files, outcome, report)
    async with Target(database, dry_run=False) as target:
        while state.table < len(TABLES):
            moved = TABLES[state.table]
            await _bring_table(target, moved, folder, export_id, state, manifest, report)
            before = copy(state)
            state.table, state.lines, state.size = state.table + 1, 0, 0
            async with target.transaction() as connection:
                await state.save(connection, export_id, before)
        await _verify(database, target, manifest)
        before = copy(state)
        state.done = True
        async with target.transaction() as connection:
            await set_last(connection, manifest.sequences.get(EVENTS, 0))
            await state.save(connection, export_id, before)
    return Imported(manifest, outcome, resumed=resumed)


async def _bring_files(
    files: FileStore, folder: Path, total: int, outcome: Outcome, report: Report
) -> None:
    source = open_files((folder / FILES).resolve().as_uri())
    try:
        for done, file in enumerate(listed(folder), 1):
            await copy_noted(file, source, files, outcome)
            report("files", done, total)
    except (TypeError, ValueError):
        # A line that names no file, or a key that no store takes.
        raise TransferError(f"{folder / FILES_LIST} is damaged.") from None


async def _bring_table(
    target: Target,
    moved: MovedTable,
    folder: Path,
    export_id: UUID,
    state: State,
    manifest: Manifest,
    report: Report,
) -> None:
    """Bring the rows of a table that are not here yet."""
    total = manifest.tables[moved.name].lines
    for lines in _batches(data_file(folder, moved.name), state.size):
        rows = _decoded(moved, lines, state.lines)
        before = copy(state)
        state.lines += len(lines)
        state.size += sum(map(len, lines))
        try:
            async with target.transaction() as connection:
                await state.save(connection, export_id, before)
                await insert_all(connection, moved.table, rows)
        except _MISFITS as error:
            await _name_misfit(target, moved, rows, before.lines)
            raise _misfit(moved, before.lines + 1, error) from None
        report(moved.name, state.lines, total)


def _batches(path: Path, start: int) -> Iterator[list[bytes]]:
    """Yield the lines of a file from a position on, as many at a time as a batch has."""
    with disk_errors_told(path), path.open("rb") as file:
        file.seek(start)
        lines: list[bytes] = []
        size = 0
        while line := file.readline(MAX_LINE_BYTES):
            if not line.endswith(b"\n"):
                raise TransferError(f"{path} has a line that is too long, or whose end is missing.")
            lines.append(line)
            size += len(line)
            if len(lines) == BATCH or size >= BATCH_BYTES:
                yield lines
                lines, size = [], 0
        if lines:
            yield lines


def _decoded(moved: MovedTable, lines: list[bytes], before: int) -> list[Row]:
    rows = []
    for number, line in enumerate(lines, before + 1):
        try:
            row = moved.decode(line)
        except BadRow as problem:
            raise TransferError(f"{moved.name}.jsonl, line {number:,}: {problem}.") from None
        rows.append(row | search_texts(moved.table, row))
    return rows


async def _name_misfit(target: Target, moved: MovedTable, rows: list[Row], before: int) -> None:
    """Raise ``TransferError`` for the first row of a batch that the database refuses."""
    number = before
    try:
        async with target.transaction() as connection:
            for number, row in enumerate(rows, before + 1):  # noqa: B007 - told below
                await insert_all(connection, moved.table, [row])
            raise _Undo
    except _Undo:
        # The rows fit one by one: what is told is what the batch as a whole was refused for.
        return
    except _MISFITS as error:
        raise _misfit(moved, number, error) from None


def _misfit(moved: MovedTable, number: int, error: Exception) -> TransferError:
    return TransferError(
        f"{moved.name}.jsonl, line {number:,}: the row does not fit: {_rule(error)}."
    )


def _rule(error: BaseException) -> str:
    """Return which rule of the database a row breaks, without its values."""
    found: BaseException | None = error
    if isinstance(error, DBAPIError) and error.orig is not None:
        found = error.orig.__cause__ or error.orig
    name = getattr(found, "constraint_name", None)
    if isinstance(found, asyncpg.PostgresError):
        return f"it breaks {name}" if name else "a value has no place in its column"
    return str(found)


async def _verify(database: Database, target: Target, manifest: Manifest) -> None:
    """Raise ``TransferError`` unless all rows are here, and the tickets are counted right."""
    async with target.transaction() as connection:
        await _verify_rows(connection, manifest)
    if wrong := await wrong_counts(database):
        raise TransferError(
            f"{len(wrong)} counts of tickets are wrong after the import: were triggers disabled? "
            "Use an empty database, and import again."
        )


async def _verify_rows(connection: AsyncConnection, manifest: Manifest) -> None:
    for name, count in (await count_rows(connection)).items():
        wanted = manifest.tables[name].lines
        if count != wanted:
            raise TransferError(
                f"The table {name} has {count:,} rows, and the export {wanted:,}: "
                "something else writes to the database. Stop it, and import into an empty one."
            )
