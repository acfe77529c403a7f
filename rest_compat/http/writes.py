"""What a client may ask of any write: to be done once, or only to be tried.

``Idempotency-Key`` (the IETF draft "The Idempotency-Key HTTP Header Field") and ``Prefer: dry-run``
(RFC 7240). Without them a write is the handler's alone.
"""

import re

import orjson
from starlette.requests import Request
from starlette.responses import Response

from resolvers.context import Context
from resolvers.errors import BadInput, ServiceError
from resolvers.http.idempotency_key import REPLAYED_HEADER, key_of
from resolvers.query import binds
from resolvers.query.execute import REST, Query, QueryRoot, read_json
from resolvers.query.shapes import Args
from resolvers.units.dry_run import dry_run
from resolvers.units.idempotency import KeyedRequest, answer_once
from rest_compat.http.error_messages import response_to
from rest_compat.http.kept_bodies import kept_body
from rest_compat.http.responses import RestError, answer
from rest_compat.openapi.operations import Handler
from rest_compat.serializers import shapes

DRY_RUN = "dry-run"
# One preference of several, in which a comma may be quoted.
_PREFERENCE = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^",])+')
SERVER_ERROR, TOO_MANY_REQUESTS = 500, 429
# The headers of a response that are stored with it.
_KEPT = ("content-type", "etag", "location")
_EVENTS = Query(QueryRoot.NODES, "Node", (("TicketEvent", shapes.EVENT),), REST)


async def respond_to_write(handler: Handler, request: Request, context: Context) -> Response:
    """Answer a write as its headers want it; raises ``RestError`` and ``ServiceError``."""
    key = key_of(request.headers)
    if _is_tried(request):
        # It changes nothing, so there is nothing that a key would have to hold off.
        return await _try(handler, request, context)
    if key is None:
        return await handler(request, context)
    async with kept_body(request, context.services.max_upload_bytes) as body:
        keyed = KeyedRequest(key, await body.fingerprint())
        failed: list[Response] = []

        async def respond(inner: Context) -> bytes | None:
            response = await _answered(handler, body.request(), inner)
            if response.status_code >= SERVER_ERROR or response.status_code == TOO_MANY_REQUESTS:
                failed.append(response)
                return None
            return _stored(response)

        found = await answer_once(context, keyed, respond)
    return failed[0] if found is None else _response_of(found.content, replayed=found.replayed)


async def _answered(handler: Handler, request: Request, context: Context) -> Response:
    """Answer by a handler, with what it refuses in words."""
    try:
        return await handler(request, context)
    except (RestError, ServiceError) as error:
        return response_to(error, request)


def _is_tried(request: Request) -> bool:
    """Whether the write is only to be tried; raises ``BadInput``, where that is not clear."""
    for one in _PREFERENCE.findall(",".join(request.headers.getlist("prefer"))):
        name, _, value = one.partition(";")[0].partition("=")
        if name.strip().lower() != DRY_RUN:
            continue
        # An empty value is none (RFC 7240, section 2).
        if value.strip() not in ("", '""'):
            raise BadInput(f"Prefer: {DRY_RUN} has no value.")
        return True
    return False


async def _try(handler: Handler, request: Request, context: Context) -> Response:
    """Answer 200 with what would have been answered, and the events that would have been written.

    A refusal is answered as it is.
    """
    async with dry_run(context) as tried:
        response = await handler(request, tried)
        events = await _events(tried)
    found = {
        "dry_run": True,
        "status": response.status_code,
        "response": orjson.Fragment(bytes(response.body)) if response.body else None,
        "events": events,
    }
    return answer(found, headers={"Preference-Applied": DRY_RUN})


async def _events(context: Context) -> orjson.Fragment:
    keys = orjson.dumps(list(map(str, context.event_ids or ()))).decode()
    text = await read_json(context, _EVENTS, (Args(values={binds.KEYS: keys}),))
    return orjson.Fragment(text or "[]")


def _stored(response: Response) -> bytes:
    headers = {name: response.headers[name] for name in _KEPT if name in response.headers}
    return orjson.dumps([response.status_code, headers]) + b"\n" + bytes(response.body)


def _response_of(stored: bytes, *, replayed: bool) -> Response:
    head, _, body = stored.partition(b"\n")
    status, headers = orjson.loads(head)
    if replayed:
        headers[REPLAYED_HEADER] = "true"
    return Response(body, status, headers)
