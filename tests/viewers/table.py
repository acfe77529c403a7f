"""Who sees and may do what: a row for each query, mutation and REST path, a column a viewer.

``<name>`` stands for the id of a row of the world. A cell of a read names the objects that the
answer shows; a cell of a write says how it ends; a number is a status of HTTP.
"""

from dataclasses import dataclass, field
from typing import Any

from graphql import GraphQLSchema

from tests.support.graphql_client import client_schema
from tests.support.named_rows import PASSWORD

# The columns: an Admin, a technician, a customer, one of another company, and nobody.
VIEWERS = ("admin", "keith", "carla", "olga", None)
STRANGER = "UNAUTHENTICATED"

_HILTON = (
    "hilton carla colin john offline volume public own photo scan opened moved said filed erased"
)
# All that may appear in an answer, however deep. The technician who answered the customer is
# known to them; the Admin, who wrote to staff only, is not.
MAY_SEE: dict[str | None, frozenset[str]] = {
    "carla": frozenset(f"{_HILTON} keith".split()),
    "olga": frozenset(["centara", "olga", "jane", "bill", "theirs", "receipt", "billed", "wiped"]),
    None: frozenset(),
}
MAY_SEE["keith"] = frozenset(
    ["admin", "gone", "internal", "note", "whispered", *MAY_SEE["carla"], *MAY_SEE["olga"]]
)
# Webhooks exist for Admins only, and they see the jobs of all.
MAY_SEE["admin"] = frozenset(
    [*("hook", "sent", "tidied", "waiting", "hers", "refused", "denied"), *MAY_SEE["keith"]]
)
MAY_SEE["keith"] |= {"tidied", "waiting", "refused"}
MAY_SEE["carla"] |= {"hers", "denied"}

SCHEMA: GraphQLSchema = client_schema()
OK, NOT_FOUND, FORBIDDEN, INVALID = "ok", "NOT_FOUND", "FORBIDDEN", "INVALID"


@dataclass(frozen=True)
class Read:
    """A root field of ``Query`` as it is asked for."""

    call: str
    cells: tuple[Any, ...]

    @property
    def field(self) -> str:
        return self.call.split("(")[0]


@dataclass(frozen=True)
class Write:
    """A mutation, its input, and how it ends."""

    field: str
    given: dict[str, Any]
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Path:
    """A request to the REST API; ``file``: the body is a form with a file."""

    method: str
    path: str
    cells: tuple[Any, ...]
    body: dict[str, Any] = field(default_factory=dict)
    file: bool = False


def one(name: str) -> tuple[str, ...]:
    """Return the cells of one object by its id."""
    return (*(name if name in MAY_SEE[who] else "" for who in VIEWERS[:4]), STRANGER)


def seen(staff: str, customer: str, outsider: str) -> tuple[str, ...]:
    """Return the cells of a list, in any order."""
    return (staff, staff, customer, outsider, STRANGER)


TICKETS = seen("offline volume bill", "offline volume", "bill")
COMMENTS = seen("public internal own note theirs", "public own", "theirs")
PEOPLE = seen("admin keith gone carla colin olga", "carla colin", "olga")
EVENTS = seen(
    "opened billed moved said whispered filed erased wiped",
    "opened moved said filed erased",
    "billed wiped",
)
NODES = (
    *("offline", "volume", "bill", "public", "internal", "own", "note", "theirs"),
    *("photo", "scan", "receipt", "hilton", "centara", "john", "jane"),
    *("carla", "colin", "olga"),
    *("opened", "billed", "moved", "said", "whispered", "filed", "erased"),
    *("hook", "sent", "tidied", "waiting", "hers", "refused", "denied"),
)

