"""The records of a file as it comes in, piece by piece: lines of JSON, and rows of CSV.

A row of CSV is a line, or several where a line break stands between quotes. No more than one record
is in memory.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass

from resolvers.imports.formats import BadFile, ImportFormat

DELIMITERS = (",", ";", "\t")
# What Excel writes as "Unicode text".
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_MARK = codecs.BOM_UTF8
# The rest of a value in quotes up to its last one: two quotes stand for one.
_CLOSING = re.compile(rb'(?:[^"]+|"")*+"')
# What a row has that has no value at all, as at the end of many sheets.
_NOTHING = b' \t\r\n,;"'


@dataclass(frozen=True)
class Place:
    """Where a record begins: the byte, and the line as editors count them."""

    offset: int = 0
    line: int = 1


@dataclass(frozen=True)
class Record:
    """A record with its line break; ``end`` is the place of the next one."""

    content: bytes
    start: Place
    end: Place

    @property
    def is_blank(self) -> bool:
        """Whether it has no value at all."""
        return not self.content.strip(_NOTHING)

    @property
    def text(self) -> str:
        """The record as text; raises ``BadFile`` where it is not UTF-8."""
        try:
            return self.content.decode()
        except UnicodeDecodeError as error:
            line = self.start.line + self.content.count(b"\n", 0, error.start)
            raise BadFile("not_utf8", line=line) from None


class Splitter:
    """Takes a file apart; ``start`` is where the first of its pieces begins."""

    def __init__(
        self,
        format: ImportFormat,
        max_bytes: int,
        start: Place = Place(),
        delimiter: str | None = None,
    ) -> None:
        """Take how long a record may be, and the delimiter of CSV where it is known already."""
        self._quotes = format is ImportFormat.CSV
        self._max_bytes = max_bytes
        self.delimiter = delimiter
        # Where the record begins that is not whole yet, its whole lines, and the last one's part.
        self._start = start
        self._lines: list[bytes] = []
        self._part = b""
        self._size = 0
        self._is_open = False

    def feed(self, piece: bytes) -> Iterator[Record]:
        """Yield the records that a piece makes whole; raises ``BadFile``."""
        *lines, rest = piece.split(b"\n")
        for line in lines:
            whole = b"".join((self._part, line, b"\n"))
            self._part = b""
            yield from self._add(whole)
        self._part += rest
        self._check(self._size + len(self._part))

    def finish(self) -> Iterator[Record]:
        """Yield the record that ends with the file, if any; raises ``BadFile``."""
        if self._part:
            part, self._part = self._part, b""
            yield from self._add(part)
        if self._is_open:
            raise BadFile("open_quote", line=self._start.line)

    def _add(self, line: bytes) -> Iterator[Record]:
        if self._start.offset == 0 and not self._lines:
            line = self._begin(line)
        self._size += len(line)
        self._check(self._size)
        self._lines.append(line)
        if self._quotes:
            if self.delimiter is None and line.strip(_NOTHING):
                self.delimiter = delimiter_of(line.decode("utf-8", "replace"))
            self._is_open = _is_open(line, self._is_open, (self.delimiter or ",").encode())
        if self._is_open:
            return
        content = b"".join(self._lines)
        before = self._start
        self._start = Place(before.offset + self._size, before.line + content.count(b"\n"))
        yield Record(content, before, self._start)
        self._lines.clear()
        self._size = 0

    def _begin(self, line: bytes) -> bytes:
        """Return the first line of a file without its mark."""
        if line.startswith(_UTF16):
            raise BadFile("not_utf8", line=1)
        if line.startswith(_MARK):
            self._start = Place(len(_MARK), 1)
            line = line.removeprefix(_MARK)
        return line

    def _check(self, size: int) -> None:
        if size > self._max_bytes:
            raise BadFile("record_too_long", line=self._start.line, max=self._max_bytes)


def delimiter_of(line: str) -> str:
    """Return the delimiter by which a header has the most columns."""
    return max(DELIMITERS, key=lambda one: len(cells(line, one) or ()))


def cells(text: str, delimiter: str) -> list[str] | None:
    """Return the values of a row of CSV; None where it is none."""
    if '"' not in text:
        # Much quicker, and a row is refused where it has another line break inside.
        line = text.removesuffix("\n").removesuffix("\r")
        return None if "\r" in line or "\n" in line else line.split(delimiter)
    # A value may be as long as a record, which is bounded.
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error:
        return None
    return rows[0] if len(rows) == 1 else None


def _is_open(line: bytes, is_open: bool, delimiter: bytes) -> bool:
    """Tell whether a value in quotes goes on after a line. Only its begin makes quotes special."""
    if b'"' not in line:
        return is_open
    at = 0
    if not is_open:
        at = 1 if line.startswith(b'"') else -1
        is_open = at == 1
    while True:
        if is_open:
            found = _CLOSING.match(line, at)
            if found is None:
                return True
            at = found.end()
        start = line.find(delimiter + b'"', max(at, 0))
        if start < 0:
            return False
        at, is_open = start + 2, True
