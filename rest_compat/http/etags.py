"""Optimistic concurrency: ``ETag`` in answers, ``If-Match`` in writes (RFC 9110, section 13.1.1).

A tag begins with the hash of what the answer shows its viewer, so it changes whenever that does,
and tells customers nothing of internal notes. Signatures of links do not count: they are new at
each answer. But an answer with links has another tag every half an hour, so that no client keeps
links that have expired.

The version of the row follows the hash, so that a write that does not fit can be explained or
merged, and a check of it: the tag of another row names no version of this one. ``If-Match``
compares the hash alone, at any time. The tags of release 0.1.0 are the hash alone.

Details of tickets and comments have a strong tag, since ``If-Match`` takes no other. All other
reads have weak ones.
"""

import re
from collections.abc import Awaitable
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from resolvers.commands.conflicts import Precondition
from resolvers.context import Context
from resolvers.errors import AnswerTooLarge, PreconditionFailed, Unavailable
from resolvers.http.compression import plain_tag
from resolvers.http.conditional import hash_of
from resolvers.query.execute import Query
from rest_compat.http.responses import RestError, answer, text_answer
from rest_compat.serializers.reads import row_text, versioned_text

# What the link of a file has behind its path, see ``resolvers.query.expressions.file_link``. A
# quote inside of a text is escaped, so this is no text that somebody wrote.
_LINK = re.compile(rb'("file" ?: ?"[^"?\\]*)\?expires=\d+&signature=[\w=-]+(?=")')
# For how long an answer with links keeps its tag, in seconds: half of how long these work.
LINK_SECONDS = 1800
# What such a tag has at its end.
_PERIOD = re.compile(r'\.\d+"$')
_OURS = re.compile(
    r'"(?P<hash>[0-9a-f]{32})(?:-(?P<version>[1-9][0-9]{0,8})-(?P<check>[0-9a-f]{8}))?"'
)
# A tag with what may stand before it; of a list's elements some may be empty.
_TAG = re.compile(r'[ \t]*((?:W/)?"[\x21\x23-\x7e\x80-\xff]*")[ \t]*(?:,[ \t,]*|$)')


def tag_of(context: Context, text: bytes, key: UUID, version: int) -> str:
    """Return the strong entity tag of an answer's text, which shows a version of a row."""
    shown, period = _lasting(context, text)
    return f'"{_row_hash(shown)}-{version}-{_check(key, version)}{period}"'


def weak_tag_of(context: Context, text: bytes) -> str:
    """Return the entity tag of the text of any other answer."""
    shown, period = _lasting(context, text)
    return f'W/"{hash_of(shown)}{period}"'


def _lasting(context: Context, text: bytes) -> tuple[bytes, str]:
    """Return a text without the signatures of its links, and the period these are good for."""
    shown, links = _without_signatures(context, text)
    if not links:
        return shown, ""
    return shown, f".{int(context.services.clock().timestamp()) // LINK_SECONDS}"


def _without_signatures(context: Context, text: bytes) -> tuple[bytes, int]:
    """Return a text without the signatures of its links, and how many links there are."""
    return _LINK.subn(rb"\1", text) if context.services.signed_media else (text, 0)


def _row_hash(shown: bytes) -> str:
    """Return the hash of a row; another algorithm would refuse the tags that clients have."""
    return sha256(shown).hexdigest()[:32]


def _check(key: UUID, version: int) -> str:
    return _row_hash(f"{key} {version}".encode())[:8]


def tag_ends(tag: str) -> datetime | None:
    """Return when an answer gets another tag for its links; None where it has none."""
    period = _PERIOD.search(tag)
    if period is None:
        return None
    return datetime.fromtimestamp((int(period[0][1:-1]) + 1) * LINK_SECONDS, UTC)


async def tagged_answer(context: Context, read: Query, key: UUID, status: int = 200) -> Response:
    """Answer with the row of an id and its tag; raises ``NotFound``."""
    text, version = await versioned_text(context, read, key)
    shown = text.encode()
    return text_answer(shown, status, {"ETag": tag_of(context, shown, key, version)})


async def done_answer(key: UUID, status: int, respond: Awaitable[Response]) -> Response:
    """Answer a write with its row; with its id and a sentence where the row cannot be read.

    A status of refusals would say that nothing was done, and clients would do it again.
    """
    try:
        return await respond
    except AnswerTooLarge as error:
        detail = f"It was done. {error}"
    except Unavailable as error:
        # It says so itself.
        detail = str(error)
    return answer({"id": str(key), "detail": detail}, status)


def if_match(request: Request, context: Context, read: Query, key: UUID) -> Precondition | None:
    """Return the check of ``If-Match`` for a row, None where the request has no condition.

    The check raises ``PreconditionFailed`` with the oldest version that the tags name, if they name
    one, and ``RestError`` for what is no list of tags. Weak tags never fit (RFC 9110, section
    8.8.3.2); ``*`` fits any row there is.
    """
    given = request.headers.getlist("if-match")
    if not given:
        return None
    joined = ",".join(given).strip(" \t,")
    if joined == "*":
        return None
    return partial(_require_tag, context, read, key, joined)


def _tags(text: str) -> frozenset[str]:
    """Read a list of entity tags in one pass; raises ``RestError``."""
    found: list[str] = []
    at = 0
    while at < len(text) or not found:
        one = _TAG.match(text, at)
        if one is None:
            raise RestError(400, {"detail": "If-Match must be * or a list of entity tags."})
        # A compressed answer shows the same row, and so does one with other links.
        found.append(_PERIOD.sub('"', plain_tag(one[1])))
        at = one.end()
    return frozenset(found)


async def _require_tag(context: Context, read: Query, key: UUID, given: str) -> None:
    ours = [found for tag in _tags(given) if (found := _OURS.fullmatch(tag))]
    shown, _ = _without_signatures(context, (await row_text(context, read, key)).encode())
    current = _row_hash(shown)
    if all(found["hash"] != current for found in ours):
        named = [
            int(found["version"])
            for found in ours
            if found["version"] and found["check"] == _check(key, int(found["version"]))
        ]
        raise PreconditionFailed(min(named, default=None))
