"""Conditional reads: an answer with its tag, or 304 to a client that has it (RFC 9110, 13.1.2).

``confirm`` tells without reading where this process knows the answer that the client names. Any
other answer is read, and compared by its tag (``conclude``).
"""

from datetime import datetime
from hashlib import blake2b

import orjson
from blake3 import blake3
from starlette.datastructures import Headers
from starlette.responses import Response

from resolvers.context import Context
from resolvers.http.compression import MIN_BYTES, VARIES, coded_tag, takes_gzip
from resolvers.http.etags import names_tag
from resolvers.query.revalidation.known_answers import KnownAnswer
from resolvers.query.revalidation.state import current_state
from resolvers.request_record import current_request

# What the client keeps, it asks for again each time; nobody else keeps it. So an answer to somebody
# else is never taken for one's own, with or without ``Vary: Authorization``.
KEPT = "private, no-cache"
# A conditional request whose answer has not to be read.
POINTS = 1


def question_of(context: Context, *asked: str | bytes) -> bytes:
    """Return a hash of what is asked and of all that decides what it is answered with."""
    viewer = context.viewer
    who = None if viewer is None else (viewer.id, viewer.role, viewer.company_id)
    # As JSON: two lists of texts never become the same one.
    texts = [text.decode("latin-1") if isinstance(text, bytes) else text for text in asked]
    whole = orjson.dumps((context.via, context.base_url, who, texts))
    return blake2b(whole, digest_size=16).digest()


def hash_of(data: bytes) -> str:
    """Return the text inside of a weak tag for what is shown."""
    # Each answer with a tag is hashed. Of 58 kB it takes 14 microseconds, SHA-256 33, and 146 where
    # the processor has no instructions for that one.
    return blake3(data).hexdigest(length=16)


def given_tags(asked: Headers) -> str | None:
    """Return the value of ``If-None-Match``, which may be in several lines; None without one."""
    lines = asked.getlist("if-none-match")
    return ",".join(lines) if lines else None


async def confirm(context: Context, question: bytes, asked: Headers) -> Response | None:
    """Return 304 if the client has what would be answered; None where that has to be read.

    The state is that of a statement that begins now: it is of no earlier time than any answer
    before. Raises ``Throttled`` where the viewer has no point left.
    """
    given, services = given_tags(asked), context.services
    known = services.known_answers.get(question, services.clock()) if given else None
    if known is None:
        return None
    coded = services.compresses and known.compressible and takes_gzip(asked)
    tag = coded_tag(known.tag) if coded else known.tag
    if not names_tag(given, tag):
        return None
    if services.rates is not None:
        await services.rates.draw(context.rate_key, POINTS)
    if await current_state(context) != known.state:
        return None
    if (record := current_request.get()) is not None:
        record.add_operation(known.operation)
    response = Response(status_code=304, headers={"Cache-Control": KEPT, "ETag": tag})
    if services.compresses and known.compressible:
        response.headers["Vary"] = VARIES
    return response


def keep(
    context: Context,
    question: bytes,
    response: Response,
    tag: str,
    *,
    until: datetime | None,
    operation: str | None = None,
) -> None:
    """Give an answer its tag, and remember it if its state is known.

    ``until``: from when on the client needs it anew whatever the data is, such as for its links.
    Call it before the answer is compressed.
    """
    response.headers["Cache-Control"] = KEPT
    response.headers["ETag"] = tag
    recorder = context.recorder
    if recorder is None or recorder.state is None:
        return
    recorder.expire(until)
    compressible = len(response.body) >= MIN_BYTES
    context.services.known_answers.put(
        question,
        KnownAnswer(tag, recorder.state, recorder.since, recorder.until, compressible, operation),
    )


def conclude(response: Response, asked: Headers) -> bool:
    """Turn an answer into 304 if the client has it; returns whether it has.

    Its tag is that of the form in which it would be sent.
    """
    tag = response.headers.get("etag")
    if tag is None or not names_tag(given_tags(asked), tag):
        return False
    response.status_code = 304
    response.body = b""
    for name in ("content-length", "content-type", "content-encoding"):
        if name in response.headers:
            del response.headers[name]
    return True
