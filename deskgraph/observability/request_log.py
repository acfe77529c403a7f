"""A line in the log for each request, and the id of the request in its answer."""

import logging
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from random import getrandbits
from time import perf_counter_ns
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.typing import FilteringBoundLogger

from resolvers.rate_limits import MAX_ADDRESS_LENGTH
from resolvers.request_record import RequestRecord, current_request

# What is kept of the ids that proxies and clients give: those of nginx, AWS, Heroku, and UUIDs.
_GIVEN_ID = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._:=-]{0,63}")
# Asked every few seconds by whatever watches the server: not counted, not traced, and logged for
# debugging only.
QUIET = ("/healthz", "/readyz", "/metrics")
# As nginx says of a client that went away before its answer began.
_CLIENT_GONE = 499
# RFC 6455, section 7.4.1: the connection was lost.
_ABNORMAL = 1006
_CLOSE = (b"connection", b"close")


class HttpRecord(RequestRecord):
    """What is counted of one request over HTTP, or of a WebSocket.

    ``bytes`` are those of the answer's body. ``status`` is the code that closed a WebSocket.
    """

    __slots__ = ("_scope", "bytes", "started", "status")

    def __init__(self, scope: Scope) -> None:
        super().__init__(request_id_of(scope["headers"]))
        self._scope = scope
        self.status: int | None = None
        self.bytes = 0
        self.started = perf_counter_ns()

    @property
    def is_http(self) -> bool:
        """Whether this is no WebSocket."""
        return bool(self._scope["type"] == "http")

    @property
    def route(self) -> str | None:
        """The template of the path; None where no route has been looked for, or none fits."""
        route = self._scope.get("route")
        return None if route is None else str(route.path).replace(":path}", "}")

    def identity(self) -> dict[str, Any]:
        """Return which request this is."""
        scope = self._scope
        client = scope.get("client")
        return {
            "method": scope["method"] if self.is_http else "WEBSOCKET",
            "route": self.route,
            "operation": self.operation,
            "user_id": self.user_id,
            "address": _printable(client[0]) if client else None,
            "request_id": self.request_id,
        }

    @property
    def final_status(self) -> int:
        """The status of the answer, also where there was none."""
        return _CLIENT_GONE if self.status is None else self.status

    @property
    def duration_ns(self) -> int:
        """How long it has taken until now, in nanoseconds."""
        return perf_counter_ns() - self.started

    def fields(self) -> dict[str, Any]:
        """Return the fields of the request's line."""
        return {
            **self.identity(),
            "status": self.final_status,
            "duration_ms": self.duration_ns // 1000 / 1000,
            "sql_ms": self.sql_ns // 1000 / 1000,
            "bytes": self.bytes,
            "cost": self.cost,
        }

    def note(self, message: Message) -> None:
        """Count a message of the answer."""
        kind = message["type"]
        if kind == "http.response.body":
            self.bytes += len(message.get("body", b""))
        elif kind == "http.response.start":
            self.status = message["status"]
            self._add_id(message)
        elif kind == "websocket.accept":
            self._add_id(message)
        elif kind == "websocket.send":
            self.bytes += len(message.get("text") or message.get("bytes") or "")
        elif kind == "websocket.close":
            self.status = message.get("code", 1000)

    def _add_id(self, message: Message) -> None:
        """Add the id of the request to the headers of its answer."""
        added = (b"x-request-id", self.request_id.encode())
        message["headers"] = [*message.get("headers", ()), added]


class RequestLog:
    """Gives each request an id and a record, and writes its line when it has been answered.

    While the process ends, answers close their connections: a request that is sent on one when the
    server closes it would be lost.
    """

    def __init__(
        self,
        app: ASGIApp,
        logger: FilteringBoundLogger | None,
        count: Callable[[HttpRecord], None] | None,
        record_of: Callable[[Scope], HttpRecord],
        is_ending: Callable[[], bool],
    ) -> None:
        """Take what writes the lines, and what counts requests; None for neither."""
        self._app = app
        self._logger = logger
        self._count = count
        self._record_of = record_of
        self._is_ending = is_ending

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        record = self._record_of(scope)
        scope.setdefault("state", {})["request_id"] = record.request_id
        token = current_request.set(record)

        async def send_and_note(message: Message) -> None:
            record.note(message)
            if message["type"] == "http.response.start" and self._is_ending():
                message["headers"] = [*message["headers"], _CLOSE]
            await send(message)

        async def receive_and_note() -> Message:
            message = await receive()
            if message["type"] == "websocket.disconnect" and record.status is None:
                record.status = message.get("code", _ABNORMAL)
            return message

        is_http = scope["type"] == "http"
        try:
            await self._app(scope, receive if is_http else receive_and_note, send_and_note)
        finally:
            current_request.reset(token)
            quiet = scope["path"] in QUIET
            if self._count is not None and not quiet:
                self._count(record)
            level = logging.DEBUG if quiet else logging.INFO
            if self._logger is not None and self._logger.is_enabled_for(level):
                # No client is to blame for a log that cannot be written.
                with suppress(OSError):
                    fields = record.fields()
                    self._logger.log(level, "request", logger="deskgraph.requests", **fields)


def request_id_of(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Return the id that a request brings, if it looks like one, or else a new one."""
    for name, value in headers:
        if name == b"x-request-id" and _GIVEN_ID.fullmatch(value):
            return str(value, "ascii")
    # It is no secret. The system's own numbers are a call each, in which other threads take over.
    return f"{getrandbits(64):016x}"


def _printable(address: str) -> str:
    """Return an address; a proxy may pass on anything as one."""
    address = address[:MAX_ADDRESS_LENGTH]
    return address if address.isprintable() else ascii(address)
