"""The API document of the REST API, and the page that shows it: Swagger UI, without internet.

Both are public, in production, too: they describe the paths and show nothing that is stored, and
every call but a login needs a token.
"""

import json
import re
from importlib.util import find_spec
from pathlib import Path
from string import Template
from urllib.parse import urlsplit

from graphql import GraphQLEnumType, GraphQLInputObjectType, GraphQLObjectType
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Match, Mount, Route
from starlette.types import Scope

from deskgraph.pages import (
    ASKED_AGAIN,
    STATIC,
    Files,
    PageConfig,
    content_security_policy,
    version_of,
)
from models import Role, Team, TicketCategory, TicketEventType, TicketPriority, TicketStatus
from resolvers.naming import snake
from rest_compat.openapi.document import document
from rest_compat.openapi.values import Words
from rest_compat.routes import every_path
from schema import create_schema
from schema.execution.operation import DeskSchema
from schema.execution.strawberry_internals import core_schema

_PAGE = Template(Path(__file__).with_name("page.html").read_text("utf-8"))
# The words of choices in REST, by those in GraphQL.
_CHOICES: dict[str, str] = {
    member.name: member.value
    for kind in (TicketStatus, TicketPriority, TicketCategory, Team, Role, TicketEventType)
    for member in kind
}
_ROOT = Template(Path(__file__).with_name("root.html").read_text("utf-8"))


def words(schema: DeskSchema) -> Words:
    """Return the descriptions of the fields of both APIs, by type and in snake case."""
    found: dict[str, dict[str, str]] = {}
    for name, type_ in core_schema(schema).type_map.items():
        if isinstance(type_, GraphQLObjectType | GraphQLInputObjectType):
            said = {snake(key): _worded(field.description) for key, field in type_.fields.items()}
            found[name] = said
        elif isinstance(type_, GraphQLEnumType):
            found[name] = {
                key.lower(): _worded(value.description) for key, value in type_.values.items()
            }
    return found


def _worded(description: str | None) -> str:
    """Return a description as REST would say it: with its choices and its names of fields."""
    text = (description or "").replace(", the same as in REST", "")
    text = re.sub(r"`([a-z]+[A-Z]\w*)`", lambda name: f"`{snake(name[1])}`", text)
    return re.sub(r"\b[A-Z]{2}[A-Z_]*\b", lambda word: _CHOICES.get(word[0], word[0]), text)


def openapi() -> str:
    """Return the document as the committed ``rest_compat/openapi.json`` has it."""
    return (
        json.dumps(document(every_path(), words(create_schema())), indent=1, ensure_ascii=False)
        + "\n"
    )


def swagger_ui() -> Path:
    """Return the folder of Swagger UI's files, which are all that we use of their package.

    It is found without being imported: it would import Flask.
    """
    spec = find_spec("flask_swagger_ui")
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / "dist"


def reference_routes(config: PageConfig, public_url: str | None) -> list[BaseRoute]:
    """Return the routes of the page at ``/api/v1/docs`` and of what it is made of.

    And of a page for browsers at ``/api/v1/``, which links to the others.
    """
    public = urlsplit(public_url or "")
    # Calls go to the public address: another origin where the page was opened by a private one.
    origin = f" {public.scheme}://{public.netloc}" if public.netloc else ""
    policy = content_security_policy(f"'self'{origin}")
    swagger = swagger_ui()

    async def show(_request: Request) -> Response:
        page = _PAGE.substitute(
            static=version_of(STATIC),
            swagger=version_of(swagger),
            bar=config.bar("REST API", "../../"),
            config=config.json(),
        )
        return _html(page, policy)

    async def show_root(_request: Request) -> Response:
        return _html(_ROOT.substitute(static=version_of(STATIC), links=_links(config)), policy)

    async def without_slash(_request: Request) -> Response:
        # What the page loads is named relative to it.
        return RedirectResponse("../docs")

    return [
        ForBrowsers("/api/v1/", show_root),
        Route("/api/v1/docs", show),
        Route("/api/v1/docs/", without_slash),
        Mount("/api/v1/docs/static/{version}", Files(STATIC, versioned=True)),
        Mount("/api/v1/docs/swagger-ui/{version}", Files(swagger, versioned=True)),
    ]


class ForBrowsers(Route):
    """A page for clients that accept HTML: other requests go to the routes after it."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match only requests that accept HTML, as browsers do when they open a page."""
        found = super().matches(scope)
        if found[0] is Match.NONE or scope["method"] not in ("GET", "HEAD"):
            return Match.NONE, {}
        accepted = ",".join(Headers(scope=scope).getlist("accept"))
        return found if "text/html" in accepted else (Match.NONE, {})


def _links(config: PageConfig) -> str:
    """Return the items that lead on."""
    items = [
        ("docs", "The REST API", "every path, with a form to try it"),
        ("openapi.json", "openapi.json", "the same for programs"),
    ]
    if config.shows_graphiql:
        items.append(("../../graphql", "GraphiQL", "an editor for the GraphQL API"))
    if config.shows_inbox:
        items.append(("../../examples/inbox", "The inbox", "an example of a front end"))
    return "\n".join(f'<li><a href="{path}">{name}</a>: {text}</li>' for path, name, text in items)


def _html(page: str, policy: str) -> Response:
    # By the same address programs get JSON.
    headers = {"Content-Security-Policy": policy, "Cache-Control": ASKED_AGAIN, "Vary": "Accept"}
    return HTMLResponse(page, headers=headers)
