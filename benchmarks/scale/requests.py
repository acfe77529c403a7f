"""The requests that are measured on each desk."""

from collections.abc import Mapping
from urllib.parse import quote

import orjson

from benchmarks.requests import PAGE, Request
from benchmarks.scale.desks import RARE_WORD, Desk

_NODE = "id ticketNumber subject status priority createdAt company { id name }"


def requests(desk: Desk, headers: Mapping[str, str], cursor: str) -> list[Request]:
    """Return the requests, reads first; ``cursor`` is that of a ticket in the middle."""
    assert desk.middle is not None
    number, ticket = desk.middle["ticket_number"], desk.middle["id"]
    half = desk.tickets // PAGE // 2

    def tickets(title: str, arguments: str = "", *, count: bool = False) -> Request:
        counted = "totalCount " if count else ""
        found = f"{counted}nodes {{ {_NODE} }}"
        return graphql(title, headers, f"{{ tickets(first: {PAGE} {arguments}) {{ {found} }} }}")

    def rest(title: str, path: str) -> Request:
        return Request(title, "GET", f"/api/v1/tickets/{path}", dict(headers))

    def search(title: str, term: str) -> Request:
        # As a phrase: a name of two words would be two terms.
        return tickets(title, f'filter: {{ search: "\\"{term}\\"" }}', count=True)

    return [
        tickets("List"),
        tickets("List by priority", "orderBy: [{ field: PRIORITY, direction: DESC }]"),
        tickets("Page by cursor, half way", f'after: "{cursor}"'),
        graphql("Detail", headers, f'{{ ticket(id: "{ticket}") {{ {_NODE} description }} }}'),
        tickets("List with totalCount", count=True),
        tickets(
            "Open urgent with totalCount",
            "filter: { open: true, priority: { eq: URGENT } }",
            count=True,
        ),
        rest("REST list", f"?page_size={PAGE}"),
        rest("REST open=true", f"?open=true&page_size={PAGE}"),
        rest("REST team queue", f"?assigned_team=Tech&open=true&page_size={PAGE}"),
        rest("REST my open tickets", f"?my_tickets=true&open=true&page_size={PAGE}"),
        rest("REST statistics", "stats/"),
        search("Search: a rare word", RARE_WORD),
        search("Search: a ticket number", number),
        search("Search: a company's name", desk.companies[len(desk.companies) // 2]),
        search("Search: no match", "zzyzx"),
        search("Search: a frequent word", "invoice"),
        graphql(
            "Search everything: a rare word",
            headers,
            f'{{ search(query: "{RARE_WORD}", first: {PAGE}) {{ edges {{ cursor '
            f"snippets {{ field parts {{ text highlighted }} }} "
            f"node {{ ... on Ticket {{ {_NODE} }} }} }} }} }}",
        ),
        rest("REST search: a rare word", f"?search={quote(RARE_WORD)}&page_size={PAGE}"),
        rest("REST offset, half way", f"?page={half or 1}&page_size={PAGE}"),
        *_writes(desk, headers),
    ]


def cursor_of(desk: Desk, headers: Mapping[str, str]) -> Request:
    """Return the request for the cursor of the ticket in the middle."""
    assert desk.middle is not None
    at = f"{desk.middle['created_at']:%Y-%m-%dT%H:%M:%S.%fZ}"
    arguments = f'first: 1, filter: {{ createdAt: {{ lte: "{at}" }} }}'
    return graphql(
        "The cursor", headers, f"{{ tickets({arguments}) {{ pageInfo {{ endCursor }} }} }}"
    )


def graphql(title: str, headers: Mapping[str, str], query: str) -> Request:
    """Return the request for a GraphQL operation."""
    json = {**headers, "Content-Type": "application/json"}
    return Request(title, "POST", "/graphql", json, orjson.dumps({"query": query}))


def _writes(desk: Desk, headers: Mapping[str, str]) -> list[Request]:
    assert desk.middle is not None
    ticket, company = str(desk.middle["id"]), str(desk.middle["company_id"])

    def rest(title: str, method: str, path: str, body: dict[str, object]) -> Request:
        json = {**headers, "Content-Type": "application/json"}
        return Request(title, method, f"/api/v1/{path}", json, orjson.dumps(body))

    made = {"subject": "No sound", "description": "Since this morning.", "company": company}
    return [
        rest("REST create", "POST", "tickets/", {**made, "category": "technical"}),
        rest("REST comment", "POST", "ticket-comments/", {"ticket": ticket, "text": "On it."}),
        rest("REST patch", "PATCH", f"tickets/{ticket}/", {"subject": "No sound at all #"}),
    ]
