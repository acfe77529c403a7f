"""GraphQL over HTTP: from a request to an operation, and from its result to an answer.

What comes over WebSockets goes through Strawberry's view.
"""

import json
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import ClassVar

import orjson
from graphql import GraphQLError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types import ExecutionResult

from resolvers.errors import CHANGES, Changes, SessionEnded, Unavailable
from resolvers.http.compression import encode, negotiate
from resolvers.http.conditional import conclude
from resolvers.http.json_size import has_too_many_values
from resolvers.preparation_cost import Preparation
from resolvers.services import Services
from schema.execution.context import GraphContext, context_of, token_of_payload
from schema.execution.operation import DeskSchema, Operation
from schema.execution.persisted_documents import PersistedDocuments
from schema.execution.reservations import refuse
from schema.execution.strawberry_internals import (
    OperationType,
    PreExecutionError,
    UnsetType,
)
from schema.transport import negotiation
from schema.transport.bodies import RequestBody
from schema.transport.caching import confirmed, keep_answer
from schema.transport.idempotency import key_of, respond_once
from schema.transport.multipart import Uploads
from schema.transport.refused import RequestRefused
from schema.transport.request import GraphQLRequest, request_of_query_string
from schema.transport.responses import (
    NOT_KEPT,
    READS,
    TYPES,
    check_way,
    failure,
    request_id_of,
    response_of,
    shown,
)
from schema.transport.streams import stream_of
from schema.transport.websocket import TextFrames, WebSocketHandler

# How long a WebSocket may stay open without a connection_init.
SILENCE = timedelta(seconds=10)


