"""The last catch for errors. And queries that are no ASCII are written as they should be sent."""

import logging
import string
from urllib.parse import quote

import orjson
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from deskgraph.observability.logs import LoggedError
from deskgraph.observability.request_log import HttpRecord
from resolvers.errors import ServiceError, Unavailable
from resolvers.request_record import current_request

logger = logging.getLogger("deskgraph.server")


class UnexpectedErrors:
    """Logs an unexpected error once, with the id of its request, and answers it masked."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; raises ``LoggedError`` where an answer has begun."""
        if scope["type"] == "http":
            scope["query_string"] = escaped(scope["query_string"])
        try:
            await self._app(scope, receive, send)
        except Exception as error:
            record = current_request.get()
            assert isinstance(record, HttpRecord)
            begun = record.status is not None and isinstance(error, ServiceError)
            if begun or isinstance(error, Unavailable):
                # While a file was sent: the server closes the connection, so that what has come
                # is not taken for all of it.
                reason = str(error) or type(error).__name__
                logger.warning("an answer was broken off: %s", reason)
                return
            logger.exception("unexpected error, request %s", record.request_id)
            if scope["type"] != "http" or record.status is not None:
                raise LoggedError from error
            await _masked(record.request_id)(scope, receive, send)


def escaped(query: bytes) -> bytes:
    """Return a query as it should have been sent: some clients leave letters as they are."""
    return query if query.isascii() else quote(query, safe=string.printable).encode()


def _masked(request_id: str) -> Response:
    """Return an answer with the id of the request, under which the log has the error."""
    body = {"detail": "Something went wrong on our side.", "request_id": request_id}
    return Response(orjson.dumps(body), 500, media_type="application/json")
