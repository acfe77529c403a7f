"""The API document as it is served: public, and sent again only when it has changed."""

from collections.abc import Callable, Iterable
from functools import cache
from hashlib import sha256

import orjson
from starlette.requests import Request
from starlette.responses import Response

from resolvers.context import Context
from resolvers.http.compression import VARIES, coded_tag, packed, takes_gzip
from resolvers.http.content_codings import GZIP
from resolvers.http.etags import names_tag
from rest_compat.http.responses import text_answer
from rest_compat.openapi.document import Path, document
from rest_compat.openapi.operations import Handler
from rest_compat.openapi.values import Words


def serving(paths: Iterable[Path], words: Callable[[], Words], public_url: str | None) -> Handler:
    """Return what answers with the document of these paths, made when it is first asked for."""
    kept = list(paths)

    @cache
    def made(url: str) -> tuple[bytes, str]:
        text = orjson.dumps(document(kept, words(), url))
        return text, f'"{sha256(text).hexdigest()}"'

    @cache
    def compressed(url: str) -> bytes:
        return packed(made(url)[0], level=6)

    async def show(request: Request, context: Context) -> Response:
        # Without a public address, relative to where the document came from: also behind a proxy
        # that does not say which address clients use.
        url = public_url or request.scope.get("root_path") or "/"
        text, tag = made(url)
        headers = {"Cache-Control": "no-cache"}
        if context.services.compresses:
            headers["Vary"] = VARIES
            if takes_gzip(request.headers):
                text, tag = compressed(url), coded_tag(tag)
                headers["Content-Encoding"] = GZIP
        headers["ETag"] = tag
        if names_tag(request.headers.get("if-none-match"), tag):
            headers.pop("Content-Encoding", None)
            return Response(status_code=304, headers=headers)
        return text_answer(text, headers=headers)

    return show
