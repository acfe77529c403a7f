"""``Idempotency-Key`` on operations with mutations: sent again, they are answered as before.

An operation with a key is one transaction. Where the server fails in any of its fields, nothing of
it is done, and its answer has no data.
"""

import hashlib
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import replace

import orjson
from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    SelectionSetNode,
    print_ast,
)
from starlette.datastructures import Headers
from starlette.responses import Response
from strawberry.types import ExecutionResult

from resolvers.context import Context
from resolvers.errors import AnswerTooLarge
from resolvers.http import idempotency_key
from resolvers.http.idempotency_key import KEY_HEADER, REPLAYED_HEADER
from resolvers.units.idempotency import (
    BadKey,
    IdempotencyError,
    KeyedRequest,
    KeyInUse,
    KeyReused,
    answer_once,
)
from schema.errors.codes import Code
from schema.errors.formatting import formatted
from schema.execution.operation import Operation
from schema.execution.strawberry_internals import PreExecutionError
from schema.operations.idempotent import NAME, SECRET_FIELDS
from schema.transport import negotiation
from schema.transport.multipart import Uploads
from schema.transport.refused import RequestRefused
from schema.transport.request import GraphQLRequest

# What is answered by the server's state alone: it may be another one a moment later.
_FAILURES = frozenset({Code.INTERNAL, Code.UNAVAILABLE, Code.THROTTLED, Code.TIMEOUT})

UPLOAD = "uploadAttachment"

Run = Callable[[Operation], Awaitable[ExecutionResult]]
Respond = Callable[[ExecutionResult], Response]


def key_of(headers: Headers, asked: GraphQLRequest | list[GraphQLRequest], kind: str) -> str | None:
    """Return the key of a request; raises ``RequestRefused``, as for a batch or a stream."""
    try:
        key = idempotency_key.key_of(headers)
    except BadKey as error:
        raise refused(error) from None
    if key is not None and (isinstance(asked, list) or kind == negotiation.EVENTS):
        way = "A batch" if isinstance(asked, list) else "A stream"
        raise RequestRefused(400, f"{way} takes no {KEY_HEADER}: send one operation at a time.")
    return key


def refused(error: IdempotencyError) -> RequestRefused:
    """Return the refusal of a request because of its key (its IETF draft, section 2.7)."""
    if isinstance(error, KeyInUse):
        later = {"Retry-After": str(error.seconds)}
        return RequestRefused(409, str(error), code=Code.IDEMPOTENCY_KEY_IN_USE, headers=later)
    if isinstance(error, KeyReused):
        return RequestRefused(422, str(error), code=Code.IDEMPOTENCY_KEY_REUSED)
    return RequestRefused(400, str(error))


async def respond_once(
    operation: Operation, key: str, uploads: Uploads | None, run: Run, respond: Respond
) -> Response:
    """Answer a mutation once; raises ``RequestRefused``."""
    context = operation.context
    fields = _checked_fields(operation)
    fingerprint = await _fingerprint(operation, uploads)
    keyed = KeyedRequest(key, fingerprint, several=len(fields) > 1)
    failed: list[ExecutionResult] = []

    async def respond_inside(inner: Context) -> bytes | None:
        result = await run(replace(operation, context=context.inside(inner)))
        if failure := _failure(result, context.request_id):
            failed.append(failure)
            return None
        response = respond(result)
        return orjson.dumps([response.status_code, response.media_type, _text(response)])

    try:
        found = await answer_once(context.resolver_context, keyed, respond_inside)
    except IdempotencyError as error:
        raise refused(error) from None
    except AnswerTooLarge as error:
        raise RequestRefused(400, f"{error} Nothing was changed.") from None
    if found is None:
        return respond(failed[0])
    status, kind, text = orjson.loads(found.content)
    headers = {"Cache-Control": "no-store"}
    if found.replayed:
        headers[REPLAYED_HEADER] = "true"
    return Response(text, status, headers, kind)


def _text(response: Response) -> str:
    return bytes(response.body).decode()


def _failure(result: ExecutionResult, request_id: str) -> ExecutionResult | None:
    """Return the answer to an operation that is undone, None where it is not.

    One that could not be run, as for wrong variables, has done nothing.
    """
    if isinstance(result, PreExecutionError):
        return result
    codes = [formatted(one, request_id)["extensions"]["code"] for one in result.errors or ()]
    if not _FAILURES & {*codes}:
        return None
    pairs = zip(result.errors or (), codes, strict=True)
    errors = [error for error, code in pairs if code in _FAILURES]
    return ExecutionResult(data=None, errors=errors, extensions=result.extensions)


async def _fingerprint(operation: Operation, uploads: Uploads | None) -> bytes:
    """Return a hash of the document, the variables and the files."""
    found = hashlib.sha256(print_ast(operation.known.document).encode())
    if uploads is not None:
        await uploads.receive()
    files = {} if uploads is None else uploads.files
    variables = orjson.dumps(
        [operation.known.name, operation.variables], default=_left_out, option=orjson.OPT_SORT_KEYS
    )
    found.update(b"\0" + variables)
    for name, file in sorted(files.items()):
        content = hashlib.sha256()
        async for piece in file.chunks():
            content.update(piece)
        told = f"\0{name}\0{file.filename}\0".encode("utf-8", "replace")
        found.update(told + content.digest())
    return found.digest()


def _left_out(_file: object) -> None:
    """Stand for a file in the variables: its content is added on its own."""


def _checked_fields(operation: Operation) -> list[FieldNode]:
    """Return the mutations; raises ``RequestRefused`` for those that take no key of the request."""
    fragments: Mapping[str, FragmentDefinitionNode] = {
        one.name.value: one
        for one in operation.known.document.definitions
        if isinstance(one, FragmentDefinitionNode)
    }
    fields = list(_fields(operation.node.selection_set, fragments))
    secret = sorted({one.name.value for one in fields} & SECRET_FIELDS)
    if secret:
        raise RequestRefused(400, f"{secret[0]} answers with secrets: it takes no {KEY_HEADER}.")
    if any(directive.name.value == NAME for one in fields for directive in one.directives or ()):
        raise RequestRefused(400, f"Send {KEY_HEADER} or @{NAME}, not both.")
    if any(one.name.value == UPLOAD for one in fields[1:]):
        # It would be stored while the transaction of the others is open, for which all wait.
        raise RequestRefused(
            400,
            f"With {KEY_HEADER} an operation has {UPLOAD} as its first mutation only: give each "
            f"mutation a key of its own by @{NAME}.",
        )
    return fields


def _fields(
    selections: SelectionSetNode, fragments: Mapping[str, FragmentDefinitionNode]
) -> Iterator[FieldNode]:
    """Yield the fields at the top of an operation."""
    for one in selections.selections:
        if isinstance(one, FieldNode):
            yield one
        elif isinstance(one, FragmentSpreadNode):
            yield from _fields(fragments[one.name.value].selection_set, fragments)
        elif isinstance(one, InlineFragmentNode):
            yield from _fields(one.selection_set, fragments)
