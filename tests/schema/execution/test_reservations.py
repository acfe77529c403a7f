"""Points through GraphQL: drawn before, given back after, refused where there are too few."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any
from unittest.mock import ANY

import pytest

from schema import create_schema
from schema.execution.context import GraphContext
from tests.schema.conftest import Opens
from tests.support.graphql_client import GraphQLClient
from tests.support.rows import company, event, ticket, user

pytestmark = pytest.mark.anyio

# 101 points.
MANY = "{ tickets(first: 100) { nodes { id } } }"
ONE = '{ __type(name: "Int") { name } }'
VIEWER = "{ viewer { id } }"
LEFT = "{ rateLimit { maximum available restoreRate resetAt } }"
LOGIN = """mutation Login($input: LoginInput!) {
  login(input: $input) { accessToken errors { code } }
}"""
CREATE = """mutation Create($input: CreateCompanyInput!) {
  createCompany(input: $input) { company { id } errors { code } }
}"""


@pytest.fixture
async def small(opens: Opens) -> AsyncIterator[GraphQLClient]:
    """Give a desk whose users have 120 points a minute."""
    async with opens(rate_limit=120, max_cost=110) as gql:
        await gql.add(company("hilton"), user("keith"), user("admin"))
        # What is new costs more.
        for query in (MANY, LEFT, ONE, VIEWER):
            await gql.post(query)
            gql.clock.move(hours=1)
        yield gql


async def cost_of(gql: GraphQLClient, query: str, viewer: Any = "keith", **variables: Any) -> Any:
    answer = (await gql.post(query, variables or None, viewer)).json()
    assert "errors" not in answer, answer
    return answer["extensions"]["cost"]


async def drain(gql: GraphQLClient, points: int, viewer: Any = "keith") -> None:
    """Use points up, with objects that are really answered."""
    for _ in range(points):
        await cost_of(gql, ONE, viewer)


async def test_an_answer_tells_what_it_cost(small: GraphQLClient) -> None:
    assert await cost_of(small, MANY) == {
        "requested": 101,
        "actual": 1,
        "throttle": {"maximum": 120, "available": 119, "restoreRate": 2.0},
    }


async def test_too_few_points_are_refused_until_they_are_back(small: GraphQLClient) -> None:
    await drain(small, 30)
    small.statements.clear()
    response = await small.post(MANY)
    (error,) = response.json()["errors"]
    assert "data" not in response.json()
    assert error["message"] == "This is too much for now: try again in 6 seconds."
    assert error["extensions"] == {
        "code": "THROTTLED",
        "retryAfter": 6,
        "cost": {
            "requested": 101,
            "actual": 0,
            "throttle": {"maximum": 120, "available": 90, "restoreRate": 2.0},
        },
        "requestId": response.headers["x-request-id"],
    }
    assert response.headers["retry-after"] == "6"
    assert small.statements == []
    small.clock.move(seconds=5)
    assert "errors" in (await small.post(MANY)).json()
    small.clock.move(seconds=1)
    assert (await cost_of(small, MANY))["throttle"]["available"] == 101


async def test_what_is_cheap_goes_on_where_what_is_dear_is_refused(small: GraphQLClient) -> None:
    await drain(small, 30)
    assert "errors" in (await small.post(MANY)).json()
    assert (await cost_of(small, VIEWER))["throttle"]["available"] == 89


async def test_users_and_addresses_have_points_of_their_own(small: GraphQLClient) -> None:
    await drain(small, 20, "keith")
    await drain(small, 5, None)
    for viewer, left in (("keith", 100), ("admin", 120), (None, 115)):
        data = await small.ask(LEFT, viewer=viewer)
        assert data["rateLimit"]["available"] == left


async def test_how_much_is_left_costs_nothing_to_ask(small: GraphQLClient) -> None:
    await drain(small, 120)
    for _ in range(2):
        answer = (await small.post(LEFT)).json()
        assert answer["data"]["rateLimit"] == {
            "maximum": 120,
            "available": 0,
            "restoreRate": 2.0,
            "resetAt": "2025-11-19T10:31:00.000000Z",
        } | {"resetAt": answer["data"]["rateLimit"]["resetAt"]}
        assert answer["extensions"]["cost"]["requested"] == 0
    assert answer["data"]["rateLimit"]["resetAt"].endswith("Z")


async def test_a_write_costs_ten_more_and_does_not_give_them_back(small: GraphQLClient) -> None:
    told = await cost_of(small, CREATE, input={"name": "x"})
    # The payload, its object and twenty errors; there was one error, the viewer being no Admin.
    assert (told["requested"], told["actual"]) == (32, 12)


async def test_what_is_too_dear_for_any_bucket_is_a_mistake(small: GraphQLClient) -> None:
    small.statements.clear()
    query = "query($n: Int) { tickets(first: $n) { nodes { id company { id } } } }"
    error = await small.refused(query, {"n": 60})
    assert error["message"] == "An operation may cost 110 points; this one may cost 121."
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    small.clock.move(hours=1)
    await small.ask(query, {"n": 50})


async def test_what_costs_exactly_as_much_as_it_may_is_run(small: GraphQLClient) -> None:
    exactly = "{ companies(first: 8) { nodes { id } } tickets(first: 100) { nodes { id } } }"
    small.clock.move(hours=1)
    assert (await cost_of(small, exactly))["requested"] == 110
    small.clock.move(hours=1)
    error = await small.refused(exactly.replace("first: 8", "first: 9"))
    assert error["message"] == "An operation may cost 110 points; this one may cost 111."


async def test_all_that_is_left_can_be_used_and_no_more(small: GraphQLClient) -> None:
    await drain(small, 19)
    assert (await cost_of(small, MANY))["requested"] == 101
    await drain(small, 19)
    assert "errors" in (await small.post(MANY)).json()


async def test_an_operation_whose_time_is_up_gets_nothing_back(
    small: GraphQLClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_statement: object) -> None:
        await asyncio.Event().wait()

    # Who asks is known by now.
    await small.ask(LEFT)
    with monkeypatch.context() as patch:
        patch.setattr(small.services.database, "fetch_row", never)
        patch.setitem(small.services.__dict__, "operation_seconds", 0.05)
        answer = (await small.post(MANY)).json()
    assert answer["errors"][0]["extensions"]["code"] == "TIMEOUT"
    told = answer["extensions"]["cost"]
    assert (told["requested"], told["actual"]) == (101, 101)
    assert (await small.ask(LEFT))["rateLimit"]["available"] == 19


REFUSED = {
    "no syntax": {"query": "{"},
    "not valid": {"query": "{ nothing }"},
    "too deep": {"query": "{a" * 30 + "}" * 30},
    "too long": {"query": "{ viewer { id } } #".ljust(30_000)},
    "too dear": {"query": "{ tickets(first: 100) { nodes { id company { id } } } }"},
    "an unknown id": {"documentId": "nothing"},
    "an unknown hash": {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "x"}}},
    "no such operation": {"query": VIEWER, "operationName": "Nothing"},
    "wrong variables": {"query": f"query($a: Int!) {VIEWER}", "variables": {"a": "x"}},
    "too many variables": {"query": VIEWER, "variables": {"a": [1] * 3000}},
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_is_refused_costs_points_also_in_a_batch(
    small: GraphQLClient, name: str
) -> None:
    async def post(body: object) -> Any:
        return (await small.client.post("/graphql", json=body, headers=headers)).json()

    headers = small.headers("keith")
    first = await post(REFUSED[name])
    assert first["errors"]
    # What is new costs more, once.
    small.clock.move(minutes=5)
    told = (await post(REFUSED[name]))["extensions"]["cost"]
    assert (told["requested"], told["actual"]) == (10, 10)
    small.clock.move(minutes=5)
    await post([REFUSED[name]] * 3)
    left = (await small.ask(LEFT))["rateLimit"]["available"]
    assert left == 120 - 3 * 10
    # The bucket may be as empty as it is: then nothing is looked at.
    small.clock.move(minutes=5)
    await drain(small, 115)
    refused = await post([REFUSED[name], REFUSED[name]])
    assert [one["errors"][0]["extensions"]["code"] for one in refused] == ["THROTTLED"] * 2


async def test_a_bucket_holds_what_one_operation_may_cost(opens: Opens) -> None:
    async with opens(rate_limit=1, max_cost=500) as gql:
        data = await gql.ask(LEFT, viewer=None)
        assert data["rateLimit"]["maximum"] == 500


async def test_nothing_is_counted_where_it_is_off(gql: GraphQLClient) -> None:
    answer = (await gql.post(MANY)).json()
    assert list(answer) == ["data"]
    assert (await gql.ask(LEFT))["rateLimit"] is None
    for _ in range(12):
        await gql.ask(LOGIN, {"input": {"username": "keith", "password": "wrong"}}, None)


async def test_a_stream_tells_the_cost_and_that_there_are_too_few_points(
    small: GraphQLClient,
) -> None:
    headers = {"Accept": "text/event-stream", **small.headers("keith")}

    async def streamed(query: str) -> Any:
        response = await small.client.post("/graphql", json={"query": query}, headers=headers)
        (line,) = (line for line in response.text.splitlines() if line.startswith("data: {"))
        return json.loads(line.removeprefix("data: "))

    assert (await streamed(MANY))["extensions"]["cost"]["requested"] == 101
    await drain(small, 119)
    follow = "subscription { ticketEvents { id ticket { id } } }"
    (error,) = (await streamed(follow))["errors"]
    assert error["extensions"]["code"] == "THROTTLED"
    assert error["extensions"]["retryAfter"] == 1


async def test_a_subscription_costs_once_when_it_is_opened(small: GraphQLClient) -> None:
    await small.add(ticket("T-1"), *(event(f"e{i}", "T-1") for i in range(5)))
    token = small.headers("keith")["Authorization"].split()[1]
    context = GraphContext(small.services, "http://desk.test", "1", token)
    await context.identify()
    follow = 'subscription { ticketEvents(after: "") { id ticket { id } } }'
    schema = create_schema()
    async with aclosing(await schema.stream(follow, None, context)) as results:
        for _ in range(5):
            result = await anext(results)
            assert result.errors is None
    # What the first one cost for its new plan is there again.
    small.clock.move(minutes=1)
    data = await small.ask(LEFT)
    left = data["rateLimit"]["available"]
    async with aclosing(await schema.stream(follow, None, context)) as results:
        for _ in range(5):
            await anext(results)
    data = await small.ask(LEFT)
    assert left - data["rateLimit"]["available"] == 2


async def test_ten_logins_a_minute_for_a_name(opens: Opens) -> None:
    async with opens(rate_limit=100_000) as gql:
        await gql.add(user("keith"))

        async def attempt(name: str) -> Any:
            given = {"input": {"username": name, "password": "wrong"}}
            return (await gql.post(LOGIN, given, None)).json()

        for name in ("keith", "nobody-of-this-name"):
            for spelled in (name, f" {name.upper()} ") * 5:
                assert (await attempt(spelled))["data"]["login"]["errors"] == [{"code": "INVALID"}]
                gql.clock.move(seconds=0.1)
            gql.statements.clear()
            (error,) = (await attempt(name))["errors"]
            assert error["extensions"] == {"code": "THROTTLED", "retryAfter": 5, "requestId": ANY}
            assert gql.statements == []
            gql.clock.move(seconds=60)
        gql.clock.move(seconds=5)
        assert "errors" not in await attempt("keith")


async def test_too_many_logins_are_told_by_a_header_and_a_status(opens: Opens) -> None:
    async with opens(rate_limit=100_000) as gql:
        headers = {"Accept": "application/graphql-response+json"}
        body = {"query": LOGIN, "variables": {"input": {"username": "nobody", "password": "x"}}}
        for _ in range(10):
            response = await gql.client.post("/graphql", json=body, headers=headers)
            assert (response.status_code, "retry-after" in response.headers) == (200, False)
        for accept, status in (("application/graphql-response+json", 429), ("*/*", 200)):
            response = await gql.client.post("/graphql", json=body, headers={"Accept": accept})
            (error,) = response.json()["errors"]
            assert error["extensions"] == {"code": "THROTTLED", "retryAfter": 6, "requestId": ANY}
            assert (response.status_code, response.headers["retry-after"]) == (status, "6")


async def test_names_of_one_address_are_limited_together(opens: Opens) -> None:
    async with opens(rate_limit=100_000) as gql:
        for i in range(51):
            given = {"input": {"username": f"name {i}", "password": "wrong"}}
            answer = (await gql.post(LOGIN, given, None)).json()
            assert ("errors" in answer) is (i == 50)
