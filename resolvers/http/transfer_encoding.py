"""Content transfer encodings of RFC 2045, section 6: parts of a body are decoded as they come in.

Forms do without them (RFC 7578, section 4.7), but clients that are built on mail libraries send
them.
"""

import binascii
from collections.abc import Callable
from typing import Protocol

# A line of quoted-printable has at most 76 characters; this much is kept of one.
MAX_LINE_LENGTH = 64 * 1024
_NOT_BASE64 = "A part is not base64, as its encoding says."


class BadEncoding(ValueError):
    """A part is not what its encoding says, or has an unknown one; the text is a sentence."""


class Decoder(Protocol):
    """Decodes one part."""

    def decode(self, data: bytes) -> bytes:
        """Return what can be told so far; raises ``BadEncoding``."""

    def finish(self) -> bytes:
        """Return the rest; raises ``BadEncoding``."""


class Identity:
    """7bit, 8bit and binary: the bytes are what they are."""

    def decode(self, data: bytes) -> bytes:
        """See ``Decoder``."""
        return data

    def finish(self) -> bytes:
        """See ``Decoder``."""
        return b""


class Base64:
    """Groups of four characters, in lines of any length."""

    def __init__(self) -> None:
        self._kept = b""

    def decode(self, data: bytes) -> bytes:
        """See ``Decoder``."""
        characters = self._kept + data.translate(None, b" \t\r\n")
        # The last group is kept: only it may be padded.
        end = max(0, (len(characters) - 1) // 4 * 4)
        self._kept = characters[end:]
        if b"=" in characters[:end]:
            raise BadEncoding(_NOT_BASE64)
        return self._decoded(characters[:end])

    def finish(self) -> bytes:
        """See ``Decoder``; padding may be missing."""
        return self._decoded(self._kept + b"=" * (-len(self._kept) % 4))

    def _decoded(self, characters: bytes) -> bytes:
        try:
            return binascii.a2b_base64(characters, strict_mode=True) if characters else b""
        except binascii.Error:
            raise BadEncoding(_NOT_BASE64) from None


class QuotedPrintable:
    """Lines in which ``=`` begins a byte in hexadecimal digits, or ends a line that goes on."""

    def __init__(self) -> None:
        self._kept = b""

    def decode(self, data: bytes) -> bytes:
        """See ``Decoder``."""
        *lines, self._kept = (self._kept + data).split(b"\n")
        if len(self._kept) > MAX_LINE_LENGTH:
            raise BadEncoding("A part has too long a line for quoted-printable.")
        return b"".join(_decoded_line(line, b"\n") for line in lines)

    def finish(self) -> bytes:
        """See ``Decoder``."""
        return _decoded_line(self._kept, b"")


def _decoded_line(line: bytes, end: bytes) -> bytes:
    if line.endswith(b"\r"):
        line, end = line[:-1], b"\r" + end
    # Blanks at the end were added on the way (RFC 2045, section 6.7, rule 3).
    line = line.rstrip(b" \t")
    if line.endswith(b"="):
        line, end = line[:-1], b""
    return binascii.a2b_qp(line) + end


ENCODINGS: dict[str, Callable[[], Decoder]] = {
    "": Identity,
    "7bit": Identity,
    "8bit": Identity,
    "binary": Identity,
    "base64": Base64,
    "quoted-printable": QuotedPrintable,
}


def decoder_of(encoding: str) -> Decoder:
    """Return a decoder for a Content-Transfer-Encoding; raises ``BadEncoding`` for unknown ones."""
    made = ENCODINGS.get(encoding.strip().lower())
    if made is None:
        known = ", ".join(name for name in ENCODINGS if name)
        raise BadEncoding(f"A part's Content-Transfer-Encoding must be one of {known}.")
    return made()
