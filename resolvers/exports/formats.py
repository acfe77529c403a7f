"""How the tickets of an export are written: as CSV for spreadsheets, or as JSON Lines.

JSON Lines are exact. A spreadsheet takes a text that begins like a formula for one, and runs it
(CSV injection): in CSV such a text gets a quote in front, which spreadsheets know as the mark of a
text. Texts that begin with quotes and would look like one of those get another, so that the quote
can be taken off again (``plain``).
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum

import orjson

from resolvers.exports.fields import ExportField, Row

# Excel takes UTF-8 for it only behind this mark.
BYTE_ORDER_MARK = "\ufeff"
# What OWASP names: with the wide forms, which Excel in some languages takes for the usual ones.
_FORMULA_STARTS = "=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20"
_FORMULA = re.compile(f"'*[{_FORMULA_STARTS}]")
_NEUTRAL = re.compile(f"'+[{_FORMULA_STARTS}]")
_QUICK = frozenset("'=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


class ExportFormat(StrEnum):
    """The format of an export; its value is the ending of the file's name."""

    CSV = "csv"
    JSONL = "jsonl"


CONTENT_TYPES: Mapping[ExportFormat, str] = {
    ExportFormat.CSV: "text/csv; charset=utf-8; header=present",
    ExportFormat.JSONL: "application/jsonl",
}


def neutral(text: str) -> str:
    """Return a text as no spreadsheet takes it for a formula."""
    if text and text[0] in _QUICK and _FORMULA.match(text):
        return f"'{text}"
    return text


def plain(text: str) -> str:
    """Return the text of a cell as it was before ``neutral``."""
    return text[1:] if text[:1] == "'" and _NEUTRAL.match(text) else text


def header(format: ExportFormat, fields: Sequence[ExportField]) -> bytes:
    """Return what a file begins with."""
    if format is ExportFormat.JSONL:
        return b""
    return (BYTE_ORDER_MARK + _csv([fields])).encode()


def lines(format: ExportFormat, fields: Sequence[ExportField], rows: Iterable[Row]) -> bytes:
    """Return the lines of some tickets."""
    return _WRITERS[format](fields, rows)


def _csv_lines(fields: Sequence[ExportField], rows: Iterable[Row]) -> bytes:
    return _csv([_cell(row[name]) for name in fields] for row in rows).encode()


def _csv(rows: Iterable[Sequence[object]]) -> str:
    """Write rows by RFC 4180."""
    written = io.StringIO(newline="")
    csv.writer(written, lineterminator="\r\n").writerows(rows)
    return written.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, str):
        return neutral(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        # No tag has a comma.
        return neutral(",".join(value))
    return value


def _json_lines(_fields: Sequence[ExportField], rows: Iterable[Row]) -> bytes:
    return b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows)


_WRITERS: Mapping[ExportFormat, Callable[[Sequence[ExportField], Iterable[Row]], bytes]] = {
    ExportFormat.CSV: _csv_lines,
    ExportFormat.JSONL: _json_lines,
}
