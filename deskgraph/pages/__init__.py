"""What the pages for browsers share: their bar with the login, their files, and what they know.

The pages are GraphiQL (``deskgraph.console``), the reference of REST (``deskgraph.api_docs``) and
the page at ``/api/v1/``. Nothing in them is loaded from another server.
"""

import json
import os
import re
from collections.abc import Mapping
from functools import cache
from hashlib import blake2b
from pathlib import Path
from string import Template
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import Scope

from deskgraph.database.database import Database
from deskgraph.demo.logins import PASSWORD, working_logins
from deskgraph.pages.samples import samples_of
from deskgraph.settings import Settings
from resolvers.http.compression import coded_tag, packed
from resolvers.http.content_codings import GZIP, accepted_codings

STATIC = Path(__file__).parent / "static"
"""Scripts and styles that need no build."""

INBOX = Path(__file__).parents[2] / "examples" / "inbox.html"
"""The example of a front end, which is not installed with the package."""

# What has the hash of its content in its address never changes (RFC 8246).
LASTING = "public, max-age=31536000, immutable"
# What has not is asked for again, which costs little while it stays the same.
ASKED_AGAIN = "no-cache"
# As the build compresses, the smallest first.
CODINGS = {"br": ".br", GZIP: ".gz"}
# What is worth compressing, by the end of its name.
_TEXTS = (".js", ".css", ".svg", ".html", ".json", ".txt")
# Smaller files fit into one packet as they are.
_MIN_BYTES = 1024
_LEVEL = 9
_NO_NAME = re.compile(r"(?!)")

_BAR = Template(Path(__file__).with_name("bar.html").read_text("utf-8"))


@cache
def _read(directory: Path) -> tuple[str, dict[str, bytes]]:
    """Return a hash of all files of a folder, and its texts compressed, by their paths."""
    digest = blake2b(digest_size=8)
    texts = {}
    for path in sorted(path for path in directory.resolve().rglob("*") if path.is_file()):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(directory.resolve())} {len(content)} ".encode())
        digest.update(content)
        if len(content) >= _MIN_BYTES and path.name.endswith(_TEXTS):
            texts[str(path)] = packed(content, _LEVEL)
    return digest.hexdigest(), texts


def version_of(directory: Path) -> str:
    """Return the hash of a folder that the addresses of its files have in them."""
    return _read(directory)[0]


