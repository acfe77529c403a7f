"""Exports by a link, in which the fields, the format, the filter and the order are sealed."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import datetime

from resolvers.context import Context
from resolvers.errors import BadInput, NotFound
from resolvers.exports import formats
from resolvers.exports.fields import ExportField
from resolvers.exports.formats import ExportFormat
from resolvers.exports.pages import Wanted, pages
from resolvers.files.sealed_links import FILE, Link, OpenLink, open_link, seal
from resolvers.query.filters.cost import OF_ALL, weight_of
from resolvers.query.filters.parse import parse
from resolvers.query.filters.stored import StoredFilter, understood
from resolvers.query.shapes import Args

PATH = "/downloads/tickets"
# How many tickets cost a point.
TICKETS_A_POINT = 10


@dataclass(frozen=True)
class Export:
    """What an export has: ``filter`` in the words of ``TicketFilter``, ``order`` as lists have."""

    fields: Sequence[ExportField]
    format: ExportFormat
    filter: StoredFilter
    order: Sequence[tuple[str, bool]] = ()

    def args(self) -> Args:
        """Return the arguments of the list; raises ``BadInput`` for a filter that is too large."""
        values: dict[str, object] = {}
        where = parse(understood(self.filter), values)
        return Args(where, tuple((name, down) for name, down in self.order), values=values)


async def export_link(context: Context, export: Export, seconds: int) -> Link:
    """Return the link of an export for the viewer; raises ``BadInput``."""
    _check_fields(export.fields)
    export.args()
    name = _file_name(export.format, context.services.clock())
    wanted = {
        "name": name,
        "fields": export.fields,
        "format": export.format,
        "filter": export.filter,
        "order": export.order,
    }
    return await seal(context, PATH, wanted, seconds, name)


def _check_fields(fields: Sequence[ExportField]) -> None:
    if not fields:
        raise BadInput("`fields` takes at least one field.")
    twice = sorted({one.name for one in fields if fields.count(one) > 1})
    if twice:
        raise BadInput(f"`fields` takes each field once: {', '.join(twice)}.")


def _file_name(format: ExportFormat, at: datetime) -> str:
    return f"tickets-{at:%Y-%m-%d-%H%M%S}.{format}"


@dataclass(frozen=True)
class Download:
    """An export that a link was made for, and that its viewer may still have."""

    link: OpenLink
    export: Export
    name: str

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield the file; raises as ``pages``, and ``Throttled`` before the first chunk."""
        export, rates = self.export, self.link.context.services.rates
        key = self.link.context.rate_key
        level = None
        if rates is not None:
            level = await rates.draw(key, 1 + OF_ALL * weight_of(export.filter))
        start = formats.header(export.format, export.fields)
        async for rows in pages(self.link.current, Wanted(export.fields, export.args())):
            if rates is not None:
                # What is under way goes on; what is owed is paid before the next request.
                rates.take(key, -(-len(rows) // TICKETS_A_POINT), level)
            yield start + formats.lines(export.format, export.fields, rows)
            start = b""


async def open_download(context: Context, sealed: str) -> Download:
    """Open the export of a link; raises ``NotFound`` where it leads nowhere."""
    link = await open_link(context, PATH, sealed)
    wanted = link.wanted
    try:
        fields = [ExportField(one) for one in wanted["fields"]]
        format = ExportFormat(wanted["format"])
    except ValueError:
        # Of another version of the program.
        raise NotFound(FILE) from None
    export = Export(fields, format, wanted["filter"], wanted["order"])
    return Download(link, export, wanted["name"])
