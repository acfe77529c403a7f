"""Files that are made when they are downloaded, by links that GraphQL gives."""

from collections.abc import AsyncGenerator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from resolvers.context import Context
from resolvers.errors import NotFound
from resolvers.exports.downloads import Download, open_download
from resolvers.exports.formats import CONTENT_TYPES, ExportFormat
from resolvers.imports.rejects import Rejects, open_rejects
from rest_compat.http.downloads import disposition
from rest_compat.http.responses import not_found
from rest_compat.openapi.operations import File, operation

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cache-Control": "no-store",
}


@operation(File)
async def tickets(request: Request, context: Context) -> Response:
    """Send an export of tickets, as it is made."""
    try:
        download = await open_download(context, request.query_params.get("link", ""))
    except NotFound:
        raise not_found() from None
    return await _sent(request, download, download.export.format)


@operation(File)
async def rejects(request: Request, context: Context) -> Response:
    """Send the rows of an import that were refused."""
    try:
        found = await open_rejects(context, request.query_params.get("link", ""))
    except NotFound:
        raise not_found() from None
    return await _sent(request, found, found.format)


async def _sent(request: Request, file: Download | Rejects, format: ExportFormat) -> Response:
    headers = {**HEADERS, "Content-Disposition": disposition(file.name)}
    kind = CONTENT_TYPES[format]
    if request.method == "HEAD":
        response = Response(headers=headers, media_type=kind)
        # How long it is shows only when it is made.
        del response.headers["Content-Length"]
        return response
    chunks = file.chunks()
    # What goes wrong before anything is sent has an answer of its own.
    first = await anext(chunks)
    return StreamingResponse(_after(first, chunks), headers=headers, media_type=kind)


async def _after(first: bytes, chunks: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    yield first
    async for chunk in chunks:
        yield chunk