class Files(StaticFiles):
    """Serves a folder; a file that lies there compressed as well is sent so to who takes it.

    ``hashed``: which names have a hash in them; others are asked for again.
    ``versioned``: the folder is read once by each process, and mounted at a path that ends with
    ``{version}``, so that its scripts import their neighbours under it. Files last under the hash
    of the folder. Under another one, which pages of another release have, they are asked for again.
    """

    def __init__(
        self, directory: Path, *, hashed: re.Pattern[str] = _NO_NAME, versioned: bool = False
    ) -> None:
        super().__init__(directory=directory, check_dir=False)
        self._hashed = hashed
        self._version: str | None = None
        self._packed: dict[str, bytes] = {}
        if versioned:
            self._version, self._packed = _read(directory)

    def file_response(
        self,
        full_path: "str | os.PathLike[str]",
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """Return a file, or 304 where the client has it."""
        asked = Headers(scope=scope)
        response = self._chosen(Path(full_path), stat_result, scope, asked, status_code)
        # The type is that of what is inside.
        response.headers["Content-Type"] = FileResponse(full_path).headers["Content-Type"]
        if self.is_not_modified(response.headers, asked):
            return NotModifiedResponse(response.headers)
        return response

    def _chosen(
        self, path: Path, found: os.stat_result, scope: Scope, asked: Headers, status: int
    ) -> Response:
        """Return the form of a file that a client takes, the smallest first."""
        headers = {"Cache-Control": self._cached(path.name, scope), "Vary": "Accept-Encoding"}
        given = ",".join(asked.getlist("accept-encoding"))
        for coding in accepted_codings(given, list(CODINGS)):
            coded = {**headers, "Content-Encoding": coding}
            compressed = path.with_name(path.name + CODINGS[coding])
            if compressed.is_file():
                return FileResponse(compressed, status, coded, stat_result=compressed.stat())
            if coding == GZIP and str(path) in self._packed:
                plain = FileResponse(path, stat_result=found).headers
                coded["Last-Modified"] = plain["last-modified"]
                coded["ETag"] = coded_tag(plain["etag"])
                return _of_memory(self._packed[str(path)], status, coded, scope["method"])
        return FileResponse(path, status, headers, stat_result=found)

    def _cached(self, name: str, scope: Scope) -> str:
        if self._version is None:
            return LASTING if self._hashed.search(name) else ASKED_AGAIN
        return LASTING if scope["path_params"]["version"] == self._version else ASKED_AGAIN


def _of_memory(content: bytes, status: int, headers: dict[str, str], method: str) -> Response:
    headers["Content-Length"] = str(len(content))
    return Response(b"" if method == "HEAD" else content, status, headers)


class PageConfig:
    """What the pages know of this server; anyone can read it in them."""

    def __init__(self, settings: Settings) -> None:
        self._production = settings.production
        self.shows_graphiql = settings.shows_graphiql
        self.shows_inbox = not settings.production and INBOX.exists()
        self._logins: list[dict[str, str]] = []
        self._samples: dict[str, Any] = {}

    async def prepare(self, database: Database) -> None:
        """Find out, in development, which logins of the demo there are."""
        if self._production:
            return
        labels = {"admin": "Admin", "keith": "Technician", "customer": "Customer"}
        self._logins = [
            {"username": name, "password": PASSWORD, "label": labels[name]}
            for name in await working_logins(database)
        ]
        if self._logins:
            self._samples = await samples_of(database, "customer")

    def json(self) -> str:
        """Return it for a ``<script type="application/json">``.

        ``lastingLogin``: whether a login may outlive its browser tab. Not with real people's data.
        """
        return json_for_html(
            {
                "demoLogins": self._logins,
                "samples": self._samples,
                "lastingLogin": not self._production,
            }
        )

    def bar(self, here: str, root: str) -> str:
        """Return the bar at the top of the page called ``here``; ``root`` leads to ``/``."""
        pages = {"GraphiQL": "graphql"} if self.shows_graphiql else {}
        pages["REST API"] = "api/v1/docs"
        if self.shows_inbox:
            pages["Inbox"] = "examples/inbox"
        return _BAR.substitute(links=_links(pages, here, root))


def _links(pages: Mapping[str, str], here: str, root: str) -> str:
    return "\n    ".join(
        f'<a href="{root}{path}"{" aria-current=page" if name == here else ""}>{name}</a>'
        for name, path in pages.items()
    )


def content_security_policy(connect: str = "'self'") -> str:
    """Word the `Content-Security-Policy` header under which the pages work, and little else."""
    return "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            # The editors, dialogs and Swagger UI make <style> elements while they run.
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data:",
            "font-src 'self' data:",
            f"connect-src {connect}",
            "worker-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        ]
    )


def json_for_html(value: object) -> str:
    """JSON for a `<script>` element, which ends at the first `</script` whatever surrounds it."""
    text = json.dumps(value)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def example_routes(config: PageConfig) -> list[BaseRoute]:
    """Return the page of the example; it is not in the installed package, nor in production."""
    if not config.shows_inbox:
        return []

    async def inbox(_request: Request) -> Response:
        inline = "'unsafe-inline'"
        policy = f"default-src 'none'; script-src {inline}; style-src {inline}; connect-src 'self'"
        return FileResponse(INBOX, headers={"Content-Security-Policy": policy})

    return [Route("/examples/inbox", inbox)]
