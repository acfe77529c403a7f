"""Batches: each request as if it had come alone."""

import pytest

from resolvers.auth.passwords import hash_password
from schema.transport import negotiation
from tests.schema.transport.test_over_http import CREATE, KEITH, VIEWER, of_new, refusal, tickets
from tests.support.graphql_client import GraphQLClient
from tests.support.rows import ticket, user

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize("backend", ["sqlite"], indirect=True),
]


async def test_a_batch_is_answered_in_its_order(gql: GraphQLClient) -> None:
    await gql.add(ticket("T-1"))
    batch = [
        {"query": VIEWER},
        {"query": CREATE, "variables": of_new("First")},
        {"query": "{ nothing }"},
        {"query": "{ tickets(orderBy: [{field: CREATED_AT}]) { nodes { subject } } }"},
        {"query": CREATE, "variables": of_new("Second")},
        {"query": "subscription { ticketEvents { cursor } }"},
        {"query": "query A { __typename } query B { a: __typename }", "operationName": "B"},
    ]
    for accept in (negotiation.JSON, negotiation.GRAPHQL):
        headers = {"Accept": accept, **gql.headers("keith")}
        response = await gql.client.post("/graphql", json=batch, headers=headers)
        assert response.status_code == 200
        assert response.headers["content-type"].split(";")[0] == accept
        answers = response.json()
        assert answers[0] == KEITH
        assert answers[1]["data"]["createTicket"] == {"ticket": {"subject": "First"}, "errors": []}
        assert answers[2]["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
        assert "data" not in answers[2]
        # What comes later sees what was done before.
        assert {"subject": "First"} in answers[3]["data"]["tickets"]["nodes"]
        assert answers[4]["data"]["createTicket"]["ticket"] == {"subject": "Second"}
        assert "text/event-stream" in answers[5]["errors"][0]["message"]
        assert answers[6] == {"data": {"a": "Query"}}
    assert await tickets(gql) == ["T-1", *["First", "Second"] * 2]


async def test_a_batch_is_run_as_a_whole_or_not_at_all(gql: GraphQLClient) -> None:
    create = {"query": CREATE, "variables": of_new("No")}
    headers = gql.headers("keith")
    for batch in ([create, {}], [create] * 11, [create, {"query": "{ a }", "variables": 3}]):
        refusal(await gql.client.post("/graphql", json=batch, headers=headers), 400)
    streamed = {"Accept": negotiation.EVENTS, **headers}
    refusal(await gql.client.post("/graphql", json=[create], headers=streamed), 400)
    assert await tickets(gql) == []


async def test_a_login_in_a_batch_is_for_its_own_request(gql: GraphQLClient) -> None:
    await gql.add(user("door", password=hash_password("let me in please")))
    login = 'mutation { login(input: {username: "door", password: "let me in please"}) '
    login += "{ accessToken user { username } } }"
    batch = [{"query": login}, {"query": VIEWER}]
    response = await gql.client.post("/graphql", json=batch)
    first, second = response.json()
    assert first["data"]["login"]["user"] == {"username": "door"}
    assert second == {"data": {"viewer": None}}
