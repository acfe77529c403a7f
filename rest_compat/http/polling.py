"""Reads that clients repeat: by the ``ETag`` of an answer they are told that it is the same.

The reference recommends to ask for lists again every 30 to 60 seconds ("Polling for Updates").
"""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from resolvers.context import Context
from resolvers.http.conditional import confirm, keep, question_of
from rest_compat.http.etags import tag_ends, weak_tag_of


async def read_again(
    request: Request, context: Context, respond: Callable[[], Awaitable[Response]]
) -> Response:
    """Answer a read: with 304 if the client has what would be read, as far as that is known.

    Raises what ``respond`` raises, and ``Throttled``.
    """
    question = question_of(context, request.scope["path"], request.scope["query_string"])
    same = await confirm(context, question, request.headers)
    if same is not None:
        return same
    response = await respond()
    if response.status_code == 200:
        # Details have a strong one already.
        tag = response.headers.get("etag")
        if tag is None:
            tag = weak_tag_of(context, bytes(response.body))
        keep(context, question, response, tag, until=tag_ends(tag))
    return response
