"""What caches may keep of answers by GET (RFC 9110, section 13, and RFC 9111)."""

from collections.abc import Mapping
from hashlib import sha256

from starlette.responses import Response

from resolvers.http.etags import names_tag


def keep(response: Response, headers: Mapping[str, str], data: bytes | None) -> None:
    """Let the client keep an answer to the id of a document, and ask whether it is still the same.

    ``data`` is what has to be the same, None where the answer may not be kept: what it cost is
    another number each time. Nobody else may keep it: what is in it depends on who asks. 304 says
    that it is the same.
    """
    response.headers["Vary"] = "Accept, Authorization"
    if data is None:
        return
    tag = f'"{sha256(data).hexdigest()[:32]}"'
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["ETag"] = tag
    if names_tag(headers.get("if-none-match"), tag):
        response.status_code = 304
        response.body = b""
        for name in ("content-length", "content-type"):
            del response.headers[name]
