"""The tickets of an export, page by page: each page is one statement, and begins where one ended.

So neither a connection nor a snapshot of the database is held while a client takes its time.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

import orjson

from resolvers.context import Context
from resolvers.errors import AnswerTooLarge, TimedOut
from resolvers.exports.fields import ExportField, Row, flattened, shape_of
from resolvers.query import binds
from resolvers.query.catalog import TICKET
from resolvers.query.cursors import decode_cursor
from resolvers.query.execute import GRAPHQL, Query, QueryRoot, read_json
from resolvers.query.shapes import Args, Field, Shape
from resolvers.time_limits import TimeLimit

# How many tickets a page has: fewer where their texts are long. A page of the first size takes the
# event loop for 5 ms.
SIZES = (200, 20, 1)
# How large the JSON of a page may be, in bytes, unless it is of one ticket.
PAGE_BYTES = 4 * 1024 * 1024
# Returns the context of the viewer as they are now; raises where there is none any more.
Check = Callable[[], Awaitable[Context]]


@dataclass(frozen=True)
class Wanted:
    """Which fields of which tickets; ``args`` have the filter and the order."""

    fields: Sequence[ExportField]
    args: Args


async def pages(check: Check, wanted: Wanted) -> AsyncGenerator[Sequence[Row], None]:
    """Yield all tickets that the viewer may see, at least one page; each with the rights of then.

    Raises what ``check`` raises, ``TimedOut``, ``AnswerTooLarge`` for a single ticket, and
    ``Unavailable``.
    """
    page = (
        Field("nodes", "nodes", shape_of(wanted.fields)),
        Field("page", "page_info", Shape((Field("end", "end_cursor"),))),
    )
    read = Query(QueryRoot.CONNECTION, "Ticket", (("Ticket", Shape(page)),), GRAPHQL)
    size, end = 0, None
    while True:
        context = await check()
        args = _page_args(context, wanted.args, SIZES[size], end)
        try:
            text = await _read(context, read, args, alone=SIZES[size] == 1)
        except AnswerTooLarge:
            if SIZES[size] == 1:
                raise
            size += 1
            continue
        found = orjson.loads(text)
        yield flattened(found["nodes"], wanted.fields)
        if len(found["nodes"]) < SIZES[size]:
            return
        end = found["page"]["end"]
        if size and len(text) * SIZES[size - 1] < PAGE_BYTES * SIZES[size]:
            size -= 1


def _page_args(context: Context, args: Args, size: int, end: str | None) -> Args:
    if end is None:
        return replace(args, limit=size)
    order = args.order or TICKET.order
    place = decode_cursor(end, TICKET, order, context.services.signer)
    values = {binds.position(binds.AFTER, i): value for i, value in enumerate(place)}
    return replace(args, limit=size, after=True, values={**args.values, **values})


async def _read(context: Context, read: Query, args: Args, *, alone: bool) -> str:
    services = context.services
    if not alone:
        most = min(PAGE_BYTES, services.max_answer_bytes)
        context = replace(context, services=replace(services, max_answer_bytes=most))
    seconds = services.operation_seconds
    try:
        with TimeLimit(services.operation_timer, seconds):
            text = await read_json(context, read, [args])
    except TimeoutError:
        raise TimedOut(seconds) from None
    # A list is always there, if only an empty one.
    assert text is not None
    return text
