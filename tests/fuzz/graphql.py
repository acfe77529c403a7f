"""Requests to ``/graphql`` from nearly right to plain noise, and operations of its schema."""

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import schemathesis
from graphql import build_schema, introspection_from_schema
from graphql.language import StringValueNode
from hypothesis import strategies as st

from schema import sdl
from schema.execution.persisted_documents import hash_of
from schema.transport.multipart import PREFLIGHT
from tests.support.rows import key

Headers = list[tuple[bytes, bytes]]
VIEWER = "{ viewer { username } }"
DOCUMENTS = (
    VIEWER,
    "query A { __typename } query B { tickets { totalCount } }",
    "query($n: Int, $f: TicketFilter) { tickets(first: $n, filter: $f) { nodes { subject } } }",
    "mutation($i: UpdateTicketInput!) { updateTicket(input: $i) { errors { code } } }",
    "mutation($i: UploadAttachmentInput!) { uploadAttachment(input: $i) { errors { code } } }",
    "subscription { nothing }",
    *("{", "{ nothing }", "#", " ", "\0", "{ __schema { types { name } } }", "fragment A on Query"),
)
MEDIA = (
    *("application/json", "application/graphql-response+json", "text/event-stream", "*/*"),
    *("multipart/form-data; boundary=b", "multipart/form-data", "multipart/mixed", "text/html"),
    *("application/json; charset=utf-8", "application/json; charset=x", "text/plain", "text/*"),
    *("application/x-www-form-urlencoded", "application/json;q=0", "a;q=x, */*;q=0.1", ";;", ","),
)
PLACES = ("variables.i.file", "0.variables.i.file", "variables.n", "query", "", ".", "9.9")

odd: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
hashes = st.sampled_from([*(hash_of(text) for text in DOCUMENTS), "x", ""])
extensions = st.fixed_dictionaries(
    {"persistedQuery": st.fixed_dictionaries({"version": st.just(1) | odd, "sha256Hash": hashes})}
)
variables = st.fixed_dictionaries(
    {},
    optional={
        "n": st.integers(-1, 101) | odd,
        "f": st.fixed_dictionaries({}, optional={"search": odd, "and": odd, "status": odd}),
        "i": st.fixed_dictionaries(
            {"id": st.just(str(key("offline"))), "ticketId": st.just(str(key("offline")))},
            optional={"file": st.none() | odd, "subject": odd, "expectedVersion": odd},
        ),
    },
)
asked = st.fixed_dictionaries(
    {},
    optional={
        "query": st.sampled_from(DOCUMENTS) | st.sampled_from(DOCUMENTS) | odd,
        "variables": variables | variables | odd,
        "operationName": st.sampled_from(["A", "B", "", None]) | odd,
        "extensions": extensions | odd,
        "documentId": hashes.map("sha256:".__add__) | odd,
    },
)
bodies = asked | asked | st.lists(asked, max_size=11) | odd


@dataclass(frozen=True)
class Request:
    """What is sent."""

    method: str
    headers: Headers = field(default_factory=list)
    query: bytes = b""
    body: bytes = b""


@st.composite
def headers(draw: st.DrawFn) -> Headers:
    """Draw headers, most often such that the body is read."""
    media = st.sampled_from(MEDIA).map(str.encode)
    kinds = st.lists(media, min_size=1, max_size=1) | st.lists(media, max_size=2)
    found = [(b"content-type", kind) for kind in draw(kinds)]
    found += [(b"accept", kind) for kind in draw(st.lists(media, max_size=2))]
    if draw(st.booleans()):
        found.append((draw(st.sampled_from(PREFLIGHT)).lower().encode(), b"1"))
    for name in (b"authorization", b"if-none-match", b"last-event-id", b"origin"):
        if draw(st.integers(0, 5)) == 0:
            found.append((name, draw(st.binary(max_size=8)).translate(None, b"\r\n\0")))
    return found


@st.composite
def forms(draw: st.DrawFn) -> bytes:
    """Draw a multipart body."""
    places = st.dictionaries(st.sampled_from("01"), st.lists(st.sampled_from(PLACES)) | odd)
    parts = [
        ("operations", json.dumps(draw(bodies)).encode()),
        ("map", json.dumps(draw(places | odd)).encode()),
        *draw(st.lists(st.tuples(st.sampled_from("01"), st.binary(max_size=8)), max_size=3)),
    ]
    lines = b""
    for name, content in draw(st.permutations(parts)) if draw(st.booleans()) else parts:
        named = f'; filename="{name}.txt"' if name in "01" and draw(st.integers(0, 3)) else ""
        lines += f'--b\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'.encode()
        lines += content + b"\r\n"
    whole = lines + b"--b--\r\n"
    return whole[: draw(st.integers(0, len(whole)))] if draw(st.integers(0, 5)) == 0 else whole


@st.composite
def requests(draw: st.DrawFn) -> Request:
    """Draw a request."""
    method = draw(st.sampled_from(["POST"] * 6 + ["GET"] * 3 + ["HEAD", "PUT", "OPTIONS", "X"]))
    if method in ("GET", "HEAD"):
        found = {
            name: value if isinstance(value, str) else json.dumps(value)
            for name, value in draw(asked).items()
        }
        query = "&".join(f"{k}={v}" for k, v in found.items()) if draw(st.booleans()) else ""
        if not query:
            query = urlencode(found, errors="replace")
        return Request(method, draw(headers()), query.encode(errors="replace"))
    body = draw(bodies.map(lambda one: json.dumps(one).encode()) | forms() | st.binary(max_size=20))
    return Request(method, draw(headers()), b"", body)


def operations() -> list[tuple[str, st.SearchStrategy[Any]]]:
    """Return each field of the root types, and a strategy of operations that ask for it."""
    texts = st.text(max_size=20) | st.just("2025-11-19T10:30:00Z")
    for scalar in ("DateTime", "JSON", "Upload"):
        schemathesis.graphql.scalar(scalar, texts.map(lambda text: StringValueNode(value=text)))
    described = introspection_from_schema(build_schema(sdl()))
    found = schemathesis.graphql.from_dict({"data": described})
    whole: list[Any] = list(found.get_all_operations())
    return [(one.ok().label, one.ok().as_strategy()) for one in whole]
