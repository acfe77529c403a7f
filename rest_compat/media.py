"""Files: for whoever may see the ticket by bearer token, and by signed links that expire."""

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from resolvers import attachments
from resolvers.desk import Context
from resolvers.errors import NotFound
from rest_compat.answers import not_found
from rest_compat.credentials import viewer_of
from rest_compat.operations import File, operation


@operation(File)
async def show(request: Request, context: Context) -> Response:
    """Send a file, always as a download: what was uploaded must never run on this origin.

    The reference documents the path in "Attachment Response" (``file``).
    """
    try:
        opened = await _open(request, context)
    except NotFound:
        raise not_found() from None
    headers = {
        "Content-Disposition": disposition(opened.name),
        "Content-Length": str(opened.size),
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Cache-Control": "private",
        "ETag": f'"{opened.sha256}"',
    }
    if request.method == "HEAD":
        return Response(headers=headers, media_type=opened.content_type)
    return StreamingResponse(opened.chunks, headers=headers, media_type=opened.content_type)


async def _open(request: Request, context: Context) -> attachments.OpenFile:
    key = request.path_params["key"]
    params = request.query_params
    if "signature" in params:
        expires, signature = params.get("expires", ""), params["signature"]
        return await attachments.open_signed(context, key, expires, signature)
    viewer = await viewer_of(context.desk, request)
    bearer = Context(context.desk, viewer, context.via, context.base_url)
    return await attachments.open_attachment(bearer, key)


def disposition(name: str) -> str:
    """Return the ``Content-Disposition`` of a download (RFC 6266, its name as in RFC 8187)."""
    plain = "".join(c if " " <= c <= "~" and c not in '"\\%' else "_" for c in name)
    encoded = quote(name, safe="!#$&+-.^_`|~")
    if plain == name:
        return f'attachment; filename="{plain}"'
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}"
