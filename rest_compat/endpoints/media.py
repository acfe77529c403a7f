"""Files: by bearer token for viewers who may see the ticket, and by signed links that expire."""

from dataclasses import replace

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from resolvers.context import Context
from resolvers.errors import NotFound
from resolvers.files.downloads import OpenFile, open_attachment, open_signed
from resolvers.files.names import encoded_key
from resolvers.http.etags import names_tag
from rest_compat.http.authentication import viewer_of
from rest_compat.http.downloads import Unsatisfiable, disposition, is_other, span_of
from rest_compat.http.responses import not_found
from rest_compat.openapi.operations import File, operation


@operation(File)
async def show(request: Request, context: Context) -> Response:
    """Send a file, always as a download: what was uploaded must never run on this origin.

    The reference documents the path in "Attachment Response" (``file``).
    """
    try:
        return await _answer(request, await _open(request, context))
    except NotFound:
        raise not_found() from None


async def _open(request: Request, context: Context) -> OpenFile:
    key = encoded_key(request.path_params["key"])
    params = request.query_params
    if "signature" in params:
        expires, signature = params.get("expires", ""), params["signature"]
        return await open_signed(context, key, expires, signature)
    viewer = await viewer_of(context.services, request)
    bearer = replace(context, viewer=viewer)
    return await open_attachment(bearer, key)


async def _answer(request: Request, file: OpenFile) -> Response:
    """Answer in the order of RFC 9110, 13.2.2: conditions first, then ranges."""
    etag = f'"{file.sha256}"'
    headers = {
        "Content-Disposition": disposition(file.name),
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        # To be asked for again each time: who may see a ticket changes.
        "Cache-Control": "private, no-cache",
        "ETag": etag,
        "Accept-Ranges": "bytes",
    }
    if is_other(request.headers, etag):
        return Response(status_code=412, headers=headers)
    if names_tag(request.headers.get("if-none-match"), etag):
        return Response(status_code=304, headers=headers)
    if request.method == "HEAD":
        await file.require()
        headers["Content-Length"] = str(file.size)
        return Response(headers=headers, media_type=file.content_type)
    if "signature" in request.query_params and (link := await file.link()):
        return RedirectResponse(link, 307, {"Cache-Control": "no-store"})
    try:
        span = span_of(request.headers, etag, file.size)
    except Unsatisfiable:
        headers["Content-Range"] = f"bytes */{file.size}"
        return Response(status_code=416, headers=headers)
    chunks = await file.read(span)
    start, end = span or (0, file.size)
    headers["Content-Length"] = str(end - start)
    if span is None:
        return StreamingResponse(chunks, headers=headers, media_type=file.content_type)
    headers["Content-Range"] = f"bytes {start}-{end - 1}/{file.size}"
    return StreamingResponse(chunks, 206, headers, media_type=file.content_type)
