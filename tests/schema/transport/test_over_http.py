"""GraphQL over HTTP: methods, media types and statuses."""

import json
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from schema.transport import negotiation
from tests.support.graphql_client import GraphQLClient
from tests.support.rows import company, key

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize("backend", ["sqlite"], indirect=True),
]

VIEWER = "{ viewer { username } }"
KEITH = {"data": {"viewer": {"username": "keith"}}}
# What urql asks for with a query, and Apollo Client.
URQL = (
    "application/graphql-response+json, application/graphql+json, application/json, "
    "text/event-stream, multipart/mixed"
)
APOLLO = "application/graphql-response+json,application/json;q=0.9"
CREATE = (
    "mutation($input: CreateTicketInput!) "
    "{ createTicket(input: $input) { ticket { subject } errors { code } } }"
)


def refusal(response: httpx.Response, status: int) -> dict[str, Any]:
    """Return the only error of an answer that has nothing else."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == negotiation.JSON
    assert response.headers["cache-control"] == "no-store"
    assert set(response.json()) == {"errors"}
    (error,) = response.json()["errors"]
    request_id = response.headers["x-request-id"]
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "requestId": request_id}
    assert error["message"].endswith(".")
    found: dict[str, Any] = error
    return found


def of_new(subject: str) -> dict[str, Any]:
    wanted = {"subject": subject, "description": "x", "companyId": str(key("hilton"))}
    return {"input": wanted}


async def tickets(gql: GraphQLClient) -> list[str]:
    async with gql.database.engine.connect() as connection:
        found = await connection.execute(text("SELECT subject FROM tickets ORDER BY ticket_number"))
        return [row[0] for row in found]


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (None, negotiation.JSON),
        ("", negotiation.JSON),
        ("*/*", negotiation.JSON),
        ("application/*", negotiation.JSON),
        ("text/html, application/xhtml+xml, */*;q=0.8", negotiation.JSON),
        ("application/json, text/plain, */*", negotiation.JSON),
        (negotiation.GRAPHQL, negotiation.GRAPHQL),
        (URQL, negotiation.GRAPHQL),
        (APOLLO, negotiation.GRAPHQL),
        ("Application/GraphQL-Response+JSON; charset=utf-8", negotiation.GRAPHQL),
        ("application/json;q=0.5, application/graphql-response+json;q=0.4", negotiation.JSON),
        ("application/json;q=0.4, application/graphql-response+json;q=0.5", negotiation.GRAPHQL),
        ("application/json;q=0, */*", negotiation.GRAPHQL),
        ("*/*, application/graphql-response+json", negotiation.GRAPHQL),
        ("multipart/mixed;deferSpec=20220824, application/json", negotiation.JSON),
        ("multipart/mixed, application/json;q=0.1", negotiation.JSON),
    ],
)
async def test_the_client_chooses_the_media_type(
    gql: GraphQLClient, accept: str | None, kind: str
) -> None:
    headers = {**gql.headers("keith")}
    gql.client.headers.pop("accept", None)
    if accept is not None:
        headers["Accept"] = accept
    response = await gql.client.post("/graphql", json={"query": VIEWER}, headers=headers)
    assert response.json() == KEITH
    assert response.headers["content-type"].split(";")[0] == kind
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "accept",
    ["text/plain", "multipart/mixed", "application/json;q=0", "image/*", "application/json;q=2"],
)
async def test_what_no_answer_has_is_not_acceptable(gql: GraphQLClient, accept: str) -> None:
    body = {"query": CREATE, "variables": of_new("No")}
    headers = {"Accept": accept, **gql.headers("keith")}
    error = refusal(await gql.client.post("/graphql", json=body, headers=headers), 406)
    assert negotiation.GRAPHQL in error["message"]
    assert await tickets(gql) == []


@pytest.mark.parametrize(
    ("query", "variables", "name", "plain", "trusted"),
    [
        ("{", None, None, 200, 400),
        ("{ nothing }", None, None, 200, 400),
        # What does not say which operation it wants is malformed.
        ("query A { __typename } query B { __typename }", None, None, 400, 400),
        ("fragment A on Query { __typename }", None, None, 200, 400),
        ("{ __typename }", None, "Nope", 400, 400),
        ("query($id: ID!) { node(id: $id) { id } }", {"id": None}, None, 200, 400),
        ("{ tickets(first: -1) { totalCount } }", None, None, 200, 200),
        ("{ viewer { id } ticket { id } }", None, None, 200, 200),
    ],
)
async def test_only_graphql_answers_have_a_status_of_their_own(
    gql: GraphQLClient, query: str, variables: Any, name: str | None, plain: int, trusted: int
) -> None:
    body = {"query": query, "variables": variables, "operationName": name}
    for accept, status in ((negotiation.JSON, plain), (negotiation.GRAPHQL, trusted)):
        headers = {"Accept": accept, **gql.headers("keith")}
        response = await gql.client.post("/graphql", json=body, headers=headers)
        assert response.status_code == status
        assert response.headers["content-type"].split(";")[0] == accept
        answer = response.json()
        # Where nothing was run, there are no data, not even null.
        assert ("data" in answer) is (trusted == 200)
        assert all(error["extensions"]["code"] == "BAD_USER_INPUT" for error in answer["errors"])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b'"x"',
        b"[1]",
        b"[]",
        b"[[]]",
        b"{}",
        b"[{}]",
        b"{",
        b"\xff",
        b'\xef\xbb\xbf{"query": "{ __typename }"}',
        b'{"query": "\xff"}',
        b'{"query": ""}',
        b'{"query": " "}',
        b'{"query": null}',
        b'{"query": "{ __typename }", "variables": []}',
        b'{"query": "{ __typename }", "operationName": 1}',
        b'{"query": "{ __typename }", "extensions": "x"}',
        b'{"query": "{ __typename }", "documentId": "x"}',
        b'{"query": "{ __typename }", "documentId": 1}',
        b'{"extensions": {"persistedQuery": true}}',
        b'{"extensions": {"persistedQuery": {"version": 2, "sha256Hash": "x"}}}',
        b'{"extensions": {"persistedQuery": {"version": true, "sha256Hash": "x"}}}',
        b'[{"query": "{ __typename }"}, 3]',
        b"[" + b",".join([b'{"query": "{ __typename }"}'] * 11) + b"]",
    ],
)
async def test_a_body_that_is_no_request_is_refused_whatever_is_accepted(
    gql: GraphQLClient, body: bytes
) -> None:
    for accept in (negotiation.JSON, negotiation.GRAPHQL, negotiation.EVENTS):
        headers = {"Accept": accept, "Content-Type": negotiation.JSON}
        refusal(await gql.client.post("/graphql", content=body, headers=headers), 400)


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 200),
        ("Application/JSON; Charset=UTF-8", 200),
        ('application/json; charset="utf-8"', 200),
        ("application/json; charset=latin-1", 415),
        ("application/json; charset*=utf-16''x", 415),
        ("application/jsonp", 415),
        ("text/json", 415),
        ("text/plain", 415),
        ("application/graphql", 415),
        ("application/x-www-form-urlencoded", 415),
        ("x", 415),
        ("", 415),
        (None, 415),
    ],
)
async def test_a_request_says_that_it_is_json(
    gql: GraphQLClient, content_type: str | None, status: int
) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    body = json.dumps({"query": "{ __typename }"})
    response = await gql.client.post("/graphql", content=body, headers=headers)
    if status == 200:
        assert response.json() == {"data": {"__typename": "Query"}}
    else:
        refusal(response, status)


async def test_a_request_has_one_content_type(gql: GraphQLClient) -> None:
    headers = [("Content-Type", negotiation.JSON), ("Content-Type", negotiation.JSON)]
    body = b'{"query": "{ __typename }"}'
    refusal(await gql.client.post("/graphql", content=body, headers=headers), 400)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY"])
async def test_other_methods_are_told_which_there_are(gql: GraphQLClient, method: str) -> None:
    response = await gql.client.request(method, "/graphql", json={"query": VIEWER})
    refusal(response, 405)
    assert response.headers["allow"] == "GET, HEAD, POST"


async def test_a_query_may_come_by_get_and_head(gql: GraphQLClient) -> None:
    params = {"query": f"query A {VIEWER}", "operationName": "", "variables": "", "extensions": ""}
    headers = gql.headers("keith")
    response = await gql.client.get("/graphql", params=params, headers=headers)
    assert response.json() == KEITH
    assert response.headers["vary"] == "Accept, Authorization"
    assert response.headers["cache-control"] == "private, no-cache"
    assert response.headers["etag"].startswith('W/"')
    head = await gql.client.head("/graphql", params=params, headers=headers)
    assert head.status_code == 200
    assert head.headers["content-length"] == response.headers["content-length"]
    for wrong in ("variables", "extensions"):
        for value in ("{", "3", "[]"):
            refusal(await gql.client.get("/graphql", params={**params, wrong: value}), 400)


@pytest.mark.parametrize("accept", [negotiation.JSON, negotiation.GRAPHQL, negotiation.EVENTS])
async def test_a_mutation_needs_post(gql: GraphQLClient, accept: str) -> None:
    params = {"query": CREATE, "variables": json.dumps(of_new("No"))}
    headers = {"Accept": accept, **gql.headers("keith")}
    for method in ("GET", "HEAD"):
        response = await gql.client.request(method, "/graphql", params=params, headers=headers)
        assert response.headers["allow"] == "POST"
        assert response.status_code == 405
    refusal(await gql.client.get("/graphql", params=params, headers=headers), 405)
    assert await tickets(gql) == []


async def test_a_subscription_needs_a_stream(gql: GraphQLClient) -> None:
    body = {"query": "subscription { ticketEvents { cursor } }"}
    for accept in (negotiation.JSON, negotiation.GRAPHQL, URQL):
        headers = {"Accept": accept, **gql.headers("keith")}
        error = refusal(await gql.client.post("/graphql", json=body, headers=headers), 400)
        assert negotiation.EVENTS in error["message"]


async def test_a_page_of_another_site_cannot_write(gql: GraphQLClient) -> None:
    """Everything that a form or a simple request of a page may send (Fetch, CORS)."""
    await gql.add(company("c"))
    body = json.dumps({"query": CREATE, "variables": of_new("No")})
    headers = gql.headers("keith")
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        sent = {**headers, "Content-Type": kind}
        response = await gql.client.post("/graphql", content=body, headers=sent)
        assert 400 <= response.status_code < 500
    response = await gql.client.post(
        "/graphql", files={"operations": (None, body), "map": (None, "{}")}, headers=headers
    )
    assert "GraphQL-Require-Preflight" in refusal(response, 400)["message"]
    assert await tickets(gql) == []
