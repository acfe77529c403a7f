"""An id for each request, in the answer and in the log; the last catch for errors.

And queries that are no ASCII are written as they should have been sent.
"""

import logging
import secrets
import string
from urllib.parse import quote

import orjson
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from resolvers.errors import Unavailable

logger = logging.getLogger("deskgraph.server")


class RequestIds:
    """Gives each HTTP request an id; an unexpected error is logged with it and answered masked."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["query_string"] = escaped(scope["query_string"])
        request_id = secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = request_id
        started = False

        async def send_with_id(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [
                    *message["headers"],
                    (b"x-request-id", request_id.encode()),
                ]
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except Unavailable as error:
            # While a file was sent: the server closes the connection of an answer without its end.
            logger.warning("an answer was broken off, request %s: %s", request_id, error)
        except Exception:
            logger.exception("unexpected error, request %s", request_id)
            if started:
                raise
            await _masked(request_id)(scope, receive, send_with_id)


def escaped(query: bytes) -> bytes:
    """Return a query as it should have been sent: some clients leave letters as they are."""
    return query if query.isascii() else quote(query, safe=string.printable).encode()


def _masked(request_id: str) -> Response:
    """Return an answer with the id of the request, under which the log has the error."""
    body = {"detail": "Something went wrong on our side.", "request_id": request_id}
    return Response(orjson.dumps(body), 500, media_type="application/json")
