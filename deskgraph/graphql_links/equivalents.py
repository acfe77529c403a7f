"""The GraphQL operation that is equivalent to each REST path and method.

Tests run every one: its text is valid for the schema, and a read returns the same rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from deskgraph.graphql_links.selections import counts, selection
from resolvers.query.shapes import Shape
from rest_compat.endpoints import attachments, comments, events, people, tickets
from rest_compat.lists.list_endpoint import ListEndpoint
from rest_compat.serializers import shapes
from schema.types.page_arguments import MAX_PAGE_SIZE

# Placeholders: of the id in the path, and of values that only the client knows.
ID = object()
YOURS = "…"


@dataclass(frozen=True, eq=False)
class Equivalent:
    """One operation, and how its variables are made of the request.

    Of a ``listing``, ``filters`` names the filters that GraphQL has, too; they become the argument
    ``filter``, or an argument each where it is not ``nested``. ``instead`` is another
    operation for requests with a parameter.
    """

    text: str
    variables: Mapping[str, object] = field(default_factory=dict)
    listing: ListEndpoint | None = None
    filters: frozenset[str] = frozenset()
    nested: bool = True
    ordered: bool = False
    paged: bool = False
    instead: "Mapping[str, Equivalent]" = field(default_factory=dict)


def _one(entity: str, shape: Shape) -> Equivalent:
    chosen = f"... on {entity} {selection(entity, shape)}"
    return Equivalent(f"query {entity}($id: ID!) {{ node(id: $id) {{ {chosen} }} }}", {"id": ID})


def _list(name: str, types: Mapping[str, str], listing: ListEndpoint, *missing: str) -> Equivalent:
    """Return the equivalent of a list.

    ``types`` are those of the variables besides ``first``, ``missing`` are filters that GraphQL
    does not have.
    """
    declared = ", ".join(f"${one}: {kind}" for one, kind in {**types, "first": "Int"}.items())
    passed = ", ".join(f"{one}: ${one}" for one in [*types, "first"])
    rows = selection(listing.entity, listing.shape)
    title = name[0].upper() + name[1:]
    return Equivalent(
        f"query {title}({declared}) {{ {name}({passed}) {{ totalCount nodes {rows} "
        "pageInfo { hasNextPage endCursor } } }",
        listing=listing,
        filters=frozenset(listing.filters).difference(missing),
        nested="filter" in types,
        ordered="orderBy" in types,
        paged=True,
    )


def _write(operation: str, answer: str, /, **given: object) -> Equivalent:
    """Return the equivalent of a write: its input has the ids of the path and placeholders."""
    kind = operation[0].upper() + operation[1:]
    return Equivalent(
        f"mutation {kind}($input: {kind}Input!) {{ {operation}(input: $input) "
        f"{{ {answer} errors {{ message code field }} }} }}",
        {"input": given},
    )


_TICKET = f"ticket {selection('Ticket', shapes.TICKET)}"
_COMMENT = f"comment {selection('Comment', shapes.COMMENT)}"
_ATTACHMENT = selection("Attachment", shapes.ATTACHMENT)
_USER = f"user {selection('User', shapes.USER)}"
_COMPANY = f"company {selection('Company', shapes.COMPANY)}"
_CONTACT = f"contact {selection('Contact', shapes.CONTACT)}"
_LOGIN = _write("login", f"accessToken refreshToken {_USER}", username=YOURS, password=YOURS)
_REFRESH = _write("refreshToken", "accessToken refreshToken", refreshToken=YOURS)
_UPDATE_TICKET = _write("updateTicket", _TICKET, id=ID, subject=YOURS)
_UPDATE_COMMENT = _write("updateComment", _COMMENT, id=ID, text=YOURS)
_UPDATE_ATTACHMENT = _write("updateAttachment", f"attachment {_ATTACHMENT}", id=ID, name=YOURS)
_UPDATE_USER = _write("updateUser", _USER, id=ID, firstName=YOURS)
_UPDATE_COMPANY = _write("updateCompany", _COMPANY, id=ID, name=YOURS)
_UPDATE_CONTACT = _write("updateContact", _CONTACT, id=ID, name=YOURS)
# GraphQL has no list of all files: they are read by ticket.
_OF_TICKET = Equivalent(
    "query Attachments($ticket: ID!) { node(id: $ticket) { ... on Ticket "
    f"{{ attachments {_ATTACHMENT} }} }} }}",
    {"ticket": YOURS},
    listing=attachments.LISTING,
    filters=frozenset({"ticket"}),
    nested=False,
)
_ATTACHMENTS = Equivalent(
    f"query Attachments {{ tickets(first: {MAX_PAGE_SIZE}) "
    f"{{ nodes {{ attachments {_ATTACHMENT} }} }} }}",
    instead={"ticket": _OF_TICKET},
)

# GraphQL does not have these filters of companies.
_COMPANY_FILTERS = ("country", "industry", "is_active")

EQUIVALENTS: Mapping[str, Mapping[str, Equivalent | None]] = {
    "tickets/": {
        "GET": _list(
            "tickets",
            {"filter": "TicketFilter", "orderBy": "[TicketOrder!]"},
            tickets.LISTING,
        ),
        "POST": _write("createTicket", _TICKET, companyId=YOURS, subject=YOURS, description=YOURS),
    },
    "tickets/stats/": {
        "GET": Equivalent(
            "query Statistics($filter: TicketFilter) { ticketStats(filter: $filter) "
            f"{counts(shapes.STATISTICS)} }}",
            listing=tickets.LISTING,
            filters=frozenset(tickets.LISTING.filters),
        )
    },
    "tickets/{id}/": {
        "GET": Equivalent(
            f"query Ticket($id: ID!) {{ ticket(id: $id) {_TICKET[7:]} }}", {"id": ID}
        ),
        "PUT": _UPDATE_TICKET,
        "PATCH": _UPDATE_TICKET,
        "DELETE": _write("deleteTicket", "deletedTicketId", id=ID),
    },
    "tickets/{id}/add_comment/": {
        "POST": _write(
            "addComment", f"comment {{ id }} {_TICKET}", ticketId=ID, text=YOURS, isInternal=False
        )
    },
    "tickets/{id}/assign/": {"POST": _write("assignTicket", _TICKET, id=ID, userId=YOURS)},
    "ticket-comments/": {
        "GET": _list("comments", {"filter": "CommentFilter"}, comments.LISTING),
        "POST": _write("addComment", _COMMENT, ticketId=YOURS, text=YOURS, isInternal=False),
    },
    "ticket-comments/{id}/": {
        "GET": _one("Comment", shapes.COMMENT),
        "PUT": _UPDATE_COMMENT,
        "PATCH": _UPDATE_COMMENT,
        "DELETE": _write("deleteComment", "deletedCommentId", id=ID),
    },
    "ticket-attachments/": {
        "GET": _ATTACHMENTS,
        "POST": _write("uploadAttachment", f"attachment {_ATTACHMENT}", ticketId=YOURS, file=None),
    },
    "ticket-events/": {
        "GET": _list("ticketEvents", {"filter": "TicketEventFilter"}, events.LISTING)
    },
    "ticket-events/{id}/undo/": {"POST": _write("undo", _TICKET, eventId=ID)},
    "ticket-attachments/{id}/": {
        "GET": _one("Attachment", shapes.ATTACHMENT),
        "PUT": _UPDATE_ATTACHMENT,
        "PATCH": _UPDATE_ATTACHMENT,
        "DELETE": _write("deleteAttachment", "deletedAttachmentId", id=ID),
    },
    "users/": {
        "GET": _list("users", {"filter": "UserFilter"}, people.USERS),
        "POST": _write("createUser", _USER, username=YOURS, password=YOURS, role="TECH"),
    },
    "users/{id}/": {
        "GET": _one("User", shapes.USER),
        "PUT": _UPDATE_USER,
        "PATCH": _UPDATE_USER,
    },
    "companies/": {
        "GET": _list("companies", {"search": "String"}, people.COMPANIES, *_COMPANY_FILTERS),
        "POST": _write("createCompany", _COMPANY, name=YOURS),
    },
    "companies/simple/": {
        "GET": Equivalent(
            "query Companies($search: String) "
            f"{{ companies(search: $search, first: {MAX_PAGE_SIZE}) "
            f"{{ nodes {selection('Company', shapes.SIMPLE_COMPANY)} }} }}",
            listing=people.COMPANIES,
            filters=frozenset({"search"}),
            nested=False,
        )
    },
    "companies/{id}/": {
        "GET": _one("Company", shapes.COMPANY),
        "PUT": _UPDATE_COMPANY,
        "PATCH": _UPDATE_COMPANY,
    },
    "contacts/": {
        "GET": _list(
            "contacts",
            {"filter": "ContactFilter"},
            people.CONTACTS,
            "contact_type",
        ),
        "POST": _write("createContact", _CONTACT, companyId=YOURS, name=YOURS),
    },
    "contacts/{id}/": {
        "GET": _one("Contact", shapes.CONTACT),
        "PUT": _UPDATE_CONTACT,
        "PATCH": _UPDATE_CONTACT,
    },
    "auth/login/": {"POST": _LOGIN},
    "auth/refresh/": {"POST": _REFRESH},
    "auth/logout/": {"POST": _write("logout", "ok", refreshToken=YOURS)},
    "auth/me/": {"GET": Equivalent(f"query Me {{ viewer {_USER[5:]} }}")},
    "jwt/token/": {"POST": _LOGIN},
    "jwt/token/refresh/": {"POST": _REFRESH},
    # A valid token has a viewer.
    "jwt/token/verify/": {"POST": Equivalent("query Verify { viewer { id } }")},
    # The schema lists the lists.
    "": {"GET": None},
}
