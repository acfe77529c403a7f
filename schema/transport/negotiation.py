"""Media types: what a client sends, and what it gets (RFC 9110, sections 8.3 and 12.5.1)."""

import re
from collections.abc import Iterator
from functools import lru_cache

from resolvers.http.headers import parse_header

JSON = "application/json"
# GraphQL over HTTP: an answer whose status can be trusted.
GRAPHQL = "application/graphql-response+json"
EVENTS = "text/event-stream"
FORM = "multipart/form-data"
# Where a client has no preference, the first of these.
_OFFERED = (JSON, GRAPHQL, EVENTS)
# In characters.
MAX_KEPT_LENGTH = 500
_Q = re.compile(r"0(\.\d{0,3})?|1(\.0{0,3})?")


class Negotiator:
    """Chooses media types, and remembers those of short headers: clients repeat them."""

    def __init__(self) -> None:
        self._known = lru_cache(maxsize=256)(chosen)

    def chosen(self, accept: str) -> str | None:
        """Return what the function of this name does."""
        return (self._known if len(accept) <= MAX_KEPT_LENGTH else chosen)(accept)


def chosen(accept: str) -> str | None:
    """Return the media type of an answer by its ``Accept`` header; None where none will do.

    The larger ``q`` wins. Of equal ones, what is named comes before what a ``*`` stands for, and
    the first comes first: some clients list a stream among all that they can read.
    """
    if not accept.strip():
        return JSON
    ranges = list(_ranges(accept))
    best: tuple[float, int, int] | None = None
    found = None
    for offered in _OFFERED:
        fitting = [
            (-exactness, place, q)
            for place, (name, q) in enumerate(ranges)
            if (exactness := _exactness(name, offered))
        ]
        if not fitting:
            continue
        # The most exact range speaks for a type, also where it excludes it.
        exactness, place, q = min(fitting)
        rank = (-q, exactness, place)
        if q > 0 and (best is None or rank < best):
            best, found = rank, offered
    return found


def sent(content_type: str) -> tuple[str, str]:
    """Return the media type and the charset of a ``Content-Type``, in lower case; '' for none."""
    if content_type == JSON:
        # What nearly all clients send.
        return JSON, ""
    kind, options = parse_header(content_type)
    return kind, "unknown" if "charset*" in options else options.get("charset", "").lower()


def _exactness(name: str, offered: str) -> int:
    if name == offered:
        return 3
    if name == offered.partition("/")[0] + "/*":
        return 2
    return 1 if name == "*/*" else 0


def _ranges(accept: str) -> Iterator[tuple[str, float]]:
    for part in accept.split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        given = next((p[2:].strip() for p in parameters if p.startswith("q=")), "1")
        if _Q.fullmatch(given):
            yield name, float(given)
