"""Queries of one field do without the executor; what they answer is the same."""

import re
from typing import Any

import pytest

from tests.support.graphql_client import GraphQLClient
from tests.support.rows import comment, ticket

UNKNOWN = "00000000-0000-4000-8000-000000000000"
TICKETS = "tickets(first: 2) { nodes { id comments(first: 1) { totalCount } } }"

QUERIES: list[tuple[str, dict[str, Any] | None]] = [
    (f"query {{ {TICKETS} }}", None),
    (f"query {{ found: {TICKETS} }}", None),
    ("query Q($first: Int = 1) { tickets(first: $first) { nodes { id } } }", None),
    ("query Q($first: Int) { tickets(first: $first) { nodes { id } } }", {"first": 3}),
    ("query Q($first: Int) { tickets(first: $first) { nodes { id } } }", {"first": None}),
    # Values that no variable or argument takes.
    ("query Q($first: Int) { tickets(first: $first) { nodes { id } } }", {"first": "x"}),
    ("query Q($first: Int!) { tickets(first: $first) { nodes { id } } }", {}),
    ("query Q($id: ID) { node(id: $id) { id } }", {}),
    ("query Q($first: Int) { tickets(first: $first) { nodes { id } } }", {"first": -1}),
    ('query { tickets(after: "no cursor") { nodes { id } } }', None),
    ('query { tickets(first: 1) { nodes { comments(after: "no cursor") { totalCount } } } }', None),
    ("query Q($s: Boolean) { tickets { nodes { id @skip(if: $s) } } }", {"s": None}),
    (f'query {{ ticket(id: "{UNKNOWN}") {{ id }} }}', None),
    ('query { ticket(id: "no id") { id } }', None),
    ("query { ticket { id } }", None),
    (f'query {{ node(id: "{UNKNOWN}") {{ id }} }}', None),
    (f'query {{ nodes(ids: ["{UNKNOWN}"]) {{ id }} }}', None),
    # The parser takes selections of nothing.
    ("query { tickets { } }", None),
    ("query { tickets(first: 1) { nodes { } } }", None),
    ("query { viewer { } }", None),
    ("query { ticketStats { ...F } } fragment F on TicketStats { }", None),
    ("query { viewer { id ...F } } fragment F on User { username }", None),
    ("query { ticketStats { total } }", None),
    ('query { search(query: "a", first: 1) { nodes { __typename } } }', None),
]


def without_the_other(answer: dict[str, Any]) -> dict[str, Any]:
    """Return what an answer has of the field that is compared."""
    data = answer.get("data")
    if data is not None:
        data.pop("other", None)
    for error in answer.get("errors", ()):
        # The other field is in front of it, in the same line.
        error.pop("locations", None)
        error.get("extensions", {}).pop("requestId", None)
    answer.pop("extensions", None)
    return answer


@pytest.mark.parametrize("viewer", ["keith", None])
@pytest.mark.parametrize(("query", "variables"), QUERIES)
async def test_a_field_alone_answers_as_beside_another(
    gql: GraphQLClient, query: str, variables: dict[str, Any] | None, viewer: str | None
) -> None:
    beside = re.sub(r"^(query[^{]*\{)", r"\1 other: __typename ", query)
    await gql.add(ticket("T-1"), comment("c", "T-1"), ticket("T-2"))
    one = await gql.post(query, variables, viewer)
    both = await gql.post(beside, variables, viewer)
    assert one.status_code == both.status_code
    assert without_the_other(one.json()) == without_the_other(both.json())


async def test_the_locations_of_an_error_are_those_of_its_field(gql: GraphQLClient) -> None:
    error = await gql.refused("query {\n  ticket { id }\n}")
    assert error["locations"] == [{"line": 2, "column": 3}]
    assert error["path"] == ["ticket"]


@pytest.mark.parametrize("query", ["{}", "query {}", "query Q { ... { } }", "mutation {}"])
async def test_a_selection_of_nothing_answers_nothing(gql: GraphQLClient, query: str) -> None:
    response = await gql.post(query, None, "keith")
    assert (response.status_code, response.json()["data"]) == (200, {})


async def test_a_subscription_to_nothing_is_refused(gql: GraphQLClient) -> None:
    response = await gql.post("subscription {}", None, "keith")
    assert response.status_code < 500
    assert response.json()["errors"]
