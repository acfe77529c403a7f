"""Attachments: the reference's "Attachment Endpoints"; uploads go to the store as they come in."""

from collections.abc import AsyncIterator
from tempfile import SpooledTemporaryFile

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from resolvers.commands import attachments, validation
from resolvers.context import Context
from resolvers.errors import Invalid, NotFound, Problem, TooLarge
from rest_compat.http.bodies import FORM, MULTIPART, media_type, require_size, unsupported
from rest_compat.http.etags import done_answer
from rest_compat.http.multipart import End, Event, Part, events
from rest_compat.http.responses import RestError, empty_answer
from rest_compat.lists import list_endpoint
from rest_compat.openapi.operations import File, listed, operation
from rest_compat.serializers import request_fields, shapes
from rest_compat.serializers.reads import body_for, id_of, row_answer
from rest_compat.serializers.request_fields import values_of

# A file that comes before its ticket waits: up to this size in memory, then on the disk.
SPOOL_BYTES = 1024 * 1024
PIECE_BYTES = 64 * 1024

LISTING = list_endpoint.ListEndpoint(
    "/api/v1/ticket-attachments/",
    "Attachment",
    shapes.ATTACHMENT,
    {"ticket": list_endpoint.reference(None)},
    frozenset({"created_at"}),
)
# Read piece by piece below, not by ``values_of``; of several files the first counts.
UPLOAD: request_fields.Form = {
    "ticket": request_fields.Input(request_fields.reference, required=True),
    "file": request_fields.Input(request_fields.text, required=True),
}
UPLOAD_RULES: validation.FieldRules = {
    "ticket": validation.FieldRule(validation.Reference, required=True),
    "file": validation.FieldRule(File, required=True),
}


@listed(LISTING)
async def listing(request: Request, context: Context) -> Response:
    """List attachments, the newest first (recorded: "attachments")."""
    return await list_endpoint.list_answer(LISTING, request, context)


@operation(
    shapes.ONE_ATTACHMENT,
    status=201,
    about="Upload",
    form=UPLOAD,
    rules=UPLOAD_RULES,
    errors={400: "file is required", 404: "Ticket not found"},
    error_fields=("ticket", "name"),
)
async def upload(request: Request, context: Context) -> Response:
    """Attach a file to a ticket ("Upload Attachment"); the first file named ``file`` counts.

    What is missing is reported in the recorded order: the file first, then the ticket.
    """
    kind = media_type(request)
    if kind not in (MULTIPART, FORM):
        async for chunk in request.stream():
            if chunk:
                raise unsupported(request)
        # A body of no bytes is empty, whatever its type.
        raise RestError(400, {"error": "file is required"})
    stream = events(request)
    ticket = ""
    async for event in stream if kind == MULTIPART else _nothing():
        if not isinstance(event, Part):
            continue
        if event.name == "file" and event.filename:
            if ticket:
                return await _attach(context, ticket, event.filename, _content(stream))
            return await _attach_later(request, context, event.filename, stream)
        ticket = await _ticket(request, event, stream) or ticket
    raise RestError(400, {"error": "file is required"})


@operation(shapes.ONE_ATTACHMENT)
async def detail(request: Request, context: Context) -> Response:
    """Show an attachment (recorded: "attachment detail")."""
    return await row_answer(context, shapes.ONE_ATTACHMENT, id_of(request))


@operation(
    shapes.ONE_ATTACHMENT,
    about="Attachment",
    form=request_fields.ATTACHMENT,
    rules=validation.ATTACHMENT,
)
async def update(request: Request, context: Context) -> Response:
    """Rename an attachment."""
    attachment_id = id_of(request)
    partial = request.method == "PATCH"
    body = await body_for(request, context, shapes.ONE_ATTACHMENT, attachment_id)
    values = values_of(request_fields.ATTACHMENT, body, partial=partial)
    await attachments.update_attachment(context, attachment_id, values)
    shown = row_answer(context, shapes.ONE_ATTACHMENT, attachment_id)
    return await done_answer(attachment_id, 200, shown)


@operation(status=204)
async def delete(request: Request, context: Context) -> Response:
    """Delete an attachment ("Delete Attachment")."""
    await attachments.delete_attachment(context, id_of(request))
    return empty_answer(204)


async def _attach(
    context: Context, ticket: str, name: str, content: AsyncIterator[bytes]
) -> Response:
    ticket_id = request_fields.uuid_of(ticket)
    if ticket_id is None:
        raise Invalid({"ticket": [Problem("invalid_uuid", {"value": ticket})]})
    try:
        attachment_id = await attachments.add_attachment(context, ticket_id, name, content)
    except NotFound:
        raise RestError(404, {"error": "Ticket not found"}) from None
    shown = row_answer(context, shapes.ONE_ATTACHMENT, attachment_id, 201)
    return await done_answer(attachment_id, 201, shown)


async def _attach_later(
    request: Request, context: Context, name: str, stream: AsyncIterator[Event]
) -> Response:
    """Keep a file until the ticket comes that it belongs to."""
    ticket = ""
    with SpooledTemporaryFile(SPOOL_BYTES) as kept:
        size = 0
        async for piece in _content(stream):
            size += len(piece)
            if size > context.services.max_upload_bytes:
                raise TooLarge(context.services.max_upload_bytes)
            await to_thread.run_sync(kept.write, piece)
        async for event in stream:
            if isinstance(event, Part):
                ticket = await _ticket(request, event, stream) or ticket
        if not ticket:
            raise RestError(400, {"error": "ticket is required"})
        kept.seek(0)
        return await _attach(context, ticket, name, _pieces(kept))


async def _ticket(request: Request, part: Part, stream: AsyncIterator[Event]) -> str:
    """Return the text of a part if it is the ticket, and read past any other."""
    text = bytearray()
    size = 0
    async for piece in _content(stream):
        size += len(piece)
        require_size(request, size)
        if part.name == "ticket" and part.filename is None:
            text += piece
    return text.decode("utf-8", "replace")


async def _content(stream: AsyncIterator[Event]) -> AsyncIterator[bytes]:
    """Yield the bytes of the part that a stream is at."""
    async for event in stream:
        if isinstance(event, End):
            return
        if isinstance(event, bytes):
            yield event


async def _pieces(kept: "SpooledTemporaryFile[bytes]") -> AsyncIterator[bytes]:
    while piece := await to_thread.run_sync(kept.read, PIECE_BYTES):
        yield piece


async def _nothing() -> AsyncIterator[Event]:
    """Yield what a form has of files."""
    return
    yield
