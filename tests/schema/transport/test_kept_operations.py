"""Which operations take a key, what it stands for, and which answers are stored with it."""

import json
from typing import Any

import httpx
import pytest

from tests.schema.conftest import Opens, few_rows
from tests.support.graphql_client import GraphQLClient
from tests.support.rows import comment, key, ticket

pytestmark = pytest.mark.anyio

REPLAYED = "Idempotency-Replayed"
UPDATE = """mutation($id: ID!, $priority: TicketPriority) {
  updateTicket(input: {id: $id, priority: $priority}) @idempotent(key: "one") { ...Told }
}
fragment Told on UpdateTicketPayload { ticket { version } }"""


@pytest.fixture(autouse=True)
async def a_ticket(gql: GraphQLClient) -> None:
    await gql.add(ticket("T-1"))


async def send(gql: GraphQLClient, query: str, **variables: Any) -> httpx.Response:
    headers = {"Idempotency-Key": "one", **gql.headers("keith")}
    body = {"query": query, "variables": variables}
    return await gql.client.post("/graphql", json=body, headers=headers)


async def test_what_a_mutation_does_not_use_makes_it_no_other_one(gql: GraphQLClient) -> None:
    first = await gql.ask(UPDATE, {"id": str(key("T-1")), "priority": "LOW"})
    assert first["updateTicket"]["ticket"]["version"] == 2
    before = await gql.everything()
    more = UPDATE.replace("$priority: T", "$other: ID!, $priority: T").replace(
        "updateTicket", "deleteTicket(input: {id: $other}) { ...Unused } updateTicket", 1
    )
    more += " fragment Unused on DeleteTicketPayload { errors { code } }"
    variables = {"id": str(key("T-1")), "other": str(key("nothing")), "priority": "LOW"}
    assert (await gql.ask(more, variables))["updateTicket"] == first["updateTicket"]
    assert await gql.everything() == before


@pytest.mark.parametrize(
    ("query", "priority"),
    [
        (UPDATE, "HIGH"),
        (UPDATE.replace("version", "subject"), "LOW"),
        (UPDATE.replace("priority: $priority", 'subject: "S", priority: $priority'), "LOW"),
    ],
    ids=["variable", "fragment", "argument"],
)
async def test_what_a_mutation_uses_makes_it_another_one(
    gql: GraphQLClient, query: str, priority: str
) -> None:
    await gql.ask(UPDATE, {"id": str(key("T-1")), "priority": "LOW"})
    before = await gql.everything()
    refused = await gql.post(query, {"id": str(key("T-1")), "priority": priority})
    [error] = refused.json()["errors"]
    assert error["extensions"]["code"] == "IDEMPOTENCY_KEY_REUSED"
    assert await gql.everything() == before


async def test_the_end_of_a_session_takes_no_key_of_its_own(gql: GraphQLClient) -> None:
    query = 'mutation { logout(input: {refreshToken: "x"}) @idempotent(key: "k") { ok } }'
    error = await gql.refused(query)
    assert error["message"] == (
        "logout does the same however often it is sent: it takes no @idempotent."
    )


async def test_a_file_is_not_stored_while_other_mutations_wait_for_their_commit(
    gql: GraphQLClient,
) -> None:
    before = (await gql.everything(), gql.world.files())
    query = """mutation($file: Upload!, $id: ID!) {
      updateTicket(input: {id: $id, priority: LOW}) { errors { code } }
      uploadAttachment(input: {ticketId: $id, file: $file}) { errors { code } }
    }"""
    asked = {"query": query, "variables": {"id": str(key("T-1")), "file": None}}
    found = await gql.client.post(
        "/graphql",
        data={"operations": json.dumps(asked), "map": '{"0": ["variables.file"]}'},
        files={"0": ("notes.txt", b"content")},
        headers={
            "Idempotency-Key": "one",
            "GraphQL-Require-Preflight": "1",
            **gql.headers("keith"),
        },
    )
    assert found.status_code == 400
    assert found.json()["errors"][0]["message"] == (
        "With Idempotency-Key an operation has uploadAttachment as its first mutation only: give "
        "each mutation a key of its own by @idempotent."
    )
    assert (await gql.everything(), gql.world.files()) == before


async def test_an_answer_that_is_too_large_to_store_is_refused(gql: GraphQLClient) -> None:
    long = await gql.ask(
        "mutation($id: ID!, $text: String!) { updateTicket(input: {id: $id, description: $text})"
        " { errors { code } } }",
        {"id": str(key("T-1")), "text": "x" * 1_000_000},
    )
    assert long == {"updateTicket": {"errors": []}}
    before = await gql.everything()
    fields = " ".join(f"d{n}: description" for n in range(5))
    update = "updateTicket(input: {id: $id, priority: LOW}) %s { ticket { %s } errors { code } }"
    given = {"id": str(key("T-1"))}
    found = await send(gql, f"mutation($id: ID!) {{ {update % ('', fields)} }}", **given)
    assert found.status_code == 400
    field = update % ('@idempotent(key: "one")', fields)
    answer = (await gql.post(f"mutation($id: ID!) {{ {field} }}", given)).json()
    for errors in (found.json()["errors"], answer["errors"]):
        assert [one["extensions"]["code"] for one in errors] == ["BAD_USER_INPUT"]
        assert errors[0]["message"].startswith("The answer has more than 4194304 bytes")
    assert await gql.everything() == before


@pytest.mark.parametrize("how", ["dryRun: true", ""], ids=["dry run", "key"])
async def test_what_is_undone_is_not_told_as_done(opens: Opens, how: str) -> None:
    """A payload that cannot be read has the ids of what was written; here nothing was."""
    async with opens() as gql:
        object.__setattr__(gql.services, "max_answer_bytes", 200)
        await gql.add(*few_rows(), ticket("T-1"))
        await gql.add(comment("said", "T-1"))
        before = await gql.everything()
        directive = "" if how else '@idempotent(key: "one")'
        query = f"""mutation($id: ID!) {{
          deleteComment(input: {{id: $id {how}}}) {directive} {{
            deletedCommentId events {{ a: id b: id c: id d: id e: id }}
          }}
        }}"""
        answer = (await gql.post(query, {"id": str(key("said"))})).json()
        assert "deletedCommentId" not in json.dumps(answer["data"])
        [error] = answer["errors"]
        assert error["message"].startswith("The answer has more than 200 bytes")
        assert await gql.everything() == before
