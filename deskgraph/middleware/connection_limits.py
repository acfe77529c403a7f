"""uvicorn's HTTP protocol with limits to what a connection may send and how long it may take.

uvicorn reads a head of any size for as long as it takes, and counts connections only when a
request is complete. httptools keeps an unfinished header in memory, so bytes are counted as they
come in and not only as headers.
"""

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from deskgraph.middleware.refusals import COUNT_REFUSAL, refuse

# For how long a refused client may read its answer while it is still sending, in seconds: a
# connection that is closed with unread bytes is reset, and the answer is lost.
LINGER_SECONDS = 2.0
# For how long a stopping server waits for the first request of a connection, in seconds: its client
# may have sent it.
FIRST_REQUEST_SECONDS = 1.0


@dataclass(frozen=True)
class ConnectionLimits:
    """What a connection may send and how long it may take; sizes in bytes.

    ``connections`` is for one process, WebSockets and streams included, but for those to
    ``private_port``, where a server that is full can still be looked at.
    """

    head_seconds: float
    body_seconds: float
    connections: int
    head_bytes: int = 32 * 1024
    private_port: int | None = None


class LimitedProtocol(HttpToolsProtocol):
    """Refuses heads that are too large (431), connections too many (503), what is no HTTP (400).

    A head that is incomplete for too long and a body that stalls end the connection.
    """

    def __init__(
        self,
        *args: Any,
        limits: ConnectionLimits,
        excess: set[asyncio.Protocol],
        **options: Any,
    ) -> None:
        """Take the limits, a set that all connections of a process share, and uvicorn's arguments.

        ``excess`` has the connections that are refused: they take no other one's place.
        """
        super().__init__(*args, **options)
        self._limits = limits
        self._excess = excess
        # Of the head that is being read: what was parsed, and what came in since.
        self._head_size = 0
        self._unparsed = 0
        self._in_head = self._in_body = False
        self._received_at = 0.0
        self._deadline: asyncio.TimerHandle | None = None
        self._refusal: HTTPStatus | None = None
        # Whether the next request is the last one that is answered.
        self._stopping = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # TCP has this one
        """Begin to wait for a head, unless there are far too many connections."""
        super().connection_made(transport)
        private = self.server is not None and self.server[1] == self._limits.private_port
        if not private and len(self.connections) - len(self._excess) > self._limits.connections:
            self._excess.add(self)
        if not private and len(self._excess) > self._limits.connections:
            # Answered before a request: those that wait for theirs to be refused are bounded, too.
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)
        else:
            self._deadline = self.loop.call_later(self._limits.head_seconds, self._end_head)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._stop_waiting()
        self._excess.discard(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came in, and count it."""
        if self._refusal is not None:
            return
        self._received_at = self.loop.time()
        self._unparsed += len(data)
        super().data_received(data)
        if self._head_size + self._unparsed > self._limits.head_bytes:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        # Most requests are complete by now, and have cost no timer.
        if self._deadline is None:
            if self._in_body:
                self._deadline = self.loop.call_later(self._limits.body_seconds, self._check_body)
            elif self._in_head or self._unparsed:
                self._deadline = self.loop.call_later(self._limits.head_seconds, self._end_head)

    def on_message_begin(self) -> None:
        """Begin to count a head."""
        self._head_size = self._unparsed = 0
        self._in_head = True
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Count the request's target."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header, or one after a chunked body."""
        # With a colon, a blank and the end of the line.
        self._count(len(name) + len(value) + 4)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Start the request unless it is refused, and wait for its body."""
        if self in self._excess:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)
        if self._refusal is not None:
            return
        self._unparsed = 0
        self._in_head, self._in_body = False, True
        self._stop_waiting()
        super().on_headers_complete()
        if self._stopping and self.cycle is not None:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """Pass a piece of the body on."""
        self._unparsed = 0
        if self._refusal is None:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Wait for nothing until the next request begins."""
        self._head_size = self._unparsed = 0
        self._in_body = False
        self._stop_waiting()
        if self._refusal is None:
            super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection over to the WebSocket's protocol, which has timeouts of its own."""
        self._stop_waiting()
        if self._refusal is None:
            super().handle_websocket_upgrade()

    def _count(self, size: int) -> None:
        self._unparsed = 0
        self._head_size += size
        if self._head_size > self._limits.head_bytes:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _answers(self) -> bool:
        """Whether a request is being answered."""
        return self.cycle is not None and not self.cycle.response_complete

    def _end_head(self) -> None:
        """Close the connection, but not before a request before this one is answered."""
        if self._answers():
            self._deadline = self.loop.call_later(self._limits.head_seconds, self._end_head)
        else:
            self.transport.close()

    def _check_body(self) -> None:
        """Close the connection where the client has sent nothing of a body for too long."""
        waits_for_us = self.flow.read_paused or self.cycle.waiting_for_100_continue
        silent = 0 if waits_for_us else self.loop.time() - self._received_at
        remaining = self._limits.body_seconds - silent
        if remaining <= 0:
            self.transport.close()
            return
        self._deadline = self.loop.call_later(remaining, self._check_body)

    def _refuse(self, status: HTTPStatus) -> None:
        """Answer a request that does not reach the application, once, and close the connection."""
        if self._refusal is not None or self.transport.is_closing():
            return
        self._refusal = status
        address = self.client[0] if self.client else None
        read = self.headers if self._in_head else []
        answer = refuse(status, read, address, self.app_state.get(COUNT_REFUSAL))
        self._stop_waiting()
        self._unset_keepalive_if_required()
        if self._answers():
            # A request before this one is still being answered.
            self.transport.close()
            return
        self.transport.write(answer)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._deadline = self.loop.call_later(LINGER_SECONDS, self.transport.abort)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP; a body that is none belongs to a request, which has a line."""
        if self._answers():
            super().send_400_response(msg)
        else:
            self._refuse(HTTPStatus.BAD_REQUEST)

    def shutdown(self) -> None:
        """Close the connection, but not before a request that has begun to come in is answered."""
        if self._answers() or self._refusal is not None:
            super().shutdown()
        elif self._in_head or self._unparsed:
            self._stopping = True
        elif self.cycle is None and not self.transport.is_closing():
            self._stopping = True
            self.loop.call_later(FIRST_REQUEST_SECONDS, self._close_unused)
        else:
            super().shutdown()

    def _close_unused(self) -> None:
        """Close the connection where no request has begun to come in."""
        if self.cycle is None and not (self._in_head or self._unparsed):
            self.transport.close()

    def eof_received(self) -> None:
        """Close at once where a refused client has finished."""
        if self._refusal is not None:
            self.transport.close()


class PatientWebSocket(WebSocketsSansIOProtocol):
    """Leaves it to the application to close a connection when the server stops.

    It does so once it has sent the answers that are under way.
    """

    def shutdown(self) -> None:
        """Close what the application does not."""
        if self.handshake_complete and not self.close_sent:
            return
        super().shutdown()
