"""GraphQL over WebSockets (graphql-transport-ws): Strawberry's handler, held to the protocol."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import aclosing, suppress
from time import perf_counter
from typing import Any

from graphql import GraphQLError
from starlette.websockets import WebSocketDisconnect

from resolvers.errors import SessionEnded, Unavailable
from resolvers.preparation_cost import Preparation
from schema.errors.codes import Code
from schema.errors.formatting import worded
from schema.execution.context import GraphContext
from schema.execution.operation import DeskSchema
from schema.execution.operation import Operation as Chosen
from schema.execution.reservations import refuse
from schema.execution.strawberry_internals import (
    ASGIWebSocketAdapter,
    ConnectionInitMessage,
    Message,
    Operation,
    OperationType,
    SocketHandler,
    SubscribeMessage,
    WebSocketDisconnected,
)
from schema.transport.refused import RequestRefused
from schema.transport.request import GraphQLRequest, request_of

logger = logging.getLogger("deskgraph.graphql")

BAD_REQUEST, UNAUTHORIZED, FORBIDDEN, FAILED = 4400, 4401, 4403, 1011
# After these graphql-ws connects again.
RESTART, TRY_AGAIN_LATER = 1012, 1013
# What must be in a message, by its type, beside the type itself.
_NEEDED: Mapping[str, tuple[str, ...]] = {
    "subscribe": ("id", "payload"),
    "complete": ("id",),
}


class TextFrames(ASGIWebSocketAdapter):
    """Sends text frames, as the protocol has it; our JSON is bytes."""

    async def send_json(self, message: Mapping[str, object]) -> None:
        """Send a message."""
        try:
            await self.ws.send_text(self.view.encode_json_string(message))
        except (WebSocketDisconnect, RuntimeError) as error:
            # Starlette has a RuntimeError for a socket that was closed by us meanwhile.
            raise WebSocketDisconnected from error

    async def close(self, code: int, reason: str) -> None:
        """Close the socket, once."""
        try:
            # RFC 6455, section 5.5: a control frame has room for 123 bytes of reason.
            await self.ws.close(code, reason.encode()[:123].decode(errors="ignore"))
        except RuntimeError as error:
            raise WebSocketDisconnected from error


class WebSocketHandler(SocketHandler):
    """One connection: the viewer of each operation is looked up again by the token."""

    # A ``GraphQLView``, which imports this: its type cannot be named here.
    view: Any
    schema: DeskSchema

    # Strawberry's own arguments.
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # By the ids of their operations, until these run.
        self._requests: dict[str, GraphQLRequest] = {}
        # The tasks of queries and mutations, each of which ends soon, and that there are fewer.
        self._answering: set[asyncio.Task[None] | None] = set()
        self._fewer = asyncio.Event()
        self._closing = False

    async def handle(self) -> None:
        """Serve the connection until its client leaves or the process ends."""
        ending = asyncio.create_task(self._close_at_end())
        try:
            await super().handle()
        finally:
            ending.cancel()

    async def _close_at_end(self) -> None:
        """Close the connection when the process ends, after the answers that are under way."""
        await self.context.resolver_context.services.broker.until_ended()
        await self._close_after_answers(RESTART, "The server restarts: connect again.")

    async def handle_message(self, message: Message) -> None:
        """Close the connection on what is not a message of the protocol."""
        if not _is_message(message):
            await self.websocket.close(BAD_REQUEST, "This is no message of graphql-transport-ws.")
            return
        try:
            await super().handle_message(message)
        except WebSocketDisconnected:
            raise
        except Exception as error:
            code = TRY_AGAIN_LATER if isinstance(error, Unavailable) else FAILED
            await self.websocket.close(code, self._failure(error).message)

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        """Take the token; the protocol allows a payload of null for none."""
        if message.get("payload") is None:
            message["payload"] = {}
        try:
            await super().handle_connection_init(message)
        except SessionEnded:
            # graphql-ws does not come again after this one.
            await self.websocket.close(UNAUTHORIZED, "The session has ended: log in again.")

    async def send_message(self, message: Message) -> None:
        """Send a message; an error of Strawberry's own is that of too many operations at once."""
        if message["type"] == "error":
            for error in message["payload"]:
                extensions = {"code": Code.THROTTLED, "requestId": self.context.request_id}
                error.setdefault("extensions", extensions)
        await super().send_message(message)

    async def handle_subscribe(self, message: SubscribeMessage) -> None:
        """Keep the request until its operation runs: Strawberry's has a text, and no id of one."""
        try:
            request = request_of(message["payload"])
        except RequestRefused as refused:
            await self.websocket.close(BAD_REQUEST, str(refused))
            return
        if self._closing:
            return
        key = message["id"]
        known = key in self.operations
        if not known:
            self._requests[key] = request
        message["payload"]["query"] = request.query or ""
        await super().handle_subscribe(message)
        begun = self.operations.get(key)
        if begun is None:
            # Refused, such as for too many operations at once.
            self._requests.pop(key, None)
        elif begun.task is not None and not known:
            self._answering.add(begun.task)
            begun.task.add_done_callback(self._answered)

    async def cleanup_operation(self, operation_id: str) -> None:
        """End an operation, which may not have begun to run."""
        self._requests.pop(operation_id, None)
        await super().cleanup_operation(operation_id)

    async def run_operation(self, operation: Operation[GraphContext, None]) -> None:
        """Run an operation; where the token is no longer valid, the connection ends.

        graphql-ws then asks for everything again that it has no answer to, with a new token.
        """
        request = self._requests.pop(operation.id)
        started = perf_counter()
        try:
            await self.context.identify()
            if not self.context.bad_token:
                await self._answer(operation, request, started)
            if self.context.bad_token:
                await self._close_after_answers(FORBIDDEN, "The token is no longer valid.")
        except WebSocketDisconnected:
            pass
        except Exception as error:
            with suppress(WebSocketDisconnected):
                await operation.send_initial_errors([self._failure(error)])

    async def _answer(
        self, operation: Operation[GraphContext, None], request: GraphQLRequest, started: float
    ) -> None:
        """Send the results of an operation that has come at a time of ``perf_counter``."""
        try:
            text = self.view.persisted.text(request)
        except GraphQLError as error:
            refusal = await refuse([error], self.context, Preparation())
            shown = [worded(one, self.context.request_id) for one in refusal.errors or ()]
            await operation.send_initial_errors(shown)
            return
        found = await self.schema.choose(
            text, operation.variables, self.context, operation.operation_name
        )
        self.view.persisted.register(request, text)
        follows = isinstance(found, Chosen) and found.type is OperationType.SUBSCRIPTION
        if follows:
            self._answered(operation.task)
        results = self.schema.results(found, self.context.request_id)
        async with aclosing(results):
            await self.send_results(operation, results)
        # What the server breaks off is not complete: its client comes again.
        if not (
            follows
            and (self.context.bad_token or self.context.resolver_context.services.broker.ended)
        ):
            await operation.send_operation_message({"id": operation.id, "type": "complete"})
        if not follows:
            name = found.known.name if isinstance(found, Chosen) else None
            instruments = self.context.resolver_context.services.instruments
            instruments.answered(name, perf_counter() - started)

    async def _close_after_answers(self, code: int, reason: str) -> None:
        """Close the connection after the answers that are under way; new operations get none.

        A mutation without its answer would be sent again, and done twice.
        """
        self._closing = True
        self._answered(asyncio.current_task())
        while self._answering:
            self._fewer.clear()
            await self._fewer.wait()
        with suppress(WebSocketDisconnected):
            await self.websocket.close(code, reason)

    def _answered(self, task: asyncio.Task[None] | None) -> None:
        """Wait for a task no longer: it has ended, or will not end by itself."""
        self._answering.discard(task)
        self._fewer.set()

    def _failure(self, error: Exception) -> GraphQLError:
        """Log an unexpected error, and return what clients may see of it."""
        return worded(GraphQLError("", original_error=error), self.context.request_id)

    async def handle_task_exception(self, error: Exception) -> None:
        """Log an unexpected error."""
        if not isinstance(error, WebSocketDisconnected):
            logger.error("unexpected error on a WebSocket", exc_info=error)


def _is_message(message: object) -> bool:
    """Whether a value has the form of a message; what it says is Strawberry's to check."""
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        return False
    for name in _NEEDED.get(message["type"], ()):
        kind = str if name == "id" else dict
        if not isinstance(message.get(name), kind):
            return False
    # What the payload of a subscribe says is checked where it is read.
    return message["type"] == "subscribe" or isinstance(message.get("payload", {}), dict | None)