class GraphQLView(GraphQL[GraphContext, None]):
    """The endpoint: operations by POST or GET, and a page for browsers."""

    schema: DeskSchema
    websocket_adapter_class = TextFrames
    graphql_transport_ws_handler_class = WebSocketHandler
    stream_transport_classes_by_protocol: ClassVar = {}  # type: ignore[misc] # no class variable there

    def __init__(
        self,
        schema: DeskSchema,
        services: Services,
        *,
        page: Callable[[], HTMLResponse] | None,
        base_url: str | None,
        allowed_origins: list[str],
        persisted: PersistedDocuments | None = None,
    ) -> None:
        """Take the page that browsers get, or None for no page."""
        super().__init__(
            schema,
            subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
            connection_init_wait_timeout=SILENCE,
            allowed_origins=allowed_origins,
        )
        self.persisted = persisted or PersistedDocuments(schema.documents)
        self._services = services
        self._negotiator = negotiation.Negotiator()
        self._page = page
        self._base_url = base_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer everything over HTTP, including what is not an operation."""
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        body = RequestBody(receive, self._services)
        request = Request(scope, body.receive)
        try:
            response = await self._respond(request, body)
            await response(scope, receive, send)
        except ClientDisconnect:
            return
        finally:
            body.close()

    async def _respond(self, request: Request, body: RequestBody) -> Response:
        try:
            return await self._answer(request, body)
        except RequestRefused as refused:
            return refused.response(request_id_of(request))
        except ClientDisconnect:
            raise
        except Exception as error:
            return failure(error, request)

    async def _answer(self, request: Request, body: RequestBody) -> Response:
        """Answer a request; raises ``RequestRefused``."""
        reads = request.method in READS
        if not reads and request.method != "POST":
            allowed = {"Allow": "GET, HEAD, POST"}
            raise RequestRefused(405, "Ask by POST, or by GET for queries.", headers=allowed)
        accept = ", ".join(request.headers.getlist("accept"))
        # Also with a query in the address, which the page puts into its editor: REST links there.
        if reads and self._page is not None and "text/html" in accept:
            return self._page()
        kind = self._negotiator.chosen(accept)
        if kind is None:
            raise RequestRefused(
                406,
                f"Answers are {negotiation.JSON}, {negotiation.GRAPHQL} or {negotiation.EVENTS}.",
            )
        context = await self.get_context(request, request)
        once = reads and kind != negotiation.EVENTS
        if once and (same := await confirmed(context, request)) is not None:
            return same
        if context.resolver_context.viewer is not None:
            body.allow_text()
        asked = (
            request_of_query_string(request.query_params)
            if reads
            else await body.graphql_request(request)
        )
        key = None if reads else key_of(request.headers, asked, kind)
        if isinstance(asked, list):
            return await self._answer_batch(request, asked, kind, body)
        return await self._answer_one(request, asked, kind, body, context, key)

    async def _answer_one(
        self,
        request: Request,
        asked: GraphQLRequest,
        kind: str,
        body: RequestBody,
        context: GraphContext,
        key: str | None,
    ) -> Response:
        """Answer a request for one operation, with its idempotency key."""
        found = await self._chosen(asked, context)
        if isinstance(found, Operation):
            check_way(found, request.method, kind)
        if kind == negotiation.EVENTS:
            results = self.schema.results(found, context.request_id, body.uploads)
            return stream_of(found, results, request, context)
        respond = partial(response_of, request=request, kind=kind)
        if not isinstance(found, Operation) or not _writes(found):
            result = await self._result(found, body.uploads)
            response = respond(result)
            keep_answer(found, request, result, response)
            return await self._encoded(response, request)
        # Somebody who is not logged in can only do that, and its answer is not stored.
        if key is None or context.resolver_context.viewer is None:
            return respond(await self._result(found, body.uploads))
        run = partial(self.schema.run, uploads=body.uploads)
        return await respond_once(found, key, body.uploads, run, respond)

    async def _answer_batch(
        self, request: Request, batch: list[GraphQLRequest], kind: str, body: RequestBody
    ) -> Response:
        """Run one request after the other, each as if it had come alone.

        The limit of an answer's size is that of all together.
        """
        if kind == negotiation.EVENTS:
            raise RequestRefused(400, f"A batch is answered by {negotiation.JSON}.")
        answers: list[orjson.Fragment] = []
        size = 0
        writes = False
        for asked in batch:
            CHANGES.set(Changes.NONE)
            try:
                context = await self.get_context(request, request)
                found = await self._chosen(asked, context)
                if isinstance(found, Operation):
                    check_way(found, request.method, kind)
                writes = writes or _writes(found)
                result = await self._result(found, body.uploads, size)
            except RequestRefused as refused:
                # What came before has been done, and is answered.
                result = PreExecutionError(data=None, errors=[refused.error()])
            except Unavailable as error:
                failed = GraphQLError(str(error), original_error=error)
                result = PreExecutionError(data=None, errors=[failed])
            answer = orjson.dumps(shown(result, request))
            size += len(answer)
            answers.append(orjson.Fragment(answer))
        response = Response(orjson.dumps(answers), 200, NOT_KEPT, TYPES[kind])
        return response if writes else await self._encoded(response, request)

    async def _encoded(self, response: Response, request: Request) -> Response:
        """Return the answer to a read: compressed if that is wished, or that the client has it."""
        coded = self._services.compresses and negotiate(response, request.headers)
        same = request.method in READS and conclude(response, request.headers)
        if coded and not same:
            await encode(response)
        return response

    async def _chosen(
        self, asked: GraphQLRequest, context: GraphContext
    ) -> Operation | PreExecutionError:
        """Return the operation that is meant, or why there is none."""
        try:
            text = self.persisted.text(asked)
        except GraphQLError as error:
            return await refuse([error], context, Preparation())
        found = await self.schema.choose(text, asked.variables, context, asked.operation_name)
        self.persisted.register(asked, text)
        return found

    async def _result(
        self, found: Operation | PreExecutionError, uploads: Uploads | None, answered: int = 0
    ) -> ExecutionResult:
        """Run an operation, if there is one."""
        if isinstance(found, Operation):
            return await self.schema.run(found, uploads=uploads, answered=answered)
        return found

    async def get_context(
        self, request: Request | WebSocket, response: Response | Request | WebSocket
    ) -> GraphContext:
        """Return the context with its viewer: None without a token or with an invalid one."""
        context = context_of(self._services, request, self._base_url)
        await context.identify()
        return context

    async def on_ws_connect(self, context: GraphContext) -> UnsetType | dict[str, object] | None:
        """Take the token from the payload.

        One that is not valid ends the connection: with 4403, or with 4401 where its session has
        ended and only another login helps.
        """
        context.token = token_of_payload(context.connection_params or {}) or context.token
        await context.identify()
        if isinstance(context.bad_token, SessionEnded):
            raise context.bad_token
        if context.bad_token:
            raise ConnectionRejectionError
        return UnsetType()

    def decode_json(self, data: str | bytes) -> object:
        """Read the JSON of a WebSocket; ``orjson.JSONDecodeError`` is one of json's."""
        raw = data.encode() if isinstance(data, str) else data
        if has_too_many_values(raw):
            raise json.JSONDecodeError("Too many values", "", 0)
        return orjson.loads(raw)

    def encode_json(self, data: object) -> bytes:
        """Write JSON with the finished parts inside."""
        return orjson.dumps(data)


def _writes(found: Operation | PreExecutionError) -> bool:
    """Whether this is a mutation: its answer may have tokens in it, and is not compressed."""
    return isinstance(found, Operation) and found.type is OperationType.MUTATION
