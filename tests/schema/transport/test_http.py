"""Whatever is sent to ``/graphql``: the answer is JSON with a code, and no fault of the server."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from tests.support.graphql_client import CODES, GraphQLClient
from tests.support.rows import attachment, ticket

pytestmark = pytest.mark.anyio

JSON = "application/json"
VIEWER = "{ viewer { username } }"


def checked(response: httpx.Response) -> Any:
    """Return an answer that must be a refusal in JSON."""
    about = (response.status_code, response.text[:300])
    assert response.status_code == 200 or 400 <= response.status_code < 500, about
    assert response.headers["content-type"].split(";")[0] == JSON, about
    answer = response.json()
    assert answer.get("errors"), about
    for error in answer["errors"]:
        assert error["extensions"]["code"] in CODES, about
        assert "Traceback" not in error["message"]
        assert "object at 0x" not in error["message"]
    return answer


def malformed() -> Iterator[bytes]:
    """Yield bodies that are no request."""
    yield from (b"", b" ", b"null", b"3", b'"x"', b"[1]", b"[]", b"{}", b"[{}]", b"[[]]", b"true")
    yield from (b"{", b"\xff\xfe", b'{"query": "\xff"}', b'{"query": "\\ud800"}', b"NaN")
    yield b'{"query": "{ viewer { id } }", "variables": {"a": "\\udfff"}}'
    yield b"[" * 200_000
    yield b'{"a":' * 100_000
    query: object
    for query in (None, 3, [], {}, True, "", " ", "\0", "{", "}", "{ viewer { id }", "query", "#"):
        yield json.dumps({"query": query}).encode()
    for variables in (3, "x", [1], True, "{}"):
        body = {"query": "query($a: Int) { tickets(first: $a) { totalCount } nope }"}
        yield json.dumps(body | {"variables": variables}).encode()
    name: object
    for name in (3, [], {}, True, "Nope", ""):
        yield json.dumps(
            {"query": f"query A {VIEWER} query B {VIEWER}", "operationName": name}
        ).encode()
    yield json.dumps({"query": f"query A {VIEWER} query B {VIEWER}"}).encode()
    yield json.dumps({"query": "fragment A on Ticket { id }"}).encode()
    yield json.dumps({"query": "{ ...A } fragment A on Query { ...A }"}).encode()
    yield json.dumps({"query": "type A { a: Int }"}).encode()
    yield json.dumps({"query": "subscription { nothing }"}).encode()


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_bodies_that_are_no_request_are_refused(gql: GraphQLClient) -> None:
    headers = {"Content-Type": JSON, **gql.headers("keith")}
    for body in malformed():
        checked(await gql.client.post("/graphql", content=body, headers=headers))


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_deep_and_large_requests_are_refused_or_answered(gql: GraphQLClient) -> None:
    deep: Any = "x"
    for _ in range(900):
        deep = {"not": deep}
    nested = "query($f: TicketFilter) { tickets(filter: $f) { totalCount } }"
    literal = "{not: " * 900 + "{}" + "}" * 900
    queries: list[tuple[str, Any]] = [
        ("{ a " * 5000 + "}" * 5000, None),
        ("{ viewer { company { tickets { nodes " * 300 + "{ id }" + "}}}}" * 300, None),
        ("{ viewer " + "{ ... on User " * 3000 + "{ id }" + "}" * 3001, None),
        ("{ tickets(filter: " + "[" * 5000 + "]" * 5000 + ") { totalCount } }", None),
        (f"{{ tickets(filter: {literal}) {{ totalCount }} }}", None),
        (nested, {"f": deep}),
        (nested, {"f": {"and": [{"and": [{}] * 100}] * 100}}),
        ("{ " + "viewer { id } " * 20_000 + " nope }", None),
        (VIEWER.replace("username", "x" * 3_000_000), None),
        ("query(" + "$a: Int " * 5000 + ") { viewer { id } }", None),
    ]
    for query, variables in queries:
        checked(await gql.post(query, variables))


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=b", JSON])
async def test_a_request_that_is_too_large_is_refused_while_it_comes_in(
    gql: GraphQLClient, kind: str
) -> None:
    uploads = "multipart" in kind
    most = (gql.services.max_upload_bytes if uploads else gql.services.max_text_bytes) + 1024 * 1024
    head = b"".join(
        b"--b\r\nContent-Disposition: form-data; name=%s\r\n\r\n%s\r\n" % part
        for part in (
            (b"operations", b'{"query": "{ __typename }", "variables": {"file": null}}'),
            (b"map", b'{"0": ["variables.file"]}'),
            (b'"0"; filename="a"', b""),
        )
    )
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield head if uploads else b'{"query": "'
        while sent < 2 * most:
            sent += 1024 * 1024
            yield b"x" * 1024 * 1024

    headers = {"Content-Type": kind, "GraphQL-Require-Preflight": "1", **gql.headers("keith")}
    response = await gql.client.post("/graphql", content=endless(), headers=headers)
    answer = checked(response)
    assert response.status_code == 413
    assert answer["errors"][0]["message"] == f"A request may have at most {most} bytes."
    assert sent <= most + 2 * 1024 * 1024


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_a_stranger_sends_no_long_texts_and_nobody_too_many_values(
    gql: GraphQLClient,
) -> None:
    async def post(body: bytes, who: str | None) -> httpx.Response:
        headers = {"Content-Type": JSON, **(gql.headers(who) if who else {})}
        return await gql.client.post("/graphql", content=body, headers=headers)

    long = b'{"query": "{ __typename }", "variables": {"x": "%s"}}' % (b"x, " * 60_000)
    assert (await post(long, "keith")).json()["data"] == {"__typename": "Query"}
    for who in (None, "nobody's token"):
        headers = {} if who is None else {"Authorization": f"Bearer {who}"}
        headers["Content-Type"] = JSON
        response = await gql.client.post("/graphql", content=long, headers=headers)
        assert response.status_code == 413
        assert checked(response)["errors"][0]["message"].endswith("at most 131072 bytes.")
    for values in (b"1," * 120_000 + b"1", b"{}," * 120_000 + b"{}", b'"",' * 600_000 + b'""'):
        response = await post(
            b'{"query": "{ __typename }", "variables": {"x": [%s]}}' % values, "keith"
        )
        assert response.status_code == 400
        message = "A request may have at most 100000 values."
        assert checked(response)["errors"][0]["message"] == message


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_wrong_values_of_variables_are_refused(gql: GraphQLClient) -> None:
    await gql.add(ticket("T-1"), attachment("A-1", "T-1"))
    declared = {
        "first": ("Int", "tickets(first: $v) { totalCount }"),
        "filter": ("TicketFilter", "tickets(filter: $v) { totalCount }"),
        "order": ("[TicketOrder!]", "tickets(orderBy: $v) { totalCount }"),
        "id": ("ID!", "node(id: $v) { id }"),
        "flag": ("Boolean!", "viewer { id @include(if: $v) }"),
        "seconds": ("Int!", "tickets { nodes { attachments { downloadUrl(expiresIn: $v) } } }"),
    }
    wrong: dict[str, list[Any]] = {
        "first": ["1", 1.5, True, [], {}, 2**31, 1e400],
        "filter": ["x", 3, {"nope": 1}, {"status": "NEW"}, {"and": {"status": 1}}, {"search": 3}],
        "order": ["x", {"field": "NOPE"}, {}, [None], {"field": "STATUS", "direction": None}],
        "id": [None, True, [], {}, 1.5],
        "flag": [None, "true", 1, []],
        "seconds": [None, 0, -1, 86_401, "300"],
    }
    for name, (type_, read) in declared.items():
        for value in wrong[name]:
            query = f"query($v: {type_}) {{ {read} }}"
            checked(await gql.post(query, {"v": value}))


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_other_content_types_and_methods_are_refused(gql: GraphQLClient) -> None:
    body = json.dumps({"query": VIEWER})
    for content_type in (
        "text/plain",
        "application/xml",
        "application/x-www-form-urlencoded",
        "",
        "x",
    ):
        headers = {"Content-Type": content_type}
        checked(await gql.client.post("/graphql", content=body, headers=headers))
    checked(
        await gql.client.post(
            "/graphql", content=body, headers={"Content-Type": "multipart/form-data"}
        )
    )
    parts: list[dict[str, Any]] = [
        {"operations": "null", "map": "{}"},
        {"operations": "{}", "map": "{"},
        {"operations": body, "map": '{"0": ["variables.file"]}'},
        {"operations": body, "map": '{"0": 3}'},
        {"nothing": "x"},
    ]
    for part in parts:
        files = {"x": ("x.txt", b"x")}
        checked(await gql.client.post("/graphql", data=part, files=files))
    for method in ("PUT", "PATCH", "DELETE"):
        checked(await gql.client.request(method, "/graphql", json={"query": VIEWER}))


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_queries_by_get_are_answered_and_mutations_refused(gql: GraphQLClient) -> None:
    headers = gql.headers("keith")
    variables = json.dumps({"n": 1})
    query = (
        f"query A($n: Int) {VIEWER[:-1]} tickets(first: $n) {{ totalCount }} }} query B {VIEWER}"
    )
    params = {"query": query, "variables": variables, "operationName": "A"}
    response = await gql.client.get("/graphql", params=params, headers=headers)
    assert response.json() == {
        "data": {"viewer": {"username": "keith"}, "tickets": {"totalCount": 0}}
    }
    mutation = 'mutation { logout(input: {refreshToken: "x"}) { errors { code } } }'
    wrong: list[dict[str, str]] = [
        {"query": mutation},
        {"query": query},
        {"query": query, "operationName": "A", "variables": "{"},
        {"query": query, "operationName": "A", "variables": "3"},
        {"query": VIEWER, "operationName": "Nope"},
        {},
    ]
    for one in wrong:
        checked(await gql.client.get("/graphql", params=one, headers=headers))


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_a_request_without_variables_or_with_more_than_needed_is_answered(
    gql: GraphQLClient,
) -> None:
    for body in (
        {"query": VIEWER},
        {"query": VIEWER, "variables": None, "operationName": None, "extensions": None},
        {"query": VIEWER, "variables": {"unused": [1]}, "more": "x"},
        {"query": f"query A {VIEWER}", "operationName": "A"},
        {"query": VIEWER, "operationName": ""},
        {"query": f"query A {VIEWER}", "operationName": ""},
    ):
        response = await gql.client.post("/graphql", json=body, headers=gql.headers("keith"))
        assert response.status_code == 200
        assert response.json() == {"data": {"viewer": {"username": "keith"}}}
