"""Answers over HTTP: what is in them, their status and their headers."""

from collections.abc import Mapping

import orjson
from graphql import GraphQLError
from starlette.requests import Request
from starlette.responses import Response
from strawberry.types import ExecutionResult

from resolvers.errors import Throttled, Unavailable
from schema.errors.formatting import formatted
from schema.execution.document_cache import NoChoice
from schema.execution.operation import Operation
from schema.execution.outcomes import retry_reason
from schema.execution.strawberry_internals import (
    GraphQLHTTPResponse,
    OperationType,
    PreExecutionError,
)
from schema.transport import negotiation
from schema.transport.refused import RequestRefused

# What is answered depends on who asks, and may change at any time.
NOT_KEPT: Mapping[str, str] = {"Cache-Control": "no-store"}
# What an answer by GET depends on besides its address.
VARY = "Accept, Authorization"
READS = ("GET", "HEAD")
TYPES: Mapping[str, str] = {
    negotiation.JSON: negotiation.JSON,
    negotiation.GRAPHQL: f"{negotiation.GRAPHQL}; charset=utf-8",
}


def check_way(operation: Operation, method: str, kind: str) -> None:
    """Refuse what cannot be asked for in this way; raises ``RequestRefused``."""
    if operation.type is OperationType.MUTATION and method != "POST":
        raise RequestRefused(405, "A mutation needs POST.", headers={"Allow": "POST"})
    if operation.type is OperationType.SUBSCRIPTION and kind != negotiation.EVENTS:
        raise RequestRefused(
            400, f"A subscription needs a WebSocket, or Accept: {negotiation.EVENTS}."
        )


def shown(result: ExecutionResult, request: Request) -> GraphQLHTTPResponse:
    """Return a result as clients see it; without data if nothing ran (GraphQL, section 7.1)."""
    found: GraphQLHTTPResponse = {}
    if not isinstance(result, PreExecutionError):
        found["data"] = result.data
    if result.errors:
        request_id = request_id_of(request)
        found["errors"] = [formatted(error, request_id) for error in result.errors]
    if result.extensions:
        found["extensions"] = result.extensions
    return found


def response_of(result: ExecutionResult, request: Request, kind: str) -> Response:
    """Return the answer to one request."""
    found = shown(result, request)
    reason = retry_reason(result) if result.errors else None
    status = _status(kind, result, reason)
    response = Response(orjson.dumps(found), status, NOT_KEPT, TYPES[kind])
    if reason is not None:
        response.headers["Retry-After"] = str(reason.seconds)
    if request.method in READS:
        response.headers["Vary"] = VARY
    return response


def _status(kind: str, result: ExecutionResult, reason: Throttled | Unavailable | None) -> int:
    """Return the status of an answer (GraphQL over HTTP, status codes).

    ``reason``: why it has to be asked for again.
    """
    later = None if reason is None else 503 if isinstance(reason, Unavailable) else 429
    if not isinstance(result, PreExecutionError):
        # None of it was done, as of a login that is throttled; clients of plain JSON expect 200.
        return later if later and result.data is None and kind != negotiation.JSON else 200
    if any(isinstance(error, NoChoice) for error in result.errors or ()):
        # A request that does not say what it wants is malformed.
        return 400
    if kind == negotiation.JSON:
        # Its clients trust no other one.
        return 200
    return later or 400


def request_id_of(request: Request) -> str:
    """Return the id that the middleware gave a request."""
    found: str = request.scope.get("state", {}).get("request_id", "")
    return found


def failure(error: Exception, request: Request) -> Response:
    """Answer an error outside of any field; one that is not expected is logged."""
    worded = formatted(GraphQLError("", original_error=error), request_id_of(request))
    status, headers = 500, NOT_KEPT
    if isinstance(error, Unavailable):
        status, headers = 503, {**NOT_KEPT, "Retry-After": str(error.seconds)}
    return Response(orjson.dumps({"errors": [worded]}), status, headers, negotiation.JSON)
