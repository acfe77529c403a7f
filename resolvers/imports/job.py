"""The kind of jobs that create tickets from the rows of a file."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from models import ImportReject, table_of
from resolvers.bulk.files import JobFile, file_of, forgetting
from resolvers.bulk.jobs import BATCH, JobRefused, OpenJob
from resolvers.bulk.kinds import BatchResult, ItemResult
from resolvers.commands.batches.creates import create_tickets
from resolvers.context import Context
from resolvers.errors import Invalid, Problem, ServiceError
from resolvers.imports.formats import BadFile, ImportFormat
from resolvers.imports.layout import Layout
from resolvers.imports.names import add_named
from resolvers.imports.records import Place, Record, Splitter
from resolvers.imports.rows import Row, row_of
from resolvers.imports.values import typed
from resolvers.write_statements import Step, insert_into

# How much of a file is read at once, and of how many bytes a batch is at most, but for one row.
READ_BYTES, BATCH_BYTES = 256 * 1024, 4 * 1024 * 1024
_REJECT = insert_into(table_of(ImportReject))
# The fields that stand for an id, by the id's name among the values of a ticket.
_COLUMNS_OF: Mapping[str, Sequence[str]] = {
    "company": ("company_id", "company_name"),
    "contact": ("contact_id", "contact_email", "contact_name"),
    "assigned_to": ("assigned_to_id", "assigned_to_username"),
}


def max_record_bytes(max_text_bytes: int) -> int:
    """Return how long a record may be: a text may need twice its bytes, and is not all of it."""
    return 2 * max_text_bytes + 64 * 1024


@dataclass(frozen=True)
class Rows:
    """The rows of a batch, and where the next one begins; ``ended``: there is none."""

    rows: Sequence[Row]
    next: Place
    ended: bool
    file: JobFile


class ImportJobs:
    """Imports; ``bookmark`` is the place where the next batch begins."""

    async def prepare(self, context: Context, job: OpenJob) -> Rows:
        """Read the rows of the next batch from the file."""
        file = await file_of(context.services, job.id)
        arguments, mark = job.arguments, job.bookmark or {}
        format = ImportFormat(arguments["format"])
        layout = Layout.from_json(arguments["layout"])
        place = Place(mark["offset"], mark["line"])
        most = max_record_bytes(context.services.max_text_bytes)
        splitter = Splitter(format, most, place, layout.delimiter)
        rows: list[Row] = []
        size = 0
        try:
            async with aclosing(_records(context, file, place, splitter)) as records:
                async for record in records:
                    place, size = record.end, size + len(record.content)
                    if not record.is_blank:
                        rows.append(row_of(format, layout, record))
                    if len(rows) == BATCH or size >= BATCH_BYTES:
                        break
        except BadFile:
            # It was looked through when it came in.
            raise JobRefused("The file is not what it was.") from None
        return Rows(rows, place, place.offset >= file.size, file)

    async def write(self, context: Context, job: OpenJob, prepared: Rows) -> BatchResult:
        """Create the tickets of the batch, and keep the rows that are refused."""
        rows = prepared.rows
        items = [
            replace(item, position=job.done_count + i, path=("file", str(row.line)))
            for i, (row, item) in enumerate(zip(rows, await _written(context, rows), strict=True))
        ]
        steps: list[Step] = [
            (_REJECT, {"job_id": job.id, "position": item.position, "content": row.kept})
            for row, item in zip(rows, items, strict=True)
            if item.error is not None
        ]
        if prepared.ended:
            steps.append(forgetting(job.id))
        return BatchResult(
            items,
            ended=prepared.ended,
            bookmark={"offset": prepared.next.offset, "line": prepared.next.line},
            steps=steps,
            unneeded=[prepared.file.key] if prepared.ended else [],
        )


async def _records(
    context: Context, file: JobFile, place: Place, splitter: Splitter
) -> AsyncGenerator[Record, None]:
    """Yield the records of a file from a place on, reading some of it at a time."""
    at = place.offset
    while at < file.size:
        async for piece in await file.read(context.services, at, at + READ_BYTES):
            at += len(piece)
            for record in splitter.feed(piece):
                yield record
    for record in splitter.finish():
        yield record


async def _written(context: Context, rows: Sequence[Row]) -> list[ItemResult]:
    """Create the tickets of rows; returns what became of each, without its place."""
    viewer = context.require_viewer()
    good = [row for row in rows if not row.problems]
    values: list[dict[str, object]] = [typed(row.given) for row in good]
    created = []
    if good:
        async with context.services.database.write() as transaction:
            given = [row.given for row in good]
            await add_named(transaction, viewer, list(zip(given, values, strict=True)))
        created = await create_tickets(context, values)
    outcomes = iter(created)
    found = []
    for row in rows:
        if row.problems:
            found.append(ItemResult(0, None, error=Invalid(row.problems)))
            continue
        outcome = next(outcomes)
        error = None if outcome.error is None else _in_columns(row, outcome.error)
        found.append(ItemResult(0, outcome.id, outcome.changed, error))
    return found


def _in_columns(row: Row, error: ServiceError) -> ServiceError:
    """Return an error with its problems by the columns of the file."""
    if not isinstance(error, Invalid):
        return error
    problems: dict[str, Sequence[Problem]] = {}
    for name, found in error.problems.items():
        columns = _COLUMNS_OF.get(name, (name,))
        used = [one for one in columns if one in row.given]
        problems[used[0] if used else columns[-1]] = found
    return Invalid(problems)
