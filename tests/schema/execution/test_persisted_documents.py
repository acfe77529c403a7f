"""Documents by their ids: those that clients register, and those of manifests."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import httpx
import pytest

from schema.execution import persisted_documents
from schema.execution.persisted_documents import hash_of
from schema.transport import negotiation
from tests.schema.conftest import Opens
from tests.support.graphql_client import GraphQLClient
from tests.support.rows import company, ticket, user

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize("backend", ["sqlite"], indirect=True),
]

MINE = "query Mine { viewer { username } }"
LONG = "query Long { " + "viewer { username } " * 1500 + "}"
RENAME = (
    "mutation Rename($input: UpdateTicketInput!) "
    "{ updateTicket(input: $input) { ticket { subject } } }"
)
KEITH = {"data": {"viewer": {"username": "keith"}}}
UNKNOWN = {
    "errors": [
        {
            "message": "PersistedQueryNotFound",
            "extensions": {"code": "PERSISTED_QUERY_NOT_FOUND", "requestId": ANY},
        }
    ]
}
Send = Callable[[GraphQLClient, dict[str, Any]], Any]


def by_hash(digest: str) -> dict[str, Any]:
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": digest}}}


async def post(gql: GraphQLClient, body: dict[str, Any]) -> Any:
    response = await gql.client.post("/graphql", json=body, headers=gql.headers("keith"))
    assert response.status_code == 200
    return response.json()


async def get(gql: GraphQLClient, body: dict[str, Any]) -> Any:
    response = await request_by_get(gql, body)
    assert response.status_code == 200
    return response.json()


async def request_by_get(
    gql: GraphQLClient, body: dict[str, Any], **headers: str
) -> httpx.Response:
    params = {k: v if isinstance(v, str) else json.dumps(v) for k, v in body.items()}
    return await gql.client.get(
        "/graphql", params=params, headers={**gql.headers("keith"), **headers}
    )


async def batch(gql: GraphQLClient, body: dict[str, Any]) -> Any:
    response = await gql.client.post("/graphql", json=[body], headers=gql.headers("keith"))
    assert response.status_code == 200
    (answer,) = response.json()
    return answer


async def stream(gql: GraphQLClient, body: dict[str, Any]) -> Any:
    headers = {"Accept": negotiation.EVENTS, **gql.headers("keith")}
    response = await gql.client.post("/graphql", json=body, headers=headers)
    assert response.status_code == 200
    first = response.text.splitlines()
    assert first[0] == "event: next"
    return json.loads(first[1].removeprefix("data: "))


async def form(gql: GraphQLClient, body: dict[str, Any]) -> Any:
    parts = {"operations": (None, json.dumps(body)), "map": (None, "{}")}
    headers = {"GraphQL-Require-Preflight": "1", **gql.headers("keith")}
    response = await gql.client.post("/graphql", files=parts, headers=headers)
    assert response.status_code == 200
    return response.json()


WAYS = pytest.mark.parametrize("send", [post, get, batch, stream, form])


@asynccontextmanager
async def services(
    opens: Opens, tmp_path: Path, *manifests: object, **more: Any
) -> AsyncIterator[GraphQLClient]:
    """Open an application with these manifests."""
    paths = []
    for i, manifest in enumerate(manifests):
        paths.append(tmp_path / f"{i}.json")
        paths[-1].write_text(json.dumps(manifest), "utf-8")
    async with opens(graphql_manifest=",".join(map(str, paths)), **more) as gql:
        await gql.add(company("hilton"), user("keith"), ticket("T-1"))
        yield gql


@pytest.fixture
async def gql(own_gql: GraphQLClient) -> GraphQLClient:
    """Give an application to which no other test has sent documents."""
    return own_gql


@WAYS
async def test_a_document_registers_by_its_hash(gql: GraphQLClient, send: Send) -> None:
    digest = hash_of(MINE)
    assert await send(gql, by_hash(digest)) == UNKNOWN
    assert await send(gql, {"documentId": f"sha256:{digest}"}) == UNKNOWN
    assert await send(gql, {"query": MINE, **by_hash(digest)}) == KEITH
    assert await send(gql, by_hash(digest)) == KEITH
    assert await send(gql, {"documentId": f"sha256:{digest}"}) == KEITH
    assert await send(gql, {"query": "", **by_hash(digest)}) == KEITH


async def test_an_unknown_document_is_no_valid_request_for_graphql_answers(
    gql: GraphQLClient,
) -> None:
    headers = {"Accept": negotiation.GRAPHQL}
    response = await gql.client.post("/graphql", json=by_hash("x"), headers=headers)
    assert (response.status_code, response.json()) == (400, UNKNOWN)


async def test_only_what_is_valid_and_has_its_hash_is_kept(gql: GraphQLClient) -> None:
    for text in ("{", "{ nothing }", LONG):
        answer = await post(gql, {"query": text, **by_hash(hash_of(text))})
        assert "errors" in answer or text is LONG
        assert await post(gql, by_hash(hash_of(text))) == UNKNOWN
    wrong = hash_of("another")
    answer = await post(gql, {"query": MINE, **by_hash(wrong)})
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert "data" not in answer
    for digest in (wrong, hash_of(MINE)):
        assert await post(gql, by_hash(digest)) == UNKNOWN


async def test_what_was_used_last_is_kept_longest(
    gql: GraphQLClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(persisted_documents, "MAX_REGISTERED", 2)
    texts = [f"query Q{i} {{ __typename }}" for i in range(3)]
    for text in texts[:2]:
        await post(gql, {"query": text, **by_hash(hash_of(text))})
    await post(gql, by_hash(hash_of(texts[0])))
    await post(gql, {"query": texts[2], **by_hash(hash_of(texts[2]))})
    known = [await post(gql, by_hash(hash_of(text))) != UNKNOWN for text in texts]
    assert known == [True, False, True]


async def test_what_an_answer_costs_does_not_change_its_tag(opens: Opens, tmp_path: Path) -> None:
    async with services(opens, tmp_path, rate_limit=1000) as gql:
        await post(gql, {"query": MINE, **by_hash(hash_of(MINE))})
        first = await request_by_get(gql, by_hash(hash_of(MINE)))
        tag = {"If-None-Match": first.headers["etag"]}
        left = first.json()["extensions"]["cost"]["throttle"]["available"]
        second = await request_by_get(gql, by_hash(hash_of(MINE)))
        assert second.json()["extensions"]["cost"]["throttle"]["available"] < left
        assert (await request_by_get(gql, by_hash(hash_of(MINE)), **tag)).status_code == 304


async def test_an_answer_by_get_is_asked_for_again_by_its_tag(gql: GraphQLClient) -> None:
    await post(gql, {"query": MINE, **by_hash(hash_of(MINE))})
    asked = by_hash(hash_of(MINE))
    first = await request_by_get(gql, asked)
    tag = first.headers["etag"]
    assert first.headers["cache-control"] == "private, no-cache"
    assert first.headers["vary"] == "Accept, Authorization"
    for same in (tag, f'W/{tag}, "x"', "*"):
        again = await request_by_get(gql, asked, **{"If-None-Match": same})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
        assert "content-type" not in again.headers
    other = await request_by_get(gql, asked, **{"If-None-Match": '"x"'})
    assert (other.status_code, other.json()) == (200, KEITH)
    # Somebody else has another answer.
    anonymous = {"Authorization": "", "If-None-Match": tag}
    nobody = await request_by_get(gql, asked, **anonymous)
    assert nobody.json() == {"data": {"viewer": None}}
    assert nobody.headers["etag"] != tag


async def test_what_failed_is_not_kept(gql: GraphQLClient) -> None:
    text = "{ viewer { id } ticket { id } }"
    await post(gql, {"query": text, **by_hash(hash_of(text))})
    for asked in (by_hash(hash_of(text)), by_hash("x")):
        response = await request_by_get(gql, asked, **{"If-None-Match": "*"})
        assert response.status_code == 200
        assert response.headers["cache-control"] == "no-store"
        assert "etag" not in response.headers


async def test_a_persisted_mutation_needs_post(opens: Opens, tmp_path: Path) -> None:
    async with services(opens, tmp_path, {"rename": RENAME}) as gql:
        response = await request_by_get(gql, {"documentId": "rename"})
        assert (response.status_code, response.headers["allow"]) == (405, "POST")


APOLLO = {
    "format": "apollo-persisted-query-manifest",
    "version": 1,
    "operations": [{"id": "a", "name": "Mine", "type": "query", "body": MINE}],
}


@WAYS
@pytest.mark.parametrize("accepted", ["any", "persisted", "trusted"])
async def test_a_manifest_is_known_from_the_start(
    opens: Opens, tmp_path: Path, send: Send, accepted: str
) -> None:
    # More tokens, and more bytes, than a document has that anybody may send.
    some = f"tickets(filter: {{status: {{in: [{'ASSIGNED ' * 100}]}}}}) {{ totalCount }}"
    many = f"query Many {{ {' '.join(f'a{i}: {some}' for i in range(20))} }} # {'-' * 2000}"
    manifests = ({"0123abcd": MINE}, {"many": many}, APOLLO)
    async with services(opens, tmp_path, *manifests, graphql_documents=accepted) as gql:
        digest = f"sha256:{hash_of(MINE)}"
        for name in ("0123abcd", "a", digest):
            assert await send(gql, {"documentId": name}) == KEITH
        for name in ("0123abcd", hash_of(MINE)):
            assert await send(gql, by_hash(name)) == KEITH
            if send is not get:
                assert await send(gql, {"query": MINE, **by_hash(name)}) == KEITH
        assert await send(gql, {"documentId": "0123"}) == UNKNOWN
        if send is not get:
            assert len((await send(gql, {"documentId": "many"}))["data"]) == 20


@WAYS
async def test_a_server_of_persisted_documents_takes_no_bare_text(
    opens: Opens, tmp_path: Path, send: Send
) -> None:
    async with services(opens, tmp_path, graphql_documents="persisted") as gql:
        (error,) = (await send(gql, {"query": MINE}))["errors"]
        assert error["extensions"]["code"] == "FORBIDDEN"
        assert "documentId" in error["message"]
        assert await send(gql, {"query": MINE, **by_hash(hash_of(MINE))}) == KEITH
        assert await send(gql, by_hash(hash_of(MINE))) == KEITH


@WAYS
async def test_a_server_of_trusted_documents_runs_no_others(
    opens: Opens, tmp_path: Path, send: Send
) -> None:
    trusted = {"mine": MINE}
    other = MINE + " "
    refused: tuple[dict[str, Any], ...] = (
        {"query": other},
        {"query": other, **by_hash(hash_of(other))},
        {"query": "{ __schema { types { name } } }"},
        {"query": "{"},
    )
    async with services(opens, tmp_path, trusted, graphql_documents="trusted") as gql:
        for asked in refused:
            answer = await send(gql, asked)
            (error,) = answer["errors"]
            assert "data" not in answer
            assert error["extensions"]["code"] == "FORBIDDEN"
            assert error["message"] == "This server runs only the documents of its manifest."
        assert await send(gql, by_hash(hash_of(other))) == UNKNOWN
        assert await send(gql, {"query": MINE}) == KEITH
        assert await send(gql, {"documentId": "mine"}) == KEITH


async def test_graphiql_is_off_where_it_could_not_ask(opens: Opens, tmp_path: Path) -> None:
    html = {"Accept": "text/html,*/*;q=0.8"}
    manifest = tmp_path / "manifest.json"
    manifest.write_text(json.dumps({"mine": MINE}), "utf-8")
    for accepted, shown in (("any", True), ("persisted", False), ("trusted", False)):
        async with opens(graphql_manifest=str(manifest), graphql_documents=accepted) as gql:
            response = await gql.client.get("/graphql", headers=html)
            assert response.headers["content-type"].startswith("text/html") is shown
