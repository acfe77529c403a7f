"""Operations by GET that clients ask for again (RFC 9110, section 13).

By POST there is no 304: the conditions of a request hold for GET and HEAD only (section 13.2.1).
"""

import re
from datetime import timedelta

import orjson
from starlette.requests import Request
from starlette.responses import Response
from strawberry.types import ExecutionResult

from resolvers.context import Context
from resolvers.errors import Throttled
from resolvers.http.conditional import confirm, hash_of, keep, question_of
from resolvers.signing import MAX_LINK_SECONDS
from schema.execution.context import GraphContext
from schema.execution.operation import Operation
from schema.execution.strawberry_internals import PreExecutionError
from schema.transport.responses import READS, VARY

# The end of a signed link (``resolvers.query.expressions.signed_link``).
_EXPIRES = re.compile(rb"\?expires=(\d{1,19})&signature=")
_NO_END = 2**63


async def confirmed(context: GraphContext, request: Request) -> Response | None:
    """Return 304 if the client has the answer to a request by GET; None where that has to be read.

    The reads that follow tell of which state of the data they are. All that a request by GET asks
    for is in its address, so nothing of it is parsed here.
    """
    context.record_state()
    asking = context.resolver_context
    if asking.viewer is None:
        return None
    try:
        same = await confirm(asking, _question(asking, request), request.headers)
    except Throttled:
        # It is told as to any other operation.
        return None
    if same is not None:
        same.headers["Vary"] = ", ".join(filter(None, (VARY, same.headers.get("vary"))))
    return same


def keep_answer(
    operation: Operation | PreExecutionError,
    request: Request,
    result: ExecutionResult,
    response: Response,
) -> None:
    """Let the client keep an answer by GET without errors, and ask whether it is still the same.

    What the operation costs is no part of what has to be the same: the tag is a weak one.
    """
    if request.method not in READS or isinstance(operation, PreExecutionError):
        return
    if result.errors or isinstance(result, PreExecutionError):
        return
    context, data = operation.context.resolver_context, orjson.dumps(result.data)
    until = None
    recorder = context.recorder
    if recorder is not None and recorder.signs:
        # A client that is told to keep its links can use them for at least as long again.
        ends = min(map(int, _EXPIRES.findall(data)), default=_NO_END)
        seconds = (ends - recorder.since.timestamp()) / 2
        until = recorder.since + timedelta(seconds=min(max(seconds, 0), MAX_LINK_SECONDS))
    question, tag = _question(context, request), f'W/"{hash_of(data)}"'
    keep(context, question, response, tag, until=until, operation=operation.known.name)


def _question(context: Context, request: Request) -> bytes:
    return question_of(context, request.scope["query_string"])
