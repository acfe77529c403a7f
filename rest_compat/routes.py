"""Every path of the REST face, on one screen."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from resolvers.desk import Context, Desk
from rest_compat import attachments, auth, comments, media, people, shapes, tickets
from rest_compat.answers import answer
from rest_compat.endpoint import Endpoint, Handler, append_slash, nowhere

API = "/api/v1/"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
LISTS = ("users", "companies", "contacts", "tickets", "ticket-comments", "ticket-attachments")


def rest_routes(desk: Desk, public_url: str | None = None) -> list[BaseRoute]:
    """Return the routes; links start with ``public_url``, or with the address that was used."""

    def at(path: str, name: str, *, public: bool = False, **handlers: Handler) -> Route:
        endpoint = Endpoint(desk, public_url, name, handlers, public=public)
        return Route(path if path[0] == "/" else API + path, endpoint, name=name)

    paths = [
        at("tickets/", "Ticket List", GET=tickets.listing, POST=tickets.create),
        at("tickets/stats/", "Stats", GET=tickets.statistics),
        at("tickets/{id}/", "Ticket Instance", GET=tickets.detail, PUT=tickets.update,
           PATCH=tickets.update, DELETE=tickets.delete),
        at("tickets/{id}/add_comment/", "Add comment", POST=tickets.add_comment),
        at("tickets/{id}/assign/", "Assign", POST=tickets.assign),
        at("ticket-comments/", "Ticket Comment List", GET=comments.listing, POST=comments.create),
        at("ticket-comments/{id}/", "Ticket Comment Instance", GET=comments.detail,
           PUT=comments.update, PATCH=comments.update, DELETE=comments.delete),
        at("ticket-attachments/", "Ticket Attachment List", GET=attachments.listing,
           POST=attachments.upload),
        at("ticket-attachments/{id}/", "Ticket Attachment Instance", GET=attachments.detail,
           PUT=attachments.update, PATCH=attachments.update, DELETE=attachments.delete),
        at("users/", "User List", GET=people.listing(people.USERS), POST=people.create_user),
        at("users/{id}/", "User Instance", GET=people.detail(shapes.ONE_USER),
           PUT=people.update_user, PATCH=people.update_user),
        at("companies/", "Company List", GET=people.listing(people.COMPANIES),
           POST=people.create_company),
        at("companies/simple/", "Simple", GET=people.simple_companies),
        at("companies/{id}/", "Company Instance", GET=people.detail(shapes.ONE_COMPANY),
           PUT=people.update_company, PATCH=people.update_company),
        at("contacts/", "Contact List", GET=people.listing(people.CONTACTS),
           POST=people.create_contact),
        at("contacts/{id}/", "Contact Instance", GET=people.detail(shapes.ONE_CONTACT),
           PUT=people.update_contact, PATCH=people.update_contact),
        at("auth/login/", "Login", POST=auth.login, public=True),
        at("auth/refresh/", "Refresh", POST=auth.refresh, public=True),
        at("auth/logout/", "Logout", POST=auth.logout, public=True),
        at("auth/me/", "Me", GET=auth.me),
        at("jwt/token/", "Token Obtain Pair", POST=auth.jwt_token, public=True),
        at("jwt/token/refresh/", "Token Refresh", POST=auth.jwt_refresh, public=True),
        at("jwt/token/verify/", "Token Verify", POST=auth.jwt_verify, public=True),
        at("/api/v1/", "Api Root", GET=_root),
    ]  # fmt: skip
    slashless = [Route(path.path[:-1], append_slash, methods=METHODS) for path in paths]
    return [
        *paths,
        *slashless,
        Route(API + "{rest:path}", nowhere, methods=METHODS),
        at("/media/{key:path}", "Media", GET=media.show, public=True),
    ]


async def _root(_request: Request, context: Context) -> Response:
    """List the lists, by their addresses."""
    return answer({name: f"{context.base_url}{API}{name}/" for name in LISTS})
