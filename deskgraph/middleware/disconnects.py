"""Requests whose client went away stop: their task is cancelled, and with it their SQL.

Only once the body has been read, so that nothing of it is taken from the app, and only until a
response starts: what streams listens for itself.
"""

import asyncio
from collections.abc import Awaitable

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from resolvers.time_limits import SharedTimer

# How long a request may take before anybody looks whether its client is still there, in seconds.
# Most are answered by then.
GRACE_SECONDS = 0.1


class Disconnects:
    """Cancels the task of an HTTP request when its client closes the connection."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._timer = SharedTimer()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; what is cancelled here ends without an answer and a word."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        watch = _Watch(receive, send, self._timer)
        if not _has_body(scope):
            watch.begin()
        try:
            await self._app(scope, watch.receive, watch.send)
        except ClientDisconnect:
            pass  # In the middle of the body.
        except asyncio.CancelledError:
            if not watch.is_cause():
                raise
        finally:
            watch.end()


def _has_body(scope: Scope) -> bool:
    """Whether a body comes with a request (RFC 9112, section 6.3)."""
    for name, value in scope["headers"]:
        if name == b"transfer-encoding" or (name == b"content-length" and value != b"0"):
            return True
    return False


class _Watch:
    """The eye on one request."""

    def __init__(self, receive: Receive, send: Send, timer: SharedTimer) -> None:
        self._receive = receive
        self._send = send
        self._timer = timer
        # Whether the timer is to begin to listen.
        self._waits = False
        self._listening: asyncio.Task[None] | None = None
        # What came while we listened and the app had not asked for it: an empty body.
        self._kept: Message | None = None
        self._read = False
        self._started = False
        self._gone = False
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._cancelling = task.cancelling()

    async def receive(self) -> Message:
        """Give the app its next message; one that asks for more than the body listens itself."""
        self._pause()
        message, self._kept = self._kept, None
        if message is None:
            message = await self._receive()
        if message["type"] == "http.request" and not message.get("more_body", False):
            self._read = True
            self.begin()
        return message

    def send(self, message: Message) -> Awaitable[None]:
        """Pass on what the app sends; from the start of a response on, nothing is cancelled."""
        if not self._started:
            self._started = True
            self._pause()
        return self._send(message)

    def begin(self) -> None:
        """Listen after the grace."""
        if not self._started:
            self._waits = True
            self._timer.start(self._listen, GRACE_SECONDS)

    def _pause(self) -> None:
        if self._waits:
            self._waits = False
            self._timer.stop(self._listen)
        if self._listening is not None:
            self._listening.cancel()
            self._listening = None

    def end(self) -> None:
        """Stop listening, and take back a cancellation that has done its work."""
        self._pause()
        if self._gone:
            self._task.uncancel()

    def is_cause(self) -> bool:
        """Whether the task was cancelled by us and by nobody else."""
        return self._gone and self._task.cancelling() - 1 <= self._cancelling

    def _listen(self) -> None:
        self._waits = False
        self._listening = asyncio.get_running_loop().create_task(self._wait())

    async def _wait(self) -> None:
        while (message := await self._receive())["type"] != "http.disconnect":
            if not self._read:
                self._kept = message
        self._listening = None
        self._gone = True
        self._task.cancel()
