"""Null in what creates something is as good as absent; in a change it clears, or is refused."""

from typing import Any

import pytest
from graphql import GraphQLInputObjectType, is_non_null_type

from tests.support.graphql_client import GraphQLClient, client_schema
from tests.support.rows import company, key, ticket

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize("backend", ["sqlite"], indirect=True),
]
SCHEMA = client_schema()
ACME = str(key("acme"))
HILTON = str(key("hilton"))
REQUIRED: dict[str, dict[str, Any]] = {
    "createTicket": {"subject": "S", "description": "D", "companyId": HILTON},
    "addComment": {"ticketId": str(key("T-1")), "text": "x"},
    "createCompany": {"name": "Novotel"},
    "createContact": {"name": "Jane", "companyId": HILTON},
    "createUser": {"username": "nora", "password": "long enough for all", "role": "TECH"},
    "createWebhook": {"url": "https://hooks.example/x"},
}


def nulls(mutation: str) -> dict[str, None]:
    """Return null for every field of a mutation's input that may be null."""
    named = mutation[0].upper() + mutation[1:] + "Input"
    type_ = SCHEMA.get_type(named)
    assert isinstance(type_, GraphQLInputObjectType)
    return {name: None for name, one in type_.fields.items() if not is_non_null_type(one.type)}


def document(mutation: str) -> str:
    named = mutation[0].upper() + mutation[1:] + "Input"
    selection = "{ errors { message field } __typename }"
    return f"mutation($input: {named}!) {{ done: {mutation}(input: $input) {selection} }}"


@pytest.mark.parametrize("mutation", REQUIRED)
async def test_null_is_absent_where_something_is_created(gql: GraphQLClient, mutation: str) -> None:
    await gql.add(ticket("T-1"))
    given = REQUIRED[mutation] | nulls(mutation)
    assert len(given) > len(REQUIRED[mutation])

    answer = await gql.ask(document(mutation), {"input": given}, "admin")

    assert answer["done"]["errors"] == []


async def test_what_is_null_gets_its_default(gql: GraphQLClient) -> None:
    given = REQUIRED["createTicket"] | nulls("createTicket")
    query = """mutation($input: CreateTicketInput!) { createTicket(input: $input) {
        ticket { status priority category tags contact { id } dueDate assignedTeam } } }"""

    made = (await gql.ask(query, {"input": given}))["createTicket"]["ticket"]

    assert made == {
        "status": "NEW", "priority": "MEDIUM", "category": "GENERAL", "tags": [],
        "contact": None, "dueDate": None, "assignedTeam": None,
    }  # fmt: skip


async def test_assigning_says_whom_or_null(gql: GraphQLClient) -> None:
    await gql.add(ticket("T-1", assigned_to_id=key("keith")), company("third"))
    query = """mutation($input: AssignTicketInput!) { assignTicket(input: $input) {
        ticket { assignedTo { username } version } errors { code field } } }"""
    wanted: dict[str, Any] = {"id": str(key("T-1"))}

    async def assign(**more: Any) -> Any:
        return (await gql.ask(query, {"input": wanted | more}))["assignTicket"]

    absent = await assign()
    assert absent["errors"] == [{"code": "INVALID", "field": ["userId"]}]
    stale = await assign(userId=None, expectedVersion=9)
    assert stale["errors"] == [{"code": "CONFLICT", "field": ["expectedVersion"]}]
    current = '{ ticket(ticketNumber: "T-1") { assignedTo { username } } }'
    assert (await gql.ask(current))["ticket"]["assignedTo"] == {"username": "keith"}

    done = await assign(userId=None, expectedVersion=1)
    assert done == {"ticket": {"assignedTo": None, "version": 2}, "errors": []}
