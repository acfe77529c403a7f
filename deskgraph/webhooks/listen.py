"""A receiver for trying webhooks out: checks what comes in, and prints it."""

import json
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import datetime

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from deskgraph.webhooks.signing import NotVerified, verify

MAX_REMEMBERED = 10_000
MAX_BODY_BYTES = 10 * 1024 * 1024


class Listener:
    """Prints each message; without secrets it says that it did not check."""

    def __init__(
        self, secrets: Sequence[str], clock: Callable[[], datetime], echo: Callable[[str], None]
    ) -> None:
        self._secrets = secrets
        self._clock = clock
        self._echo = echo
        self._known: OrderedDict[str, None] = OrderedDict()

    def app(self) -> Starlette:
        """Return an application that takes messages at any path."""
        return Starlette(routes=[Route("/{path:path}", self._receive, methods=["POST"])])

    async def _receive(self, request: Request) -> Response:
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                return PlainTextResponse("The message is too large.", 413)
        verdict = "not checked"
        if self._secrets:
            try:
                verify(self._secrets, request.headers, body, int(self._clock().timestamp()))
            except NotVerified as error:
                self._echo(f"REFUSED  {error}")
                return PlainTextResponse(f"Not verified: {error}.", 401)
            verdict = "verified"
        self._echo(f"{verdict}  {self._line(request.headers.get('webhook-id', ''), body)}")
        return Response(status_code=204)

    def _line(self, message_id: str, body: bytes) -> str:
        """Return what a message is: type, ticket, place in the log, and whether it is a repeat."""
        repeat = message_id in self._known
        self._known[message_id] = None
        if len(self._known) > MAX_REMEMBERED:
            self._known.popitem(last=False)
        try:
            message = json.loads(body)
            event = message["data"].get("event") or {}
            told = [message["type"], event.get("ticket_number"), event.get("sequence")]
        except (ValueError, KeyError, TypeError, AttributeError):
            told = ["a message of another kind"]
            message = None
        words = [printable(part) for part in told if part is not None]
        shown = "" if message is None else f"\n{json.dumps(message, indent=2)}"
        return "  ".join([*words, *(["repeat"] if repeat else [])]) + shown


def printable(value: object) -> str:
    """Return a value on one line, without what a terminal would obey."""
    return "".join(c if c.isprintable() else "?" for c in str(value))[:200]
