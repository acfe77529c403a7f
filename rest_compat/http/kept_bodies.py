"""Bodies of requests that are read twice: once for what they say, and once by their handler."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from tempfile import SpooledTemporaryFile

from anyio import to_thread
from starlette.requests import Request
from starlette.types import Message

from resolvers.http.multipart import BadEncoding, BadMultipart, Part
from resolvers.http.multipart import events as events_of
from rest_compat.http.bodies import MAX_ENVELOPE_BYTES, MULTIPART, media_type
from rest_compat.http.responses import RestError

# Up to this size in memory, then on the disk.
SPOOL_BYTES = 1024 * 1024
PIECE_BYTES = 64 * 1024


class KeptBody:
    """The whole body of a request; each ``request`` gives it to a handler anew."""

    def __init__(self, request: Request, file: "SpooledTemporaryFile[bytes]") -> None:
        self._request = request
        self._file = file

    async def fingerprint(self) -> bytes:
        """Return a hash of the method, the path, the query, what it depends on, and the body.

        Of a multipart body it has the fields and files: its boundary is another one each time.
        """
        scope = self._request.scope
        found, content = hashlib.sha256(), hashlib.sha256()
        headers = self._request.headers
        kind = media_type(self._request)
        texts = (scope["method"], scope["path"], headers.get("if-match", ""), kind)
        for part in (scope["query_string"], *(text.encode() for text in texts)):
            _add(found, part)
        if kind != MULTIPART:
            async for piece in self._pieces():
                found.update(piece)
            return found.digest()
        try:
            async for event in events_of(self._request.headers["content-type"], self._pieces()):
                if isinstance(event, Part):
                    _add(found, f"{event.name}\0{event.filename}".encode("utf-8", "replace"))
                    content = hashlib.sha256()
                elif isinstance(event, bytes):
                    content.update(event)
                else:
                    found.update(content.digest())
        except (BadMultipart, BadEncoding):
            # The handler refuses it, whatever it says.
            pass
        return found.digest()

    def request(self) -> Request:
        """Return the request with its body still to be read."""
        pieces = self._pieces()

        async def receive() -> Message:
            piece = await anext(pieces, b"")
            return {"type": "http.request", "body": piece, "more_body": bool(piece)}

        return Request(self._request.scope, receive)

    async def _pieces(self) -> AsyncIterator[bytes]:
        self._file.seek(0)
        while piece := await to_thread.run_sync(self._file.read, PIECE_BYTES):
            yield piece


def _add(found: "hashlib._Hash", part: bytes) -> None:
    """Add a part, with its length: no two lists of parts are the same text."""
    found.update(len(part).to_bytes(8) + part)


@asynccontextmanager
async def kept_body(request: Request, max_upload_bytes: int) -> AsyncIterator[KeptBody]:
    """Read the body of a request; raises ``RestError`` where it is larger than it may be."""
    most: int = request.state.max_body_bytes
    if media_type(request) == MULTIPART:
        most = max(most, max_upload_bytes + MAX_ENVELOPE_BYTES)
    size = 0
    with SpooledTemporaryFile(SPOOL_BYTES) as file:
        async for chunk in request.stream():
            size += len(chunk)
            if size > most:
                raise RestError(413, {"detail": f"A body may have at most {most} bytes."})
            await to_thread.run_sync(file.write, chunk)
        yield KeptBody(request, file)
