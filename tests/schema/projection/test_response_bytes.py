"""The limit of an answer's size, for fields, operations and batches."""

from typing import Any

import pytest

from tests.support.graphql_client import GraphQLClient
from tests.support.rows import comment, event, key, ticket

pytestmark = pytest.mark.anyio

LIMIT = 20_000
LONG = "ä" * 500
SENTENCE = f"The answer has more than {LIMIT} bytes: ask for fewer rows, or less of each."
COMMENTS = "comments(first: $n) { nodes { text } }"
ONE = f'query($n: Int) {{ ticket(ticketNumber: "T-1") {{ {COMMENTS} }} }}'
ALIASES = " ".join(f"a{i}: {COMMENTS}" for i in range(10))
ALIASES = f'query($n: Int) {{ ticket(ticketNumber: "T-1") {{ {ALIASES} }} }}'
FEED = f"query($n: Int) {{ ticketEvents(first: 1) {{ nodes {{ ticket {{ {COMMENTS} }} }} }} }}"
ROOTS = f'query($n: Int) {{ viewer {{ username }} a: ticket(ticketNumber: "T-1") {{ {COMMENTS} }} '
ROOTS += "b: ticketStats { total } }"


@pytest.fixture
async def long(gql: GraphQLClient, monkeypatch: pytest.MonkeyPatch) -> GraphQLClient:
    """Give a ticket with thirty comments of 1000 bytes each, and a limit of 20,000."""
    monkeypatch.setitem(gql.services.__dict__, "max_answer_bytes", LIMIT)
    await gql.add(
        ticket("T-1", description="short"),
        *(comment(f"c{i}", "T-1", text=LONG) for i in range(30)),
        event("e", "T-1", seq=1000),
    )
    return gql


async def answer(gql: GraphQLClient, query: str, n: int) -> dict[str, Any]:
    response = await gql.post(query, {"n": n})
    assert response.status_code == 200
    assert len(response.content) < LIMIT + 1000
    found: dict[str, Any] = response.json()
    return found


@pytest.mark.parametrize(("query", "fits"), [(ONE, 19), (ALIASES, 1), (FEED, 19)])
async def test_a_larger_answer_is_refused(long: GraphQLClient, query: str, fits: int) -> None:
    assert "errors" not in await answer(long, query, fits)
    for too_many in (fits + 1, 30):
        refused = await answer(long, query, too_many)
        (error,) = refused["errors"]
        assert error["message"] == SENTENCE
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
        assert len(error["path"]) == 1
        assert refused["data"] is None or set(refused["data"].values()) == {None}


async def test_the_other_root_fields_are_answered(long: GraphQLClient) -> None:
    refused = await answer(long, ROOTS, 30)
    assert [error["path"] for error in refused["errors"]] == [["a"]]
    data = refused["data"]
    assert (data["viewer"], data["a"], data["b"]) == ({"username": "keith"}, None, {"total": 1})


async def test_root_fields_and_batches_share_the_limit(long: GraphQLClient) -> None:
    # One after the other takes what is left, though each would fit.
    roots = " ".join(f'r{i}: ticket(ticketNumber: "T-1") {{ {COMMENTS} }}' for i in range(4))
    found = await answer(long, f"query($n: Int) {{ {roots} }}", 8)
    assert len(found["errors"]) == 2
    assert {error["message"] for error in found["errors"]} == {SENTENCE}
    assert sum(value is not None for value in found["data"].values()) == 2

    asked = {"query": ONE, "variables": {"n": 8}}
    small = {"query": "{ viewer { username } }"}
    response = await long.client.post(
        "/graphql", json=[asked, asked, asked, small], headers=long.headers("keith")
    )
    first, second, third, last = response.json()
    assert "errors" not in first
    assert first == second
    assert (third["data"], third["errors"][0]["message"]) == ({"ticket": None}, SENTENCE)
    assert last["data"] == {"viewer": {"username": "keith"}}


async def test_a_write_says_that_it_was_done(long: GraphQLClient) -> None:
    mutation = f"""mutation($id: ID!, $n: Int) {{
        addComment(input: {{ticketId: $id, text: "Done"}}) {{
            comment {{ text }} ticket {{ {COMMENTS} }} errors {{ code }}
        }}
    }}"""
    response = await long.post(mutation, {"id": str(key("T-1")), "n": 30})
    found = response.json()
    assert found["data"]["addComment"] == {"comment": None, "ticket": None, "errors": []}
    assert {error["message"] for error in found["errors"]} == {SENTENCE}
    data = await long.ask('{ ticket(ticketNumber: "T-1") { commentsCount } }')
    assert data["ticket"]["commentsCount"] == 31


async def test_the_guard_is_part_of_the_one_statement(long: GraphQLClient) -> None:
    await answer(long, ONE, 1)
    long.statements.clear()
    await answer(long, ONE, 30)
    assert len([sql for sql in long.statements if "comments" in sql]) == 1
