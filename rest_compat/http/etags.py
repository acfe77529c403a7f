"""Optimistic concurrency: ``ETag`` in answers, ``If-Match`` in writes (RFC 9110, section 13.1.1).

A tag is the hash of what the answer shows its viewer, so it changes whenever that does, and tells
customers nothing of internal notes. Signatures of links do not count: they are new at each answer.
"""

import hashlib
import re
from collections.abc import Awaitable
from functools import partial
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from resolvers.commands.ticket_rows import Precondition
from resolvers.context import Context
from resolvers.errors import AnswerTooLarge, PreconditionFailed, Unavailable
from resolvers.query.execute import Query
from rest_compat.http.responses import RestError, answer, text_answer
from rest_compat.serializers.reads import row_text

# What a link has behind its path, see ``resolvers.query.expressions.signed_link``.
_SIGNATURE = re.compile(r"\?expires=\d+&signature=[\w=-]+(?=\")")
# A tag with what may stand before it; of a list's elements some may be empty.
_TAG = re.compile(r'[ \t]*((?:W/)?"[\x21\x23-\x7e\x80-\xff]*")[ \t]*(?:,[ \t,]*|$)')


def tag_of(text: str) -> str:
    """Return the strong entity tag of an answer's text."""
    shown = _SIGNATURE.sub("", text).encode()
    return f'"{hashlib.sha256(shown).hexdigest()[:32]}"'


async def tagged_answer(context: Context, read: Query, key: UUID, status: int = 200) -> Response:
    """Answer with the row of an id and its tag; raises ``NotFound``."""
    text = await row_text(context, read, key)
    return text_answer(text, status, {"ETag": tag_of(text)})


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

    The check raises ``PreconditionFailed``, and ``RestError`` for what is no list of tags. Weak
    tags never fit (RFC 9110, section 8.8.3.2); ``*`` fits any row there is.
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
        found.append(one[1])
        at = one.end()
    return frozenset(found)


async def _require_tag(context: Context, read: Query, key: UUID, given: str) -> None:
    tags = _tags(given)
    if tag_of(await row_text(context, read, key)) not in tags:
        raise PreconditionFailed
