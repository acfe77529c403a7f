"""Requests of every kind, from nearly right to plain noise, to every route that there is."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus

from hypothesis import strategies as st
from starlette.routing import Route

from rest_compat.endpoints import people
from rest_compat.endpoints.comments import LISTING as COMMENTS
from rest_compat.endpoints.tickets import LISTING as TICKETS
from rest_compat.http.endpoint import Endpoint
from rest_compat.serializers import request_fields
from tests.support.named_rows import PASSWORD
from tests.support.rows import key

PEOPLE = ("admin", "admin", "keith", "keith", "carla", "carla", "olga", "gone", None)
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "PURGE")
READING = frozenset({"GET", "HEAD", "OPTIONS"})
ROWS = ("offline", "volume", "bill", "public", "internal", "photo", "hilton", "centara", "john")
IDS = [str(key(name)) for name in (*ROWS, "admin", "keith", "carla")]
# Ids that lead somewhere, by what their path is about; other paths take any of them.
FITTING = {
    "tickets": ("offline", "volume", "bill"),
    "ticket-comments": ("public", "internal"),
    "ticket-attachments": ("photo",),
    "companies": ("hilton", "centara"),
    "contacts": ("john",),
    "users": ("admin", "keith", "carla", "gone"),
}
NOBODY = "99999999-0000-4000-8000-000000000000"
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=b"
FIELDS = sorted(
    {
        *request_fields.TICKET,
        *request_fields.COMMENT,
        *request_fields.ATTACHMENT,
        *request_fields.LOGIN,
    }
    | {*people.USER, *people.COMPANY, *people.CONTACT}
    | {"user_id", "refresh", "token", "file", "query", "variables", "operationName"}
    | {"id", "version", "created_by", "created_at", "comments", "ticket_number"}
)
PARAMETERS = sorted(
    {*TICKETS.filters, *COMMENTS.filters, *people.USERS.filters}
    | {*people.COMPANIES.filters, *people.CONTACTS.filters}
    | {"page", "page_size", "limit", "offset", "ordering", "format", "expires", "signature"}
)
# Right for every form at once: what a path does not know it ignores.
RIGHT: dict[str, Any] = {
    "subject": "S",
    "description": "D",
    "company": str(key("hilton")),
    "ticket": str(key("offline")),
    "text": "T",
    "name": "N",
    "user_id": str(key("keith")),
    "username": "keith",
    "password": PASSWORD,
    "query": "{ viewer { id } tickets { totalCount } }",
}
ODD_TEXTS = st.sampled_from(
    [
        "", " ", "\0", "a\0b", "\ud800", "\udfff\ud800", "\u202e\u2066x", "\u200b",
        "\ufeff", "\uffff",
        "🎵" * 300, "x" * 201, "x" * 70_000,
        "١٢٣", "²", "true", "null", "1e400", "NaN", "-0", "0",
        "9" * 400, "-1", "1_0", "%", "_", "\\", "'", '"', "';--", "{}", "[]", "../../etc/passwd",
        "\r\nX: y", "${jndi:x}", "<script>", "İ", "ß", "0001-01-01", "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59-01:00", "0000-01-01T00:00Z",
        "2025-11-20T10:00:00Z", "2025-W01-1", "-infinity", "infinity", "99999-01-01T00:00:00Z",
        "last", "1", "2", "20", "1000", "2147483648", "9223372036854775808", "Tech", "Customer",
        "Admin", "new", "closed", "urgent", "technical", "a@b.example", "http://a.example",
        "created_at,-priority", "-due_date", "json", NOBODY, key("hilton").hex,
        f"{{{key('john')}}}",
    ]
)  # fmt: skip
TEXTS = st.sampled_from(IDS) | ODD_TEXTS | st.text(max_size=20)
NUMBERS = st.sampled_from(
    [0, 1, -1, 2**31, 2**63, 2**64, 10**40, 0.5, -0.0, float("inf"), float("-inf"), float("nan")]
)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from(FIELDS) | TEXTS
NOISE = st.binary(max_size=60) | st.sampled_from(
    [
        b"{", b"[" * 5_000,
        b'{"a":' * 5_000, b'{"subject": 1e400}', b'{"a": ' + b"9" * 5_000 + b"}",
        b"\xef\xbb\xbf{}", b"\xff\xfe{\0}\0", b"null", b"[]", b"5", b"a=%", b"%00=%ff",
        b"--b", b"--b--",
        b"--b\r\n\r\n\r\n--b--\r\n", b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n",
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="\xff\0"\r\n\r\nx\r\n--b--'
        b"\r\n",
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nx',
    ]
)  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """A request as a server would hand it on; ``who`` asks, None is a stranger."""

    method: str
    path: str
    query: bytes = b""
    who: str | None = None
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""

    @property
    def reads(self) -> bool:
        """Whether a request of this method may never change anything."""
        return self.method not in ("POST", "PUT", "PATCH", "DELETE")


def raw(text: str) -> bytes:
    """Encode a text that may hold half a surrogate pair."""
    return text.encode("utf-8", "surrogatepass")


def multipart(fields: Sequence[tuple[str, Any]], content: bytes | None) -> bytes:
    """Write fields, and a file after or before them."""
    parts = [
        b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (raw(n), raw(str(v)))
        for n, v in fields
    ]
    if content is not None:
        head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
        parts.insert(len(content) % (len(parts) + 1), head + content + b"\r\n")
    return b"".join(parts) + b"--b--\r\n"


def form(fields: Sequence[tuple[str, Any]]) -> bytes:
    """Write fields as a form."""
    return "&".join(f"{quote_plus(raw(n))}={quote_plus(raw(str(v)))}" for n, v in fields).encode()


@st.composite
def fields(draw: st.DrawFn) -> dict[str, Any]:
    """Draw what a body says: all that is right, or little, with some of it changed."""
    said = {} if draw(st.integers(0, 3)) == 3 else dict(RIGHT)
    changes = draw(st.sampled_from([0, 0, 1, 3]))
    return said | draw(st.dictionaries(NAMES, VALUES, max_size=changes))


@st.composite
def bodies(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """Draw a body and its type, which is mostly the right one."""
    kind = draw(st.sampled_from([JSON, JSON, JSON, FORM, MULTIPART, MULTIPART, "noise", "none"]))
    if kind == "none":
        return b"", b""
    if kind == "noise":
        types = st.sampled_from([JSON, FORM, MULTIPART, "multipart/form-data; boundary=", "*/*"])
        return draw(NOISE), draw(types).encode() if draw(st.booleans()) else draw(st.binary())
    said = draw(fields())
    if kind == JSON:
        return json.dumps(said).encode(), JSON.encode()
    if kind == FORM:
        return form(list(said.items())), FORM.encode()
    content = draw(st.none() | st.sampled_from([b"", b"x", b"\r\n--b", b"x" * 100_000]))
    return multipart(list(said.items()), content), MULTIPART.encode()


@st.composite
def queries(draw: st.DrawFn) -> bytes:
    """Draw a query of known and other parameters, or noise."""
    kind = draw(st.integers(0, 9))
    if kind < 5:
        return b""
    if kind == 9:
        return draw(st.binary(max_size=30))
    names = st.sampled_from(PARAMETERS) | TEXTS
    return form(draw(st.lists(st.tuples(names, TEXTS), max_size=3)))


HEADERS = st.lists(
    st.tuples(
        st.sampled_from([b"accept", b"x-forwarded-proto", b"if-match", b"range", b"origin", b"x"]),
        st.sampled_from([b"*/*", b"application/json", b"text/html", b"\xff", b"null", b"bytes=0-"])
        | st.binary(max_size=20),
    ),
    max_size=1,
)
CREDENTIALS = st.sampled_from(
    [b"Bearer", b"Bearer x", b"bearer x", b"Bearer a b", b"Basic a2VpdGg6", b"\xff",
     b"Bearer \xc3\xa9", b"Bearer eyJhbGciOiJub25lIn0.e30.",
     b"Bearer eyJhbGciOiJIUzI1NiJ9.e30.x", b"Bearer " + b"a" * 5000]
)  # fmt: skip


def paths(routes: Sequence[object]) -> dict[str, list[str]]:
    """Return all paths with their methods; what is added to them is fuzzed without an edit here."""
    found = {}
    for route in routes:
        if isinstance(route, Route):
            endpoint = route.endpoint
            known = endpoint.methods if isinstance(endpoint, Endpoint) else route.methods or ()
            found[route.path] = sorted(known) or ["GET", "POST"]
    return found


@st.composite
def requests(draw: st.DrawFn, templates: Mapping[str, list[str]]) -> Asked:
    """Draw a request to one of the routes."""
    # A path without its slash only redirects.
    whole = [path for path in templates if path.endswith("/") or not path.startswith("/api/")]
    path = draw(st.sampled_from(whole if draw(st.integers(0, 5)) else list(templates)))
    known = templates[path]
    # Half of them are to change something, where anything can be changed.
    writes = [one for one in known if one not in READING]
    if draw(st.integers(0, 5)):
        changing: bool = draw(st.booleans())
        method = draw(st.sampled_from(writes if writes and changing else known))
    else:
        method = draw(st.sampled_from(METHODS))
    about = path.removeprefix("/api/v1/").partition("/")[0]
    fitting = [str(key(name)) for name in FITTING.get(about, ROWS)]
    while "{" in path:
        before, _, rest = path.partition("{")
        drawn = draw(st.sampled_from(fitting) if draw(st.integers(0, 3)) else TEXTS)
        path = before + drawn.replace("{", "(") + rest.partition("}")[2]
    body, kind = draw(bodies())
    headers = draw(HEADERS)
    if kind:
        headers = [*headers, (b"content-type", kind)]
    who = draw(st.sampled_from(PEOPLE))
    if who is None and draw(st.booleans()):
        headers = [*headers, (b"authorization", draw(CREDENTIALS))]
    return Asked(method, path, draw(queries()), who, headers, body)
