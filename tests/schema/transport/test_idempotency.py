"""``Idempotency-Key`` on operations: sent again, they are answered as before."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from tests.support.graphql_client import GraphQLClient
from tests.support.rows import key, ticket

CREATE = """
mutation Create($input: CreateTicketInput!) {
  createTicket(input: $input) { ticket { id ticketNumber } errors { code field } }
}
"""
TWO = """
mutation Two($create: CreateTicketInput!, $update: UpdateTicketInput!) {
  createTicket(input: $create) { ticket { id } errors { code } }
  updateTicket(input: $update) { ticket { id priority } errors { code } }
}
"""
UPLOAD = """
mutation Upload($input: UploadAttachmentInput!) {
  uploadAttachment(input: $input) { attachment { id } errors { code } }
}
"""
pytestmark = pytest.mark.anyio
REPLAYED = "Idempotency-Replayed"


@pytest.fixture(autouse=True)
async def a_ticket(gql: GraphQLClient) -> None:
    await gql.add(ticket("T-1"))


def new(**more: Any) -> dict[str, Any]:
    return {"subject": "S", "description": "D", "companyId": str(key("hilton")), **more}


async def send(
    gql: GraphQLClient,
    query: str = CREATE,
    variables: Any = None,
    idempotency_key: str = "one",
    who: str | None = "keith",
    **more: Any,
) -> httpx.Response:
    headers = {"Idempotency-Key": idempotency_key, **gql.headers(who), **more}
    body = {"query": query, "variables": {"input": new()} if variables is None else variables}
    return await gql.client.post("/graphql", json=body, headers=headers)


async def test_a_mutation_is_done_once(gql: GraphQLClient) -> None:
    first = await send(gql)
    assert first.json()["data"]["createTicket"]["ticket"]
    before = await gql.everything()
    again = await send(gql)
    assert (again.status_code, again.content) == (200, first.content)
    assert again.headers["content-type"] == first.headers["content-type"]
    assert (REPLAYED in first.headers, again.headers[REPLAYED]) == (False, "true")
    assert await gql.everything() == before


async def test_how_a_document_is_written_makes_no_difference(gql: GraphQLClient) -> None:
    first = await send(gql)
    again = await send(gql, " ".join(CREATE.split()))
    assert again.content == first.content


async def test_a_refusal_is_answered_as_before(gql: GraphQLClient) -> None:
    variables = {"input": new(subject=" ")}
    first = await send(gql, variables=variables)
    assert first.json()["data"]["createTicket"]["errors"] == [
        {"code": "INVALID", "field": ["subject"]}
    ]
    again = await send(gql, variables=variables)
    assert (again.content, again.headers[REPLAYED]) == (first.content, "true")


async def test_several_mutations_are_one_transaction(gql: GraphQLClient) -> None:
    wrong = {"id": str(key("nothing")), "priority": "LOW"}
    variables = {"create": new(), "update": wrong}
    first = await send(gql, TWO, variables)
    data = first.json()["data"]
    assert data["createTicket"]["ticket"]
    assert data["updateTicket"] == {"ticket": None, "errors": [{"code": "NOT_FOUND"}]}
    before = await gql.everything()
    again = await send(gql, TWO, variables)
    assert (again.content, again.headers[REPLAYED]) == (first.content, "true")
    assert await gql.everything() == before


async def test_another_operation_under_the_same_key_is_refused(gql: GraphQLClient) -> None:
    await send(gql)
    before = await gql.everything()
    other = await send(gql, variables={"input": new(subject="Other")})
    assert other.status_code == 422
    [error] = other.json()["errors"]
    assert error["extensions"]["code"] == "IDEMPOTENCY_KEY_REUSED"
    assert await gql.everything() == before


async def test_operations_at_the_same_time_are_done_once(gql: GraphQLClient) -> None:
    found = await asyncio.gather(*(send(gql) for _ in range(8)))
    assert len({one.content for one in found}) == 1
    assert sum(REPLAYED in one.headers for one in found) == 7


async def test_queries_and_strangers_need_no_key(gql: GraphQLClient) -> None:
    before = await gql.everything()
    query = await send(gql, "{ viewer { id } }", {})
    assert query.json()["data"]["viewer"]["id"]
    stranger = await send(gql, who=None)
    [error] = stranger.json()["errors"]
    assert error["extensions"]["code"] == "UNAUTHENTICATED"
    assert await gql.everything() == before


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        (
            'mutation { login(input: {username: "a", password: "b"}) { errors { code } } }',
            "login answers with secrets: it takes no Idempotency-Key.",
        ),
        (
            "mutation { ...In } fragment In on Mutation { ... { "
            'refreshToken(input: {refreshToken: "a"}) { accessToken } } }',
            "refreshToken answers with secrets: it takes no Idempotency-Key.",
        ),
        (
            'mutation { deleteTicket(input: {id: "T"}) @idempotent(key: "k") { errors { code } } }',
            "Send Idempotency-Key or @idempotent, not both.",
        ),
    ],
)
async def test_some_operations_take_no_key(gql: GraphQLClient, query: str, sentence: str) -> None:
    before = await gql.everything()
    found = await send(gql, query, {})
    assert (found.status_code, found.json()["errors"][0]["message"]) == (400, sentence)
    assert await gql.everything() == before


async def test_a_batch_and_a_stream_take_no_key(gql: GraphQLClient) -> None:
    before = await gql.everything()
    headers = {"Idempotency-Key": "one", **gql.headers("keith")}
    one = {"query": CREATE, "variables": {"input": new()}}
    batch = await gql.client.post("/graphql", json=[one, one], headers=headers)
    stream = await send(gql, Accept="text/event-stream")
    for found in (batch, stream):
        assert found.status_code == 400
        assert "takes no Idempotency-Key" in found.json()["errors"][0]["message"]
    assert await gql.everything() == before


async def test_what_the_server_fails_at_is_undone_and_done_by_the_next_try(
    gql: GraphQLClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    update = {"id": str(key("T-1")), "priority": "LOW"}
    variables = {"create": new(), "update": update}
    before = await gql.everything()

    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a fault of the program")

    with monkeypatch.context() as broken:
        broken.setattr("resolvers.commands.tickets.update_ticket", fail)
        failed = await send(gql, TWO, variables)
    answer = failed.json()
    assert answer["data"] is None
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["INTERNAL"]
    assert await gql.everything() == before
    again = await send(gql, TWO, variables)
    assert again.json()["data"]["updateTicket"]["ticket"]["priority"] == "LOW"
    assert REPLAYED not in again.headers


async def test_an_upload_is_known_by_its_file(gql: GraphQLClient) -> None:
    async def upload(content: bytes) -> httpx.Response:
        variables = {"input": {"ticketId": str(key("T-1")), "file": None}}
        return await gql.client.post(
            "/graphql",
            data={
                "operations": json.dumps({"query": UPLOAD, "variables": variables}),
                "map": json.dumps({"0": ["variables.input.file"]}),
            },
            files={"0": ("notes.txt", content)},
            headers={
                "Idempotency-Key": "one",
                "GraphQL-Require-Preflight": "1",
                **gql.headers("keith"),
            },
        )

    first = await upload(b"one")
    assert first.json()["data"]["uploadAttachment"]["attachment"], first.text
    files = gql.world.files()
    again = await upload(b"one")
    assert (again.content, again.headers[REPLAYED]) == (first.content, "true")
    assert gql.world.files() == files
    other = await upload(b"two")
    assert other.status_code == 422
    assert gql.world.files() == files


ONE_FIELD = """
mutation Create($input: CreateTicketInput!, $key: String!) {
  createTicket(input: $input) @idempotent(key: $key) {
    ticket { id ticketNumber } errors { message code field }
  }
}
"""


@pytest.mark.parametrize("subject", ["S", " "])
async def test_a_field_is_done_once(gql: GraphQLClient, subject: str) -> None:
    given = {"input": new(subject=subject), "key": "one"}
    first = await gql.ask(ONE_FIELD, given)
    before = await gql.everything()
    assert await gql.ask(ONE_FIELD, given) == first
    assert await gql.everything() == before
    other = await gql.ask(ONE_FIELD, {**given, "key": "two"})
    assert (other == first) is (subject == " ")


async def test_another_field_under_the_same_key_is_refused(gql: GraphQLClient) -> None:
    await gql.ask(ONE_FIELD, {"input": new(), "key": "one"})
    before = await gql.everything()
    other = await gql.post(ONE_FIELD, {"input": new(subject="Other"), "key": "one"})
    [error] = other.json()["errors"]
    assert error["extensions"]["code"] == "IDEMPOTENCY_KEY_REUSED"
    assert await gql.everything() == before


@pytest.mark.parametrize("bad", ["", "a" * 256, "umläut", "line\nbreak"])
async def test_what_is_no_key_is_refused(gql: GraphQLClient, bad: str) -> None:
    before = await gql.everything()
    refusal = await gql.refused(ONE_FIELD, {"input": new(), "key": bad})
    assert "1 to 255 printable ASCII" in refusal["message"]
    assert await gql.everything() == before


async def test_a_field_that_answers_with_secrets_takes_no_key(gql: GraphQLClient) -> None:
    query = (
        'mutation { login(input: {username: "keith", password: "p"}) @idempotent(key: "k") '
        "{ errors { code } } }"
    )
    refusal = await gql.refused(query)
    assert refusal["message"] == "login answers with secrets: it takes no @idempotent."


async def test_a_conflict_is_explained_each_time(gql: GraphQLClient) -> None:
    update = "mutation($input: UpdateTicketInput!) { updateTicket(input: $input)"
    one = {"id": str(key("T-1"))}
    await gql.ask(f"{update} {{ errors {{ code }} }} }}", {"input": {**one, "priority": "LOW"}})
    told = "errors { code conflict { actualVersion fields { field base yours theirs } } }"
    query = f'{update} @idempotent(key: "one") {{ {told} }} }}'
    given = {"input": {**one, "priority": "URGENT", "expectedVersion": 1}}
    first = await gql.ask(query, given)
    [error] = first["updateTicket"]["errors"]
    [field] = error["conflict"]["fields"]
    assert field == {"field": "priority", "base": "medium", "yours": "urgent", "theirs": "low"}
    assert await gql.ask(query, given) == first
