"""What HTTP says about downloads: names, conditions and ranges (RFC 9110, 6266 and 8187)."""

import re
from collections.abc import Mapping
from urllib.parse import quote

from resolvers.files.names import file_name
from resolvers.http.etags import names_tag

_RANGE = re.compile(r"bytes=[ \t]*([0-9]*)-([0-9]*)[ \t]*", re.IGNORECASE)
# No file has more bytes, and no number with more digits is worth reading.
_MAX_DIGITS = 18


def disposition(name: str) -> str:
    """Return the ``Content-Disposition`` of a download (RFC 6266, its name as in RFC 8187).

    Names that came from elsewhere may be paths; no header carries one.
    """
    name = file_name(name) or "file"
    plain = "".join(c if " " <= c <= "~" and c not in '"\\%' else "_" for c in name)
    # Signatures of object stores take several blanks in a header for one.
    plain = re.sub(" +", " ", plain).strip()
    if plain == name:
        return f'attachment; filename="{plain}"'
    encoded = quote(name, safe="!#$&+-.^_`|~", errors="replace")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}"


def is_other(headers: Mapping[str, str], etag: str) -> bool:
    """Whether ``If-Match`` wants something else than there is (RFC 9110, 13.1.1)."""
    wanted = headers.get("if-match")
    return wanted is not None and not names_tag(wanted, etag, weak=False)


class Unsatisfiable(Exception):
    """A range begins after the end of the file."""


def span_of(headers: Mapping[str, str], etag: str, size: int) -> tuple[int, int] | None:
    """Return start and end (exclusive) of the range that is asked for, None for the whole file.

    A range that cannot be read, several of them, and one whose ``If-Range`` names another content
    get the whole, as RFC 9110 (14.2) allows. Raises ``Unsatisfiable``.
    """
    match = _RANGE.fullmatch(headers.get("range", "").strip())
    # A date never matches: answers have none (13.1.5).
    if match is None or headers.get("if-range", etag).strip() != etag:
        return None
    first, last = match[1], match[2]
    if not first:
        return _suffix(last, size)
    start = _number(first)
    if last and _number(last) < start:
        return None
    if start >= size:
        raise Unsatisfiable
    return start, min(_number(last) + 1, size) if last else size


def _suffix(length: str, size: int) -> tuple[int, int] | None:
    if not length:
        return None
    if _number(length) == 0:
        raise Unsatisfiable
    # An empty file has no parts: Content-Range has no form for one.
    return (max(0, size - _number(length)), size) if size else None


def _number(digits: str) -> int:
    stripped = digits.lstrip("0")
    return int(stripped or "0") if len(stripped) <= _MAX_DIGITS else 10**_MAX_DIGITS
