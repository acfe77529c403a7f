"""The calls of the REST reference, and further ones: each with the GraphQL operation that does it.

The page that leads people out of REST is made of this table, and tests make each call both ways.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    get_named_type,
    get_nullable_type,
)
from starlette.datastructures import QueryParams

from deskgraph.graphql_links.equivalents import EQUIVALENTS, Equivalent
from deskgraph.graphql_links.links import filled, variables_of
from rest_compat.routes import API
from schema.errors.formatting import input_name
from tests.viewers.paths import CONTACT, TICKET
from tests.viewers.table import SCHEMA, Path
from tests.viewers.test_reference import shaped

# What REST calls otherwise.
OTHER_NAMES = {"refresh": "refreshToken"}


@dataclass(frozen=True)
class Call:
    """A request to REST and what it is for; ``<name>`` stands for the id of a row of the world.

    ``answers`` is its status for an Admin.
    """

    about: str
    method: str
    path: str
    body: Mapping[str, Any] | None = None
    answers: int = 200
    file: bool = False

    @property
    def request(self) -> Path:
        """The request as the table of paths has it."""
        return Path(self.method, self.path, (), dict(self.body or {}), self.file)

    @property
    def equivalent(self) -> Equivalent:
        """The operation that does the same."""
        found = EQUIVALENTS[shaped(self.request).removeprefix(API)][self.method]
        assert found is not None
        params = QueryParams(self.path.partition("?")[2])
        return next((t for name, t in found.instead.items() if params.get(name)), found)

    @property
    def variables(self) -> dict[str, Any]:
        """The variables of the operation."""
        path, _, query = self.path.partition("?")
        equivalent = self.equivalent
        key = next((part for part in path.split("/") if part.startswith("<")), "")
        if self.body is None or "input" not in equivalent.variables:
            found = filled(equivalent.variables, key)
            return {**found, **variables_of(equivalent, QueryParams(query))}
        name = equivalent.text.split("$input: ")[1].split("!")[0]
        kind = SCHEMA.get_type(name)
        assert isinstance(kind, GraphQLInputObjectType)
        written = equivalent.variables["input"]
        assert isinstance(written, Mapping)
        ids = {n: v for n, v in filled(written, key).items() if key and v == key}
        given = {input_name(n): v for n, v in self.body.items()}
        given = {OTHER_NAMES.get(n, n): v for n, v in given.items()}
        if self.file:
            given["file"] = None
        # A comment stays with its ticket, so changing it does not take one.
        taken = {n: v for n, v in given.items() if n in kind.fields}
        return {"input": {**ids, **{n: _graph(kind.fields[n].type, v) for n, v in taken.items()}}}


def _graph(kind: GraphQLInputType, value: Any) -> Any:
    """Return a value of REST as GraphQL takes it: choices by name, tags as a list."""
    if isinstance(get_named_type(kind), GraphQLEnumType):
        return value.upper()
    if isinstance(get_nullable_type(kind), GraphQLList):
        return [tag.strip() for tag in value.split(",")]
    return value


_NEW_TICKET = {
    "subject": "Zone offline",
    "description": "Zone has been offline for 2 hours",
    "priority": "high",
    "category": "technical",
    "company": "<hilton>",
    "contact": "<john>",
    "due_date": "2025-11-20T17:00:00Z",
}

CALLS: Mapping[str, tuple[Call, ...]] = {
    "Tickets": (
        Call("All tickets, newest first", "GET", "tickets/"),
        Call("Urgent ones", "GET", "tickets/?priority=urgent"),
        Call("My open ones", "GET", "tickets/?my_tickets=true&open=true"),
        Call("Search", "GET", "tickets/?search=T-20251119"),
        Call("Technical ones of nobody", "GET", "tickets/?unassigned=true&category=technical"),
        Call("A team's queue", "GET", "tickets/?assigned_team=Finance&status=pending"),
        Call("A company's open ones", "GET", "tickets/?company=<hilton>&open=true"),
        Call("Somebody's, by priority", "GET", "tickets/?assigned_to=<keith>&ordering=-priority"),
        Call("Pages of another size", "GET", "tickets/?page_size=50"),
        Call("One with its comments and files", "GET", "tickets/<offline>/"),
        Call("A new one", "POST", "tickets/", _NEW_TICKET, 201),
        Call(
            "Change some of it",
            "PATCH",
            "tickets/<offline>/",
            {"status": "in_progress", "priority": "urgent"},
        ),
        Call("Change all of it", "PUT", "tickets/<offline>/", TICKET | {"tags": "zone,urgent"}),
        Call("Delete it", "DELETE", "tickets/<offline>/", {}, 204),
        Call(
            "Comment on it",
            "POST",
            "tickets/<offline>/add_comment/",
            {"text": "I've restarted the zone device", "is_internal": False},
            201,
        ),
        Call("Assign it", "POST", "tickets/<volume>/assign/", {"user_id": "<keith>"}),
        Call("Unassign it", "POST", "tickets/<offline>/assign/", {"user_id": None}),
        Call("Statistics", "GET", "tickets/stats/"),
    ),
    "Comments": (
        Call("All comments, oldest first", "GET", "ticket-comments/"),
        Call("Those of a ticket", "GET", "ticket-comments/?ticket=<offline>"),
        Call("One", "GET", "ticket-comments/<own>/"),
        Call(
            "A new one",
            "POST",
            "ticket-comments/",
            {"ticket": "<offline>", "text": "Comment text", "is_internal": False},
            201,
        ),
        Call("Change it", "PATCH", "ticket-comments/<own>/", {"text": "Updated comment text"}),
        Call(
            "Change all of it",
            "PUT",
            "ticket-comments/<own>/",
            {"ticket": "<volume>", "text": "Updated comment text"},
        ),
        Call("Delete it", "DELETE", "ticket-comments/<own>/", {}, 204),
    ),
    "Files": (
        Call("All files", "GET", "ticket-attachments/"),
        Call("Those of a ticket", "GET", "ticket-attachments/?ticket=<offline>"),
        Call("One", "GET", "ticket-attachments/<photo>/"),
        Call("Upload one", "POST", "ticket-attachments/", {"ticket": "<offline>"}, 201, file=True),
        Call("Rename it", "PATCH", "ticket-attachments/<photo>/", {"name": "photo 2.txt"}),
        Call("Change all of it", "PUT", "ticket-attachments/<photo>/", {"name": "photo 2.txt"}),
        Call("Delete it", "DELETE", "ticket-attachments/<photo>/", {}, 204),
    ),
    "Events": (
        Call("What happened to a ticket", "GET", "ticket-events/?ticket=<offline>"),
        Call("Undo it", "POST", "ticket-events/<whispered>/undo/"),
    ),
    "Users": (
        Call("Active ones of a role", "GET", "users/?role=Tech&is_active=true"),
        Call("One", "GET", "users/<keith>/"),
        Call(
            "A new one",
            "POST",
            "users/",
            {"username": "maria", "password": "long enough", "role": "Finance"},
            201,
        ),
        Call("Change some of it", "PATCH", "users/<keith>/", {"phone": "+66 2 123 4567"}),
        Call(
            "Change all of it",
            "PUT",
            "users/<keith>/",
            {"username": "keith", "password": "long enough", "role": "Tech"},
        ),
    ),
    "Companies": (
        Call("Search", "GET", "companies/?search=hil"),
        Call("For a choice", "GET", "companies/simple/"),
        Call("One", "GET", "companies/<hilton>/"),
        Call("A new one", "POST", "companies/", {"name": "Anantara", "country": "Thailand"}, 201),
        Call("Change some of it", "PATCH", "companies/<hilton>/", {"city": "Pattaya"}),
        Call("Change all of it", "PUT", "companies/<hilton>/", {"name": "Hilton"}),
    ),
    "Contacts": (
        Call("Those of a company", "GET", "contacts/?company=<hilton>"),
        Call("One", "GET", "contacts/<john>/"),
        Call("A new one", "POST", "contacts/", CONTACT, 201),
        Call("Change some of it", "PATCH", "contacts/<john>/", {"title": "Manager"}),
        Call("Change all of it", "PUT", "contacts/<john>/", CONTACT | {"name": "John"}),
    ),
    "Logging in": (
        Call("Log in", "POST", "auth/login/", {"username": "keith", "password": "secret"}, 400),
        Call("Another access token", "POST", "auth/refresh/", {"refresh": "eyJ0…"}, 401),
        Call("Log out", "POST", "auth/logout/", {"refresh": "eyJ0…"}),
        Call("Who am I?", "GET", "auth/me/"),
        Call("Log in", "POST", "jwt/token/", {"username": "keith", "password": "secret"}, 401),
        Call("Another access token", "POST", "jwt/token/refresh/", {"refresh": "eyJ0…"}, 401),
        Call("Is my token valid?", "POST", "jwt/token/verify/", {"token": "eyJ0…"}, 401),
    ),
}


def every_call() -> Iterator[Call]:
    """Yield all of them."""
    for calls in CALLS.values():
        yield from calls
