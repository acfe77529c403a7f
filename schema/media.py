"""Media types: what a client sends, and what it gets (RFC 9110, sections 8.3 and 12.5.1)."""

import re
from collections.abc import Iterator
from email.message import Message
from functools import lru_cache

JSON = "application/json"
# GraphQL over HTTP: an answer whose status can be trusted.
GRAPHQL = "application/graphql-response+json"
EVENTS = "text/event-stream"
FORM = "multipart/form-data"
# Where a client has no preference, the first of these.
_OFFERED = (JSON, GRAPHQL, EVENTS)
_Q = re.compile(r"0(\.\d{0,3})?|1(\.0{0,3})?")


@lru_cache(maxsize=256)
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


@lru_cache(maxsize=256)
def sent(content_type: str) -> tuple[str, str]:
    """Return the media type and the charset of a ``Content-Type``, in lower case; '' for none."""
    message = Message()
    message["content-type"] = content_type.replace("\n", " ").replace("\r", " ")
    if not content_type.strip():
        return "", ""
    charset = message.get_param("charset", "")
    return message.get_content_type(), charset.lower() if isinstance(charset, str) else "unknown"


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