READS = [
    *(Read(f'node(id: "<{name}>")', one(name)) for name in NODES),
    # Customers can fetch the staff to whom something that they see leads, and no others.
    Read('node(id: "<keith>")', seen("keith", "keith", "")),
    Read('node(id: "<admin>")', seen("admin", "", "")),
    Read('node(id: "<admin>")', seen("admin", "", "")),
    Read('node(id: "<nothing>")', seen("", "", "")),
    Read(
        'nodes(ids: ["<internal>", "<offline>", "<bill>", "<olga>", "<nothing>"])',
        seen("internal offline bill olga", "offline", "bill olga"),
    ),
    # Nothing is counted in these tests.
    Read("rateLimit", ("", "", "", "", "")),
    Read("viewer", ("admin", "keith", "carla", "olga", "")),
    *(Read(f'ticket(id: "<{name}>")', one(name)) for name in ("offline", "volume", "bill")),
    Read('ticket(ticketNumber: "T-20251109-0003")', one("bill")),
    Read("tickets", TICKETS),
    Read(
        'tickets(filter: {company: {eq: "<hilton>"}})',
        seen("offline volume", "offline volume", ""),
    ),
    Read('tickets(filter: {assignedTo: {eq: "<keith>"}})', seen("offline", "offline", "")),
    Read('tickets(filter: {search: "Subject"})', TICKETS),
    Read('tickets(filter: {search: "ourselves"})', seen("", "", "")),
    Read('tickets(filter: {not: {search: "nothing"}})', TICKETS),
    Read("tickets(filter: {or: [{open: true}, {open: false}]}, first: 100)", TICKETS),
    Read("exportTickets", ("tickets-2025-11-19-120000.csv",) * 4 + (STRANGER,)),
    Read('importRejects(jobId: "<nothing>")', ("", "", "", "", STRANGER)),
    Read("ticketEvents(first: 100)", EVENTS),
    Read('ticketEvents(after: "", last: 100)', EVENTS),
    Read("ticketEvents(filter: {isInternal: true})", seen("whispered", "", "")),
    Read(
        'ticketEvents(filter: {ticket: {eq: "<offline>"}})',
        seen("opened said whispered", "opened said", ""),
    ),
    Read(
        'ticketEvents(filter: {tickets: {company: {eq: "<centara>"}}})',
        seen("billed erased wiped", "erased", "billed wiped"),
    ),
    Read('ticketEvents(filter: {actor: {eq: "<admin>"}})', seen("whispered", "", "")),
    Read("ticketStats", (3, 3, 2, 1, STRANGER)),
    Read('ticketStats(filter: {company: {eq: "<centara>"}})', (1, 1, 0, 1, STRANGER)),
    Read("comments", COMMENTS),
    Read("comments(filter: {isInternal: true})", seen("internal note", "", "")),
    Read('comments(filter: {ticket: {eq: "<offline>"}})', seen("public internal", "public", "")),
    Read('comments(filter: {author: {eq: "<admin>"}})', seen("note", "", "")),
    Read('search(query: "text of")', seen("public own theirs", "public own", "theirs")),
    Read('search(query: "ourselves")', seen("internal note hilton centara", "", "")),
    Read(
        'search(query: "hilton", types: [CONTACT, COMPANY])',
        seen("hilton john", "hilton john", ""),
    ),
    Read("users", PEOPLE),
    # All find themselves by their address, and Admins everybody.
    Read(
        'users(filter: {search: "desk.example"})',
        ("admin keith gone carla colin olga", "keith", "carla", "olga", STRANGER),
    ),
    Read('users(filter: {search: "admin@desk"})', ("admin", "", "", "", STRANGER)),
    Read('users(filter: {search: "ol"})', seen("colin olga", "colin", "olga")),
    Read('users(filter: {company: {eq: "<centara>"}})', seen("olga", "", "olga")),
    Read("companies", seen("hilton centara", "hilton", "centara")),
    Read('companies(search: "centara")', seen("centara", "", "centara")),
    Read("webhooks", ("hook", "", "", "", STRANGER)),
    Read('webhook(id: "<hook>")', one("hook")),
    Read("bulkJobs", ("tidied waiting hers", "tidied waiting", "hers", "", STRANGER)),
    *(Read(f'bulkJob(id: "<{name}>")', one(name)) for name in ("tidied", "hers")),
    Read("contacts", seen("john jane", "john", "jane")),
    Read('contacts(filter: {company: {eq: "<hilton>"}})', seen("john", "john", "")),
]

