"""GraphQL over HTTP: Strawberry's view with our context, errors, JSON and page."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, ClassVar

import orjson
from cross_web import AsyncHTTPRequestAdapter, HTTPException
from starlette.exceptions import HTTPException as BadForm
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.http import GraphQLHTTPResponse, GraphQLRequestData
from strawberry.http.base import BaseRequestProtocol
from strawberry.http.streaming import AsyncTextStream, HTTPStreamTransport
from strawberry.subscriptions import GRAPHQL_SSE_PROTOCOL, GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types import ExecutionResult, SubscriptionExecutionResult
from strawberry.types.unset import UnsetType

from resolvers.desk import Desk
from schema.context import GraphContext, context_of, token_of_payload
from schema.errors import formatted
from schema.operations import DeskSchema
from schema.sockets import Handler, TextFrames
from schema.sse import EventStream, prefers_stream

# What a request may have besides an uploaded file, in bytes.
MOST_AROUND = 1024 * 1024
# How long a WebSocket may stay open without a connection_init.
SILENCE = timedelta(seconds=10)


class GraphQLView(GraphQL[GraphContext, None]):
    """The endpoint: operations by POST or GET, and a page for browsers."""

    schema: DeskSchema
    websocket_adapter_class = TextFrames
    graphql_transport_ws_handler_class = Handler
    stream_transport_classes_by_protocol: ClassVar = {  # type: ignore[misc]
        GRAPHQL_SSE_PROTOCOL: EventStream
    }

    def __init__(
        self,
        schema: DeskSchema,
        desk: Desk,
        *,
        page: Callable[[], HTMLResponse] | None,
        base_url: str | None,
        allowed_origins: list[str],
    ) -> None:
        """Take the page that browsers get, or None for no page."""
        super().__init__(
            schema,
            graphql_ide="graphiql" if page else None,
            subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL, GRAPHQL_SSE_PROTOCOL],
            connection_init_wait_timeout=SILENCE,
            multipart_uploads_enabled=True,
            allowed_origins=allowed_origins,
        )
        self._desk = desk
        self._page = page
        self._base_url = base_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what is no operation with JSON as well."""
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        request = Request(scope, _limited(receive, self._desk.max_upload_bytes))
        try:
            response = await self._answer_usual(request) or await self.run(request)
        except HTTPException as error:
            response = _refusal(error.status_code, error.reason)
        except BadForm as error:
            response = _refusal(error.status_code, error.detail)
        finally:
            # Uploaded files are kept in temporary ones.
            await request.close()
        await response(scope, receive, send)

    async def _answer_usual(self, request: Request) -> Response | None:
        """Answer the usual request without the detours for all that it is not; None for others."""
        headers = request.headers
        if request.method != "POST" or headers.get("content-type") != "application/json":
            return None
        data = _plain_request(await request.body(), headers.get("accept", ""))
        if not data or not data.query:
            return None
        context = await self.get_context(request, Response())
        result = await self.schema.execute(
            data.query, data.variables, context, None, data.operation_name
        )
        shown = await self.process_result(request, result)
        wait = context.retry_after
        more = None if wait is None else {"Retry-After": str(wait)}
        return Response(self.encode_json(shown), headers=more, media_type="application/json")

    async def get_context(
        self, request: Request | WebSocket, response: Response | WebSocket
    ) -> GraphContext:
        """Find out who asks; a token that is no good makes them nobody."""
        context = context_of(self._desk, request, self._base_url)
        await context.identify()
        if request.scope["type"] == "http":
            request.scope.setdefault("state", {})["graph_context"] = context
            # Where a client that follows events lost the connection (HTML, section 9.2.4).
            context.resumes_after = request.headers.get("last-event-id") or None
        return context

    async def on_ws_connect(self, context: GraphContext) -> UnsetType | dict[str, object] | None:
        """Take the token from the payload; one that is no good ends the connection with 4403."""
        context.token = token_of_payload(context.connection_params or {}) or context.token
        await context.identify()
        if context.bad_token:
            raise ConnectionRejectionError
        return UnsetType()

    def _stream_result(
        self, request: Request, result: SubscriptionExecutionResult, transport: HTTPStreamTransport
    ) -> AsyncTextStream:
        """Frame a stream whose ids are the cursors of its events."""
        context: GraphContext = request.scope["state"]["graph_context"]
        stream = EventStream(lambda: context.place, lambda: self._desk.feed.ended)
        return super()._stream_result(request, result, stream)

    async def render_graphql_ide(self, request: Request) -> Response:
        """Answer a browser with the page."""
        assert self._page is not None
        return self._page()

    def should_render_graphql_ide(self, request: BaseRequestProtocol) -> bool:
        """Give the page to browsers only, not to every client that takes anything.

        Also with a query in the address, which the page puts into its editor: REST links there.
        """
        return request.method == "GET" and "text/html" in request.headers.get("accept", "")

    def decode_json(self, data: str | bytes) -> object:
        """Read JSON; ``orjson.JSONDecodeError`` is one of json's."""
        return orjson.loads(data)

    def encode_json(self, data: object) -> bytes:
        """Write JSON with the finished parts inside."""
        return orjson.dumps(data)

    async def parse_http_body(
        self, request: AsyncHTTPRequestAdapter
    ) -> GraphQLRequestData | list[GraphQLRequestData]:
        """Read a request; whatever is no request is a 400 with a sentence."""
        try:
            data = await super().parse_http_body(request)
        except BadForm as error:
            raise HTTPException(error.status_code, error.detail) from None
        except (AttributeError, TypeError, ValueError, LookupError):
            raise HTTPException(400, "The body is not a GraphQL request.") from None
        named = getattr(data, "operation_name", None)
        if not isinstance(named, str | None):
            raise HTTPException(400, "The `operationName` must be a string or null.")
        return data

    async def process_result(
        self, request: Request, result: ExecutionResult
    ) -> GraphQLHTTPResponse:
        """Word the errors."""
        shown: dict[str, Any] = {"data": result.data}
        if result.errors:
            request_id = request.scope.get("state", {}).get("request_id", "")
            shown["errors"] = [formatted(error, request_id) for error in result.errors]
        if result.extensions:
            shown["extensions"] = result.extensions
        return shown  # type: ignore[return-value]


def _limited(receive: Receive, most_upload: int) -> Receive:
    """Pass on a body up to its limit: one uploaded file and the request around it.

    What is too large is refused while it comes in, before it fills memory or the disk.
    """
    most = most_upload + MOST_AROUND
    size = 0

    async def receiving() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > most:
            raise BadForm(413, f"A request may have at most {most} bytes.")
        return message

    return receiving


def _refusal(status: int, message: str) -> Response:
    shown = {"message": message, "extensions": {"code": "BAD_USER_INPUT"}}
    return Response(orjson.dumps({"errors": [shown]}), status, media_type="application/json")


def _plain_request(body: bytes | str, accept: str) -> GraphQLRequestData | None:
    """Read the usual request: a JSON object that asks for one JSON answer; None for any other."""
    if "multipart/mixed" in accept or prefers_stream(accept):
        return None
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(data, dict) or data.get("extensions") is not None:
        return None
    query, name, variables = (data.get(key) for key in ("query", "operationName", "variables"))
    if not (
        isinstance(query, str)
        and isinstance(name, str | None)
        and isinstance(variables, dict | None)
    ):
        return None
    return GraphQLRequestData(query, variables, name, None)
