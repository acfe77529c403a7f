"""Every path of the REST face, on one screen."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from resolvers.desk import Context, Desk
from rest_compat import attachments, auth, comments, events, media, people, shapes, tickets
from rest_compat.answers import answer
from rest_compat.endpoint import Endpoint, Handler, append_slash, nowhere

API = "/api/v1/"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
LISTS = (
    *("users", "companies", "contacts"),
    *("tickets", "ticket-comments", "ticket-attachments", "ticket-events"),
)
# Makes the route of a path from its name and the handler of each method.
At = Callable[..., Route]


def rest_routes(desk: Desk, public_url: str | None = None) -> list[BaseRoute]:
    """Return the routes; links start with ``public_url``, or with the address that was used."""

    def at(path: str, name: str, *, public: bool = False, **handlers: Handler) -> Route:
        return Route(path, Endpoint(desk, public_url, name, handlers, public=public), name=name)

    paths = [*_tickets(at), *_people(at), *_auth(at), at(API, "Api Root", GET=_root)]
    slashless = [Route(path.path[:-1], append_slash, methods=METHODS) for path in paths]
    return [
        *paths,
        *slashless,
        Route(API + "{rest:path}", nowhere, methods=METHODS),
        at("/media/{key:path}", "Media", GET=media.show, public=True),
    ]


def _tickets(at: At) -> list[Route]:
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
    ]  # fmt: skip


def _people(at: At) -> list[Route]:
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


def _auth(at: At) -> list[Route]:
    return [
        at(API + "auth/login/", "Login", POST=auth.login, public=True),
        at(API + "auth/refresh/", "Refresh", POST=auth.refresh, public=True),
        at(API + "auth/logout/", "Logout", POST=auth.logout, public=True),
        at(API + "auth/me/", "Me", GET=auth.me),
        at(API + "jwt/token/", "Token Obtain Pair", POST=auth.jwt_token, public=True),
        at(API + "jwt/token/refresh/", "Token Refresh", POST=auth.jwt_refresh, public=True),
        at(API + "jwt/token/verify/", "Token Verify", POST=auth.jwt_verify, public=True),
    ]


async def _root(_request: Request, context: Context) -> Response:
    """List the lists, by their addresses."""
    return answer({name: f"{context.base_url}{API}{name}/" for name in LISTS})
