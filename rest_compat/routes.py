"""Every path of the REST API, with the handler of each method."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from resolvers.context import Context
from resolvers.exports import downloads as exports
from resolvers.imports import rejects
from resolvers.services import Services
from rest_compat.endpoints import (
    attachments,
    auth,
    comments,
    downloads,
    events,
    media,
    people,
    tickets,
)
from rest_compat.http.endpoint import Endpoint, Link, append_slash, nowhere
from rest_compat.http.responses import answer
from rest_compat.openapi.document import Path
from rest_compat.openapi.operations import Handler, operation
from rest_compat.openapi.serving import serving
from rest_compat.openapi.values import Words
from rest_compat.serializers import shapes

API = "/api/v1/"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
LISTS = (
    *("users", "companies", "contacts"),
    *("tickets", "ticket-comments", "ticket-attachments", "ticket-events"),
)
T = TypeVar("T")
# Makes something of a path, its name and the handler of each method: a route, for one.
At = Callable[..., T]


def rest_routes(
    services: Services,
    public_url: str | None = None,
    *,
    pages: Sequence[BaseRoute] = (),
    words: Callable[[], Words] = dict,
    links: Callable[[str], Link | None] | None = None,
) -> list[BaseRoute]:
    """Return the routes; URLs start with ``public_url``, or with the address that was used.

    ``pages`` are routes for browsers, one of them at the path of the root. ``words`` returns the
    field descriptions of the API document. ``links`` returns for a path, such as
    ``tickets/{id}/``, what makes the ``Link`` header of its answers.
    """

    def at(
        path: str, name: str, *, public: bool = False, negotiates: bool = True, **handlers: Handler
    ) -> Route:
        link = None if links is None else links(path.removeprefix(API))
        endpoint = Endpoint(
            services, public_url, name, handlers, public=public, negotiates=negotiates, link=link
        )
        return Route(path, endpoint, name=name)

    *paths, root = _api(at)
    slashless = [Route(path.path[:-1], append_slash, methods=METHODS) for path in (*paths, root)]
    about = serving(every_path(), words, public_url)
    return [
        *paths,
        *pages,
        root,
        *slashless,
        at(API + "openapi.json", "Api Document", GET=about, public=True),
        Route(API + "{rest:path}", nowhere, methods=METHODS),
        *_media(at),
        # Not in the document: their links are made by GraphQL.
        at(exports.PATH, "Export", GET=downloads.tickets, public=True, negotiates=False),
        at(rejects.PATH, "Rejects", GET=downloads.rejects, public=True, negotiates=False),
    ]


def every_path() -> list[Path]:
    """Return all paths with their handlers, for the API document."""

    def at(
        path: str, name: str, *, public: bool = False, negotiates: bool = True, **handlers: Handler
    ) -> Path:
        assert negotiates or path.startswith("/media/"), "the document tells 406 of all but files"
        return Path(path, name, handlers, public)

    return [*_api(at), *_media(at)]


def _api(at: At[T]) -> list[T]:
    return [*_tickets(at), *_people(at), *_auth(at), at(API, "Api Root", GET=_root)]


def _media(at: At[T]) -> list[T]:
    return [at("/media/{key:path}", "Media", GET=media.show, public=True, negotiates=False)]


def _tickets(at: At[T]) -> list[T]:
    t, c, a = API + "tickets/", API + "ticket-comments/", API + "ticket-attachments/"
    return [
        at(t, "Ticket List", GET=tickets.listing, POST=tickets.create),
        at(t + "stats/", "Stats", GET=tickets.statistics),
        at(t + "{id}/", "Ticket Instance", GET=tickets.detail, PUT=tickets.update,
           PATCH=tickets.update, DELETE=tickets.delete),
        at(t + "{id}/add_comment/", "Add comment", POST=tickets.add_comment),
        at(t + "{id}/assign/", "Assign", POST=tickets.assign),
        at(c, "Ticket Comment List", GET=comments.listing, POST=comments.create),
        at(c + "{id}/", "Ticket Comment Instance", GET=comments.detail, PUT=comments.update,
           PATCH=comments.update, DELETE=comments.delete),
        at(a, "Ticket Attachment List", GET=attachments.listing, POST=attachments.upload),
        at(a + "{id}/", "Ticket Attachment Instance", GET=attachments.detail,
           PUT=attachments.update, PATCH=attachments.update, DELETE=attachments.delete),
        at(API + "ticket-events/", "Ticket Event List", GET=events.listing),
        at(API + "ticket-events/{id}/undo/", "Undo", POST=events.undo),
    ]  # fmt: skip


def _people(at: At[T]) -> list[T]:
    u, c, k = API + "users/", API + "companies/", API + "contacts/"
    p = people
    return [
        at(u, "User List", GET=p.listing(p.USERS), POST=p.create_user),
        at(u + "{id}/", "User Instance", GET=p.detail(shapes.ONE_USER),
           PUT=p.update_user, PATCH=p.update_user),
        at(c, "Company List", GET=p.listing(p.COMPANIES), POST=p.create_company),
        at(c + "simple/", "Simple", GET=p.simple_companies),
        at(c + "{id}/", "Company Instance", GET=p.detail(shapes.ONE_COMPANY),
           PUT=p.update_company, PATCH=p.update_company),
        at(k, "Contact List", GET=p.listing(p.CONTACTS), POST=p.create_contact),
        at(k + "{id}/", "Contact Instance", GET=p.detail(shapes.ONE_CONTACT),
           PUT=p.update_contact, PATCH=p.update_contact),
    ]  # fmt: skip


def _auth(at: At[T]) -> list[T]:
    return [
        at(API + "auth/login/", "Login", POST=auth.login, public=True),
        at(API + "auth/refresh/", "Refresh", POST=auth.refresh, public=True),
        at(API + "auth/logout/", "Logout", POST=auth.logout, public=True),
        at(API + "auth/me/", "Me", GET=auth.me),
        at(API + "jwt/token/", "Token Obtain Pair", POST=auth.jwt_token, public=True),
        at(API + "jwt/token/refresh/", "Token Refresh", POST=auth.jwt_refresh, public=True),
        at(API + "jwt/token/verify/", "Token Verify", POST=auth.jwt_verify, public=True),
    ]


@operation(dict.fromkeys(LISTS, str))
async def _root(_request: Request, context: Context) -> Response:
    """List the lists, by their addresses."""
    return answer({name: f"{context.base_url}{API}{name}/" for name in LISTS})
