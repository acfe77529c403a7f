"""Multipart bodies as a stream: a file goes on to the store while it is still coming in."""

from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser

from resolvers.files.names import file_name
from resolvers.http.headers import extended_value, parse_header
from resolvers.http.transfer_encoding import BadEncoding, decoder_of

MAX_PARTS = 1000


class BadMultipart(ValueError):
    """A body is no multipart body, or breaks off; the text says why."""


@dataclass(frozen=True)
class Part:
    """The beginning of a part; ``filename`` is what makes it a file, also where it is empty."""

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
        self._name = self._value = b""
        self._headers: dict[bytes, str] = {}
        self._decoder = decoder_of("")

    def on_part_begin(self) -> None:
        self._parts += 1
        self._headers = {}
        if self._parts > MAX_PARTS:
            raise FormParserError(f"more than {MAX_PARTS} parts")

    def on_header_begin(self) -> None:
        self._name = self._value = b""

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def on_header_end(self) -> None:
        self._headers[self._name.lower()] = self._value.decode("latin-1")

    def on_headers_finished(self) -> None:
        _, options = parse_header(self._headers.get(b"content-disposition", ""))
        self._decoder = decoder_of(self._headers.get(b"content-transfer-encoding", ""))
        filename = _file_name_of(options)
        self.events.append(Part(_text(options.get("name", "")), filename))

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if decoded := self._decoder.decode(data[start:end]):
            self.events.append(decoded)

    def on_part_end(self) -> None:
        if decoded := self._decoder.finish():
            self.events.append(decoded)
        self.events.append(End())

    def on_end(self) -> None:
        self.complete = True


def _file_name_of(options: dict[str, str]) -> str | None:
    """Return a file's name: ``filename*`` goes before ``filename`` (RFC 6266, section 4.3).

    One that cannot be read is none where there is the other, too.
    """
    extended = options.get("filename*")
    name = None if extended is None else extended_value(extended)
    if (not name or "\ufffd" in name) and "filename" in options:
        name = _text(options["filename"])
    return None if name is None else file_name(name)


def _text(option: str) -> str:
    """Return an option as clients mean it: headers of parts are UTF-8 (RFC 7578, section 5.1)."""
    return option.encode("latin-1").decode("utf-8", "replace")


async def events(content_type: str, chunks: AsyncIterator[bytes]) -> AsyncIterator[Event]:
    """Yield each part of a body, then its bytes in pieces, decoded, then its end.

    Raises ``BadMultipart`` and ``BadEncoding``: a file that is being stored at that moment is
    not kept. A body of no bytes has no parts.
    """
    _, options = parse_header(content_type)
    boundary = options.get("boundary")
    if not boundary:
        shown = None if boundary is None else ""
        raise BadMultipart(f"Invalid boundary in multipart: {shown}")
    collector = _Collector()
    callbacks = {name: getattr(collector, name) for name in dir(collector) if name[:3] == "on_"}
    received = False
    try:
        parser = MultipartParser(boundary.encode("latin-1"), callbacks)  # type: ignore[arg-type] # a plain dict
        async for chunk in chunks:
            if chunk:
                received = True
                parser.write(chunk)
            while collector.events:
                yield collector.events.popleft()
    except FormParserError as error:
        raise BadMultipart(str(error)) from None
    if received and not collector.complete:
        raise BadMultipart("the body ends too early")


__all__ = ["BadEncoding", "BadMultipart", "End", "Event", "Part", "events"]
