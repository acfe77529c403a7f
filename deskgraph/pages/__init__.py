"""What the pages for browsers share: their bar with the login, their files, and what they know.

The pages are GraphiQL (``deskgraph.console``), the reference of REST (``deskgraph.api_docs``) and
the page at ``/api/v1/``. Nothing in them is loaded from another server.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from string import Template

from sqlmodel import col, select
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import Scope

from deskgraph.database.database import Database
from deskgraph.demo.logins import PASSWORD, working_logins
from deskgraph.settings import Settings
from models import User

STATIC = Path(__file__).parent / "static"
"""Scripts and styles that need no build."""

INBOX = Path(__file__).parents[2] / "examples" / "inbox.html"
"""The example of a front end, which is not installed with the package."""

# What has the hash of its content in its name never changes (RFC 8246).
LASTING = "public, max-age=31536000, immutable"
# What has not is asked for again, which costs little while it stays the same.
ASKED_AGAIN = "no-cache"
# As the build compresses, the smallest first.
CODINGS = {"br": ".br", "gzip": ".gz"}

_BAR = Template(Path(__file__).with_name("bar.html").read_text("utf-8"))


class Files(StaticFiles):
    """Serves a folder; a file that lies there compressed as well is sent so to who takes it."""

    def __init__(self, directory: Path, cache_control: str = ASKED_AGAIN) -> None:
        super().__init__(directory=directory, check_dir=False)
        self._cache_control = cache_control

    def file_response(
        self,
        full_path: "str | os.PathLike[str]",
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """Return a file, or 304 where the client has it."""
        asked = Headers(scope=scope)
        headers = {"Cache-Control": self._cache_control, "Vary": "Accept-Encoding"}
        path = Path(full_path)
        for coding in _accepted(asked.get("accept-encoding", "")):
            compressed = path.with_name(path.name + CODINGS[coding])
            if compressed.is_file():
                path, stat_result = compressed, compressed.stat()
                headers["Content-Encoding"] = coding
                break
        # The type is that of what is inside.
        response = FileResponse(path, status_code, headers, stat_result=stat_result)
        response.headers["Content-Type"] = FileResponse(full_path).headers["Content-Type"]
        if self.is_not_modified(response.headers, asked):
            return NotModifiedResponse(response.headers)
        return response


def _accepted(header: str) -> list[str]:
    """Return which of ``CODINGS`` a client takes (RFC 9110, section 12.5.3)."""
    weights: dict[str, bool] = {}
    for part in header.lower().split(","):
        name, _, weight = part.partition(";")
        value = weight.strip().removeprefix("q=")
        weights[name.strip()] = not weight or value.strip("0.") != ""
    return [coding for coding in CODINGS if weights.get(coding, weights.get("*", False))]


class PageConfig:
    """What the pages know of this server; anyone can read it in them."""

    def __init__(self, settings: Settings) -> None:
        self._production = settings.production
        self.shows_graphiql = settings.shows_graphiql
        self.shows_inbox = not settings.production and INBOX.exists()
        self._logins: list[dict[str, str]] = []
        self._company_id = ""

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
            self._company_id = await _company_of(database, "customer")

    def json(self) -> str:
        """Return it for a ``<script type="application/json">``.

        ``lastingLogin``: whether a login may outlive its browser tab. Not with real people's data.
        """
        return json_for_html(
            {
                "demoLogins": self._logins,
                "sampleCompanyId": self._company_id,
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


async def _company_of(database: Database, username: str) -> str:
    """Return the id that the example of a new ticket uses."""
    async with database.engine.connect() as connection:
        wanted = select(User.company_id).where(col(User.username) == username)
        return str(await connection.scalar(wanted) or "")


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
