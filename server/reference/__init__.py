"""The API document of the REST face, and the page that shows it: Swagger UI, without internet.

Both are public, in production, too: they tell what the paths are and nothing that is stored, and
every call but a login needs a token.
"""

import json
import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from graphql import GraphQLEnumType, GraphQLInputObjectType, GraphQLObjectType
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from rest_compat.openapi import document
from rest_compat.openapi.values import Words
from rest_compat.routes import every_path
from schema import create_schema

STATIC = Path(__file__).parent / "static"
"""Our part of the page."""

_PAGE = Path(__file__).with_name("page.html").read_text("utf-8")


@cache
def words() -> Words:
    """Return what the fields of both faces mean, by type and in snake case."""
    found: dict[str, dict[str, str]] = {}
    for name, type_ in create_schema()._schema.type_map.items():
        if isinstance(type_, GraphQLObjectType | GraphQLInputObjectType):
            said = {_snake(key): field.description or "" for key, field in type_.fields.items()}
            found[name] = said
        elif isinstance(type_, GraphQLEnumType):
            found[name] = {
                key.lower(): value.description or "" for key, value in type_.values.items()
            }
    return found


def openapi() -> str:
    """Return the document as the committed ``rest_compat/openapi.json`` has it."""
    return json.dumps(document(every_path(), words()), indent=1, ensure_ascii=False) + "\n"


def _snake(name: str) -> str:
    return re.sub(r"([A-Z])", r"_\1", name).lower()


def swagger_ui() -> Path:
    """Return the folder of Swagger UI's files, which are all that we use of their package.

    It is found without being imported: it would import Flask.
    """
    spec = find_spec("flask_swagger_ui")
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / "dist"


def content_security_policy(public_url: str | None = None) -> str:
    """Word the `Content-Security-Policy` header under which the page works, and little else.

    Its calls go to the public address, which is another origin where the page was opened by a
    private one.
    """
    public = urlsplit(public_url or "")
    origin = f" {public.scheme}://{public.netloc}" if public.netloc else ""
    return "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            # Swagger UI makes <style> elements and attributes while it runs.
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data:",
            f"connect-src 'self'{origin}",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ]
    )


def reference_routes(public_url: str | None) -> list[BaseRoute]:
    """Return the routes of the page at ``/api/v1/docs`` and of what it is made of."""
    headers = {"Content-Security-Policy": content_security_policy(public_url)}

    async def show(_request: Request) -> Response:
        return HTMLResponse(_PAGE, headers=headers)

    async def without_slash(_request: Request) -> Response:
        # What the page loads is named relative to it.
        return RedirectResponse("../docs")

    return [
        Route("/api/v1/docs", show),
        Route("/api/v1/docs/", without_slash),
        Mount("/api/v1/docs/static", StaticFiles(directory=STATIC)),
        Mount("/api/v1/docs/swagger-ui", StaticFiles(directory=swagger_ui())),
    ]
