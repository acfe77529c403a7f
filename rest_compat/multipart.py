"""Multipart bodies as a stream: a file goes on to the store while it is still coming in."""

from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from rest_compat.answers import RestError

MOST_PARTS = 1000


@dataclass(frozen=True)
class Part:
    """The beginning of a part; ``filename`` is what makes it a file."""

    name: str
    filename: str | None


class End:
    """The end of a part."""


Event = Part | bytes | End


class _Collector:
    """Turns the parser's callbacks into events."""

    def __init__(self) -> None:
        self.events: deque[Event] = deque()
        self.complete = False
        self._parts = 0
        self._name = b""
        self._value = b""
        self._disposition = b""

    def on_part_begin(self) -> None:
        self._parts += 1
        self._disposition = b""
        if self._parts > MOST_PARTS:
            raise FormParserError(f"more than {MOST_PARTS} parts")

    def on_header_begin(self) -> None:
        self._name = self._value = b""

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def on_header_end(self) -> None:
        if self._name.lower() == b"content-disposition":
            self._disposition = self._value

    def on_headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        name = options.get(b"name", b"").decode("utf-8", "replace")
        filename = options.get(b"filename")
        self.events.append(Part(name, None if filename is None else clean_name(filename)))

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        self.events.append(data[start:end])

    def on_part_end(self) -> None:
        self.events.append(End())

    def on_end(self) -> None:
        self.complete = True


def clean_name(raw: bytes) -> str:
    """Return a file's name without the folders and control characters some clients send."""
    name = raw.decode("utf-8", "replace").replace("\\", "/").rsplit("/", 1)[-1]
    name = "".join(character for character in name if character.isprintable()).strip()
    return "" if name in (".", "..") else name


async def events(request: Request) -> AsyncIterator[Event]:
    """Yield each part, then its bytes in pieces, then its end.

    Raises ``RestError`` where the body is no multipart body, or breaks off: whoever is storing a
    file at that moment then stores nothing.
    """
    _, options = parse_options_header(request.headers.get("content-type"))
    boundary = options.get(b"boundary")
    if not boundary:
        shown = None if boundary is None else ""
        raise _malformed(f"Invalid boundary in multipart: {shown}")
    collector = _Collector()
    callbacks = {name: getattr(collector, name) for name in dir(collector) if name[:3] == "on_"}
    received = False
    try:
        parser = MultipartParser(boundary, callbacks)  # type: ignore[arg-type]
        async for chunk in request.stream():
            if chunk:
                received = True
                parser.write(chunk)
            while collector.events:
                yield collector.events.popleft()
    except FormParserError as error:
        raise _malformed(str(error)) from None
    if received and not collector.complete:
        raise _malformed("the body ends too early")


def _malformed(why: str) -> RestError:
    return RestError(400, {"detail": f"Multipart form parse error - {why}"})
