"""The results of an operation as server-sent events."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import orjson
from starlette.requests import Request
from starlette.responses import Response
from strawberry.types import ExecutionResult

from resolvers.errors import TokenExpired
from resolvers.request_record import current_request
from schema.execution.context import GraphContext
from schema.execution.engine import EventResult
from schema.execution.operation import Operation
from schema.execution.strawberry_internals import OperationType, PreExecutionError
from schema.transport import sse
from schema.transport.responses import shown

Results = AsyncGenerator[ExecutionResult, None]
# The header for a client whose token has expired (RFC 6750, section 3).
CHALLENGE = {"WWW-Authenticate": 'Bearer error="invalid_token"'}


def stream_of(
    found: Operation | PreExecutionError,
    results: Results,
    request: Request,
    context: GraphContext,
) -> Response:
    """Answer by a stream whose ids are the cursors of its events.

    A subscription by a token that has expired is 401, after which graphql-sse asks again with a
    new one; after any other error it does not.
    """
    refused = context.bad_token
    follows = isinstance(found, Operation) and found.type is OperationType.SUBSCRIPTION
    broker = context.resolver_context.services.broker
    if (record := current_request.get()) is not None:
        record.follows = follows

    def broken_off() -> bool:
        return follows and not refused and bool(context.bad_token or broker.ended)

    frames = sse.frames(_frames(request, results), broken_off)
    if follows and isinstance(refused, TokenExpired):
        return sse.EventStream(frames, 401, CHALLENGE)
    return sse.EventStream(frames)


async def _frames(request: Request, results: Results) -> AsyncGenerator[str, None]:
    cursor: str | None = None
    async with aclosing(results):
        async for result in results:
            if isinstance(result, EventResult):
                cursor = result.cursor
            # What is no event, such as an error, has the cursor of the last one.
            yield sse.next_frame(orjson.dumps(shown(result, request)), cursor)
