"""The import: kind by kind, batch by batch, repeatable and never half done.

Each batch is one transaction with its rows, their digests (``imported_rows``), their events and
the counters of ticket numbers. Whatever stops an import, the next one goes on after the last
batch: rows whose digest is known are passed by.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Dialect, and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from deskgraph.database.database import Database
from deskgraph.importer import batch, events, media, numbers
from deskgraph.importer.batch import Batch
from deskgraph.importer.counts import Count, ImportSummary, Rejects
from deskgraph.importer.kinds import KINDS, TICKETS, ImportedTable
from deskgraph.importer.source import Record, Source, SourceError
from deskgraph.importer.target import Target
from models import ImportedRow, renewal, table_of
from resolvers.services import FileStorage

BATCH = 5000
# Called with a kind's name, how many of its rows are done, and how many there are.
Progress = Callable[[str, int, int], None]
Item = TypeVar("Item")

_imported = table_of(ImportedRow)


async def run_import(
    source: Source,
    database: Database,
    files: FileStorage,
    rejects: Rejects,
    *,
    folder: Path | None,
    dry_run: bool,
    progress: Progress,
) -> ImportSummary:
    """Bring what is new or changed in the old database, and the files of ``folder``.

    A dry run does the same and undoes it. Raises ``SourceError``.
    """
    await _check_tables(source)
    outcome = ImportSummary()
    async with Target(database, dry_run=dry_run) as target:
        for kind in KINDS:
            outcome.kinds[kind.name] = count = Count()
            await _import_kind(source, target, kind, count, rejects, progress)
            async with target.transaction() as connection:
                outcome.disagreements += await _compare_sums(connection, source, kind, count)
        if folder is not None:
            await media.fetch(source, target, files, folder, outcome, rejects, progress)
        async with target.transaction() as connection:
            outcome.without_file = await media.count_missing(connection)
    return outcome


async def _check_tables(source: Source) -> None:
    """Raise ``SourceError`` unless every table and column that is read is there."""
    for kind in KINDS:
        found = await source.columns(kind.old_table)
        if not found:
            raise SourceError(f"There is no table {kind.old_table}: is it the old database?")
        missing = sorted(set(kind.old_columns) - found)
        if missing:
            raise SourceError(f"The table {kind.old_table} has no column {', '.join(missing)}.")


async def _import_kind(
    source: Source,
    target: Target,
    kind: ImportedTable,
    count: Count,
    rejects: Rejects,
    progress: Progress,
) -> None:
    total = await source.count(kind.old_table)
    progress(kind.name, 0, total)
    async with aclosing(_one_ahead(_batches(source, kind, target.database.dialect))) as batches:
        async for records, done in batches:
            await _write(target, kind, records, done)
            count.read += len(records)
            count.written += len(done.pending)
            count.unchanged += done.unchanged
            count.rejected += len(done.rejected)
            count.recorded += done.recorded
            for record, reason in done.rejected:
                rejects.add(kind.name, record, reason)
            progress(kind.name, count.read, total)


async def _batches(
    source: Source, kind: ImportedTable, dialect: Dialect
) -> AsyncGenerator[tuple[Sequence[Record], Batch]]:
    async with aclosing(
        source.batches(kind.old_table, kind.old_columns, kind.order, BATCH)
    ) as found:
        async for records in found:
            # In a thread: the loop goes on with the batch before, and with what its driver needs.
            yield records, await asyncio.to_thread(batch.converted, kind, records, dialect)


async def _one_ahead(batches: AsyncGenerator[Item]) -> AsyncGenerator[Item]:
    """Yield each item while the next one is made, so that reading and writing overlap."""

    async def one() -> Item | None:
        return await anext(batches, None)

    async with aclosing(batches):
        following = asyncio.create_task(one())
        try:
            while (item := await following) is not None:
                following = asyncio.create_task(one())
                yield item
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)


async def _write(
    target: Target, kind: ImportedTable, records: Sequence[Record], done: Batch
) -> None:
    async with target.transaction() as connection:
        await batch.compare(connection, done)
        await batch.check(connection, done)
        await batch.write(connection, done)
        if kind is TICKETS:
            await numbers.count_up(connection, records)
        if not target.dry_run:
            # Nobody else could append until the dry run is over.
            await events.append(connection, done)
            if done.pending:
                # Not all of it has events.
                await connection.execute(renewal())


async def _compare_sums(
    connection: AsyncConnection, source: Source, kind: ImportedTable, count: Count
) -> list[str]:
    """Count again on both sides; return a sentence for each sum that does not agree.

    Recorded rows that were not read were deleted in the old database.
    """
    there = await source.count(kind.old_table)
    of_kind = _imported.c.kind == kind.name
    known = await connection.scalar(select(func.count()).where(of_kind)) or 0
    joined = _imported.join(kind.table, and_(of_kind, kind.table.c.id == _imported.c.id))
    here = await connection.scalar(select(func.count()).select_from(joined)) or 0
    taken = count.written + count.unchanged
    count.gone = max(known - count.recorded, 0)
    found = []
    if count.read != there or count.read != taken + count.rejected:
        found.append(f"Of {there} {kind.name} there, {count.read} were read.")
    if known < count.recorded or count.recorded < taken:
        found.append(f"Of {taken} {kind.name} taken, {min(known, count.recorded)} are recorded.")
    if here < count.written:
        found.append(f"Of {count.written} {kind.name} written, {here} are here.")
    return found
