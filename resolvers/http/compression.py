"""Finished JSON, compressed by gzip for clients that take it.

Only answers to reads: those to writes may hold fresh tokens and secrets, whose size would tell of
them beside a text of somebody else (BREACH). Streams and files are sent as they are.

Each coding is a representation of its own, so its entity tag is another one (RFC 9110, section
8.8.3): the tag of the plain answer with the coding at its end.
"""

import asyncio
import zlib

from starlette.datastructures import Headers
from starlette.responses import Response

from resolvers.http.content_codings import GZIP, accepted_codings

# Smaller answers fit into two packets, and are sent as fast without.
MIN_BYTES = 2048
# Of zlib: the higher levels take two to six times as long, and save a tenth of what is left.
LEVEL = 3
# From here on it takes more than half a millisecond, so a thread does it; zlib releases the GIL.
THREAD_BYTES = 128 * 1024
VARIES = "Accept-Encoding"
_GZIP_FORMAT = 31
_TAG_END = f'-{GZIP}"'


def takes_gzip(asked: Headers) -> bool:
    """Whether a request says that its answer may be compressed."""
    given = asked.getlist("accept-encoding")
    return bool(given) and bool(accepted_codings(",".join(given), [GZIP]))


def negotiate(response: Response, asked: Headers) -> bool:
    """Whether to ``encode`` a finished answer. Its headers are set accordingly, but its length.

    Answers that are small, no JSON, a stream, or negotiated already stay as they are.
    """
    if type(response) is not Response or len(response.body) < MIN_BYTES:
        return False
    headers = response.headers
    if "json" not in headers.get("content-type", "") or VARIES in headers.get("vary", ""):
        return False
    headers.add_vary_header(VARIES)
    if not takes_gzip(asked):
        return False
    headers["Content-Encoding"] = GZIP
    tag = headers.get("etag")
    if tag is not None:
        headers["ETag"] = coded_tag(tag)
    return True


async def compress(response: Response, asked: Headers) -> None:
    """Compress a finished answer where the client takes it, and it is worth it."""
    if negotiate(response, asked):
        await encode(response)


async def encode(response: Response) -> None:
    """Compress the body of an answer, in place; a large one in a thread."""
    body = bytes(response.body)
    if len(body) < THREAD_BYTES:
        response.body = packed(body)
    else:
        response.body = await asyncio.to_thread(packed, body)
    response.headers["Content-Length"] = str(len(response.body))


def packed(body: bytes, level: int = LEVEL) -> bytes:
    """Return bytes in the format of gzip, without a time: equal bytes become equal ones."""
    stream = zlib.compressobj(level, zlib.DEFLATED, _GZIP_FORMAT)
    return stream.compress(body) + stream.flush()


def coded_tag(tag: str) -> str:
    """Return the tag of the compressed answer for that of the plain one."""
    return tag[:-1] + _TAG_END


def plain_tag(tag: str) -> str:
    """Return the tag of the plain answer for that of any of its representations."""
    return tag.removesuffix(_TAG_END) + '"' if tag.endswith(_TAG_END) else tag
