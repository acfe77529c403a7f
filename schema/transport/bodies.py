"""Bodies of requests: what they may have, and what is asked for in them."""

from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Receive

from resolvers.services import Services
from schema.transport import negotiation
from schema.transport.multipart import Uploads, request_of_form
from schema.transport.refused import RequestRefused
from schema.transport.request import GraphQLRequest, requests_of_body

# What a request may have besides a text or an uploaded file, in bytes.
MAX_ENVELOPE_BYTES = 1024 * 1024
# Of somebody who is not logged in: a document and its variables, but no text of a ticket.
MAX_ANONYMOUS_BYTES = 128 * 1024


class RequestBody:
    """The body of a request up to its limit: the size of a text, and of files once they are wanted.

    What is too large is refused while it comes in, before it fills memory or the disk.
    """

    def __init__(self, receive: Receive, services: Services) -> None:
        self._receive = receive
        self._most = MAX_ANONYMOUS_BYTES
        self._most_text = services.max_text_bytes + MAX_ENVELOPE_BYTES
        self._most_upload = services.max_upload_bytes + MAX_ENVELOPE_BYTES
        self._size = 0
        self.uploads: Uploads | None = None

    async def receive(self) -> Message:
        """Pass on a message; raises ``RequestRefused``."""
        message = await self._receive()
        self._size += len(message.get("body", b""))
        if self._size > self._most:
            raise RequestRefused(413, f"A request may have at most {self._most} bytes.")
        return message

    async def graphql_request(self, request: Request) -> GraphQLRequest | list[GraphQLRequest]:
        """Read what is asked for, and none of its files; raises ``RequestRefused``."""
        given = request.headers.getlist("content-type")
        if len(given) > 1:
            raise RequestRefused(400, "A request has one Content-Type.")
        kind, charset = negotiation.sent(given[0] if given else "")
        if charset not in ("", "utf-8", "utf8"):
            raise RequestRefused(415, "The charset of a request must be utf-8.")
        if kind == negotiation.JSON:
            return requests_of_body(await self._whole())
        if kind == negotiation.FORM:
            asked, self.uploads = await request_of_form(request, self._allow_upload)
            return asked
        raise RequestRefused(
            415, f"The Content-Type of a request must be {negotiation.JSON} or {negotiation.FORM}."
        )

    async def _whole(self) -> bytes:
        """Return the body; raises ``ClientDisconnect`` where the client goes before its end.

        For the short bodies of operations, Starlette's stream takes as long as reading their JSON.
        """
        parts: list[bytes] = []
        more = True
        while more:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            parts.append(message.get("body", b""))
            more = message.get("more_body", False)
        return b"".join(parts)

    def allow_text(self) -> None:
        """Let it have the size of a text, as those who are logged in may send."""
        self._most = self._most_text

    def close(self) -> None:
        """Let go of uploaded files, which are kept in temporary ones."""
        if self.uploads is not None:
            self.uploads.close()

    def _allow_upload(self) -> None:
        self._most = max(self._most, self._most_upload)
