"""The start of an import: the file is looked through while it is stored."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from models import BulkJobKind
from resolvers.bulk.files import INSERT_FILE
from resolvers.bulk.jobs import MAX_TICKETS, NewJob, add_job
from resolvers.commands.attachments import Measured, new_key, store_file
from resolvers.context import Context
from resolvers.errors import Invalid, Problem, ServiceError, Unavailable
from resolvers.files.names import file_name
from resolvers.imports.formats import BadFile, ImportFormat
from resolvers.imports.job import max_record_bytes
from resolvers.imports.layout import ImportField, Layout, check_header, check_mapping
from resolvers.imports.records import Place, Record, Splitter, cells

# How long the names of columns may be together, and a default, in characters.
MAX_HEADER, MAX_DEFAULT = 20_000, 10_000
MAX_NAME = 200
_ENDINGS = {
    "csv": ImportFormat.CSV,
    "txt": ImportFormat.CSV,
    "tsv": ImportFormat.CSV,
    "jsonl": ImportFormat.JSONL,
    "ndjson": ImportFormat.JSONL,
}


@dataclass(frozen=True)
class NewImport:
    """What is to be imported; ``columns`` and ``defaults`` in the order in which they were given.

    Without a ``format`` the ending of the file's name says it.
    """

    name: str
    chunks: AsyncIterator[bytes]
    format: ImportFormat | None = None
    columns: Sequence[tuple[str, ImportField | None]] = ()
    defaults: Sequence[tuple[ImportField, str]] = ()
    dry_run: bool = False


async def start_import(context: Context, given: NewImport) -> UUID:
    """Start a job that creates tickets from a file; returns its id.

    Raises ``Invalid`` where nothing can be imported of the file, ``TooLarge``, and ``JobRefused``;
    then nothing stays behind.
    """
    context.require_viewer()
    name = file_name(given.name)[:MAX_NAME] or "tickets"
    format = given.format or _format_of(name)
    look = _Look(context, format, _layout(given))
    services = context.services
    key = new_key(name, services.clock())
    try:
        measured = await store_file(
            services.files, key, name, look.through(given.chunks), services.max_upload_bytes
        )
    except BadFile as bad:
        raise Invalid({"file": [Problem(bad.code, bad.params)]}) from None
    job = _job(given, format, look)
    try:
        async with services.database.write() as transaction:
            await add_job(context, transaction, job)
            file = _file_row(context, job.id, key, name, measured)
            await transaction.execute((INSERT_FILE, file))
    except Unavailable:
        # It may have been committed; if not, the orphan cleanup finds the file.
        raise
    except ServiceError:
        await services.files.delete(key)
        raise
    return job.id


def _format_of(name: str) -> ImportFormat:
    ending = name.rpartition(".")[2].lower()
    if ending not in _ENDINGS:
        raise Invalid({"format": [Problem("required")]})
    return _ENDINGS[ending]


def _layout(given: NewImport) -> Layout:
    check_mapping([column for column, _ in given.columns], [name for name, _ in given.defaults])
    if any(len(text) > MAX_DEFAULT for _, text in given.defaults):
        raise Invalid({"defaults": [Problem("max_length", {"max": MAX_DEFAULT})]})
    defaults = {name: text for name, text in given.defaults if text.strip()}
    return Layout(dict(given.columns), defaults)


def _job(given: NewImport, format: ImportFormat, look: "_Look") -> NewJob:
    arguments = {"format": format.value, "layout": look.layout.as_json()}
    start = look.start or Place()
    bookmark = {"offset": start.offset, "line": start.line}
    return NewJob(
        BulkJobKind.IMPORT, arguments, look.rows, dry_run=given.dry_run, bookmark=bookmark
    )


def _file_row(
    context: Context, job_id: UUID, key: str, name: str, measured: Measured
) -> Mapping[str, object]:
    return {
        "job_id": job_id,
        "key": key,
        "name": name,
        "size": measured.size,
        "content_type": "text/plain",
        "sha256": measured.sha256,
        "created_at": context.services.clock(),
    }


class _Look:
    """Looks through a file while it passes: counts its rows, and finds its header."""

    def __init__(self, context: Context, format: ImportFormat, layout: Layout) -> None:
        most = max_record_bytes(context.services.max_text_bytes)
        self._splitter = Splitter(format, most)
        self._needs_company = context.require_viewer().company_id is None
        self._format = format
        self.layout = layout
        # Where the first row is, and how many there are.
        self.start: Place | None = None
        self.rows = 0

    async def through(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Pass a file on; raises ``BadFile``."""
        async for chunk in chunks:
            for record in self._splitter.feed(chunk):
                self._add(record)
            yield chunk
        for record in self._splitter.finish():
            self._add(record)
        if self.rows == 0:
            raise BadFile("no_rows")

    def _add(self, record: Record) -> None:
        if record.is_blank:
            return
        # Decodes it, to see whether that is possible.
        text = record.text
        if self._format is ImportFormat.CSV and not self.layout.header:
            self._take_header(text)
            return
        if self.start is None:
            self.start = record.start
        self.rows += 1
        if self.rows > MAX_TICKETS:
            raise BadFile("too_many_rows", max=MAX_TICKETS)

    def _take_header(self, text: str) -> None:
        delimiter = self._splitter.delimiter or ","
        header = cells(text, delimiter)
        if header is None or len(text) > MAX_HEADER:
            raise BadFile("no_header")
        self.layout = replace(self.layout, header=header, delimiter=delimiter)
        check_header(self.layout, needs_company=self._needs_company)