# What is told of the past, in order.
FOLLOWED = [
    Read('ticketEvents(after: "")', EVENTS),
    Read('ticketEvents(after: "", types: [CREATED, DELETED])', seen(
        "opened billed erased wiped", "opened erased", "billed wiped")),
    Read('ticketEvents(after: "", filter: {search: "Subject of offline"})', seen(
        "opened said whispered erased wiped", "opened said erased", "wiped")),
    *(Read(f'bulkJobProgress(id: "<{name}>")',
           tuple(cell or NOT_FOUND for cell in one(name))) for name in ("tidied", "hers")),
]  # fmt: skip

ADMINS = (OK, FORBIDDEN, FORBIDDEN, FORBIDDEN, STRANGER)
STAFF = (OK, OK, FORBIDDEN, NOT_FOUND, STRANGER)
UNKNOWN = (OK, NOT_FOUND, NOT_FOUND, NOT_FOUND, STRANGER)
COMPANYS = (OK, OK, OK, NOT_FOUND, STRANGER)
HIDDEN = (OK, OK, NOT_FOUND, NOT_FOUND, STRANGER)

EVERYBODY = (OK, OK, OK, OK, STRANGER)
OWN_PASSWORD = (INVALID, INVALID, INVALID, INVALID, STRANGER)
NEW_PASSWORD = "a new one, long enough"
NEW_TICKET = {"subject": "S", "description": "D"}
NEW_USER = {"username": "new", "password": "long enough"}
WRITES = [
    Write("login", {"username": "keith", "password": "wrong"}, (INVALID,) * 5),
    Write("refreshToken", {"refreshToken": "garbage"}, (STRANGER,) * 5),
    Write("logout", {"refreshToken": "garbage"}, ("nothing",) * 5),
    Write("logoutEverywhere", {}, EVERYBODY),
    Write("changePassword", {"oldPassword": "wrong", "newPassword": NEW_PASSWORD}, OWN_PASSWORD),
    Write("changePassword", {"oldPassword": PASSWORD, "newPassword": NEW_PASSWORD}, EVERYBODY),
    Write("createTicket", NEW_TICKET | {"companyId": "<hilton>"}, (OK, OK, OK, INVALID, STRANGER)),
    Write("createTicket", NEW_TICKET | {"companyId": "<centara>"}, (OK, OK, INVALID, OK, STRANGER)),
    Write(
        "createTicket",
        NEW_TICKET | {"companyId": "<hilton>", "contactId": "<jane>"},
        (INVALID, INVALID, INVALID, INVALID, STRANGER),
    ),
    Write(
        "createTicket",
        NEW_TICKET | {"companyId": "<hilton>", "assignedToId": "<keith>"},
        (OK, OK, FORBIDDEN, FORBIDDEN, STRANGER),
    ),
    Write("updateTicket", {"id": "<offline>", "subject": "S"}, STAFF),
    Write("updateTicket", {"id": "<volume>", "subject": "S"}, COMPANYS),
    Write("updateTicket", {"id": "<volume>", "status": "CLOSED"}, STAFF),
    Write(
        "updateTicket",
        {"id": "<volume>", "contactId": "<jane>"},
        (INVALID, INVALID, INVALID, NOT_FOUND, STRANGER),
    ),
    Write("assignTicket", {"id": "<volume>", "userId": "<keith>"}, STAFF),
    Write("assignTicket", {"id": "<offline>", "userId": None}, STAFF),
    Write("deleteTicket", {"id": "<offline>"}, STAFF),
    Write("deleteTicket", {"id": "<volume>"}, STAFF),
    Write("addComment", {"ticketId": "<offline>", "text": "T"}, COMPANYS),
    Write("addComment", {"ticketId": "<volume>", "text": "T", "isInternal": True}, STAFF),
    Write("updateComment", {"id": "<public>", "text": "T"}, STAFF),
    Write("updateComment", {"id": "<own>", "text": "T"}, COMPANYS),
    Write("updateComment", {"id": "<own>", "isInternal": True}, STAFF),
    Write("updateComment", {"id": "<internal>", "isInternal": False}, HIDDEN),
    Write("deleteComment", {"id": "<public>"}, STAFF),
    Write("deleteComment", {"id": "<own>"}, COMPANYS),
    Write("deleteComment", {"id": "<note>"}, HIDDEN),
    Write("uploadAttachment", {"ticketId": "<offline>", "file": None}, COMPANYS),
    # What comes has no columns that are known.
    Write("importTickets", {"file": None}, (INVALID, INVALID, INVALID, INVALID, STRANGER)),
    Write("updateAttachment", {"id": "<photo>", "name": "new"}, STAFF),
    Write("updateAttachment", {"id": "<scan>", "name": "new"}, COMPANYS),
    Write("updateAttachment", {"id": "<receipt>", "name": "n"}, (OK, OK, NOT_FOUND, OK, STRANGER)),
    Write("deleteAttachment", {"id": "<photo>"}, STAFF),
    Write("deleteAttachment", {"id": "<scan>"}, COMPANYS),
    Write("undo", {"eventId": "<whispered>"}, HIDDEN),
    Write("undo", {"eventId": "<opened>"}, (INVALID, INVALID, INVALID, NOT_FOUND, STRANGER)),
    Write("startBulkCreate", {"inputs": [NEW_TICKET | {"companyId": "<hilton>"}]}, EVERYBODY),
    Write("startBulkUpdate", {"ids": ["<bill>"], "changes": {"subject": "S"}}, EVERYBODY),
    Write(
        "startBulkUpdate",
        {"ids": ["<bill>"], "changes": {"companyId": "<centara>"}},
        (OK, OK, INVALID, OK, STRANGER),
    ),
    Write("startBulkDelete", {"ids": ["<offline>"]}, EVERYBODY),
    Write("cancelBulkJob", {"id": "<waiting>"}, HIDDEN),
    Write("undoBulkJob", {"id": "<tidied>"}, HIDDEN),
    Write("undoBulkJob", {"id": "<hers>"}, (OK, NOT_FOUND, OK, NOT_FOUND, STRANGER)),
    Write("createCompany", {"name": "New"}, ADMINS),
    Write("updateCompany", {"id": "<hilton>", "name": "New"}, ADMINS),
    Write("deactivateCompany", {"id": "<hilton>"}, ADMINS),
    Write("createContact", {"companyId": "<hilton>", "name": "New"}, ADMINS),
    Write("updateContact", {"id": "<john>", "name": "New"}, ADMINS),
    Write("deactivateContact", {"id": "<john>"}, ADMINS),
    Write("createUser", NEW_USER | {"role": "TECH"}, ADMINS),
    Write("createUser", NEW_USER | {"role": "CUSTOMER", "companyId": "<hilton>"}, ADMINS),
    Write("updateUser", {"id": "<carla>", "firstName": "New"}, ADMINS),
    Write("updateUser", {"id": "<keith>", "role": "ADMIN"}, ADMINS),
    Write("deactivateUser", {"id": "<keith>"}, ADMINS),
    Write("createWebhook", {"url": "https://hooks.example/new"}, ADMINS),
    Write("updateWebhook", {"id": "<hook>", "url": "https://hooks.example/new"}, UNKNOWN),
    Write("updateWebhook", {"id": "<hook>", "url": "ftp://wrong"}, (INVALID, *UNKNOWN[1:])),
    Write("deleteWebhook", {"id": "<hook>"}, UNKNOWN),
    Write("rotateWebhookSecret", {"id": "<hook>"}, UNKNOWN),
    Write("pingWebhook", {"id": "<hook>"}, UNKNOWN),
    Write("redeliver", {"id": "<sent>"}, UNKNOWN),
]  # fmt: skip
