"""``dryRun`` in the input of a mutation: all of it is done, answered, and undone."""

from typing import Any

import pytest
from graphql import build_schema, get_named_type

from tests.support.graphql_client import GraphQLClient
from tests.support.paths import ROOT
from tests.support.rows import key, ticket

pytestmark = pytest.mark.anyio

EVENTS = "events { id type ticketNumber changes { field from to } }"


def of_input(name: str, more: str) -> str:
    kind = name[0].upper() + name[1:] + "Input"
    return f"mutation($input: {kind}!) {{ {name}(input: $input) {{ {more} errors {{ code }} }} }}"


@pytest.fixture(autouse=True)
async def a_ticket(gql: GraphQLClient) -> None:
    await gql.add(ticket("T-1"))


async def test_what_would_be_is_answered_and_nothing_stays(gql: GraphQLClient) -> None:
    query = of_input("createTicket", f"ticket {{ id ticketNumber subject version }} {EVENTS}")
    given = {"subject": "S", "description": "D", "companyId": str(key("hilton"))}
    before = await gql.everything()
    tried = (await gql.ask(query, {"input": {**given, "dryRun": True}}))["createTicket"]
    assert await gql.everything() == before
    done = (await gql.ask(query, {"input": given}))["createTicket"]
    assert tried["ticket"]["ticketNumber"] == done["ticket"]["ticketNumber"]
    assert [event["type"] for event in tried["events"]] == ["CREATED"]
    assert tried["events"][0]["ticketNumber"] == tried["ticket"]["ticketNumber"]
    assert [event["type"] for event in done["events"]] == ["CREATED"]


async def test_the_events_of_a_change_are_told(gql: GraphQLClient) -> None:
    query = of_input("updateTicket", f"ticket {{ priority status version }} {EVENTS}")
    given = {"id": str(key("T-1")), "priority": "LOW", "status": "IN_PROGRESS", "dryRun": True}
    before = await gql.everything()
    tried = (await gql.ask(query, {"input": given}))["updateTicket"]
    assert await gql.everything() == before
    assert tried["ticket"] == {"priority": "LOW", "status": "IN_PROGRESS", "version": 2}
    assert [event["type"] for event in tried["events"]] == ["STATUS_CHANGED", "UPDATED"]


@pytest.mark.parametrize(
    ("name", "given", "answer"),
    [
        ("updateTicket", {"id": "nothing", "priority": "LOW"}, "NOT_FOUND"),
        ("createTicket", {"subject": " ", "description": "D", "companyId": "hilton"}, "INVALID"),
        ("updateTicket", {"id": "T-1", "priority": "LOW", "expectedVersion": 9}, "CONFLICT"),
    ],
)
async def test_it_is_refused_as_the_mutation_would_be(
    gql: GraphQLClient, name: str, given: dict[str, Any], answer: str
) -> None:
    query = of_input(name, EVENTS)
    ids = {name: str(key(given[name])) for name in ("id", "companyId") if name in given}
    before = await gql.everything()
    found = (await gql.ask(query, {"input": {**given, **ids, "dryRun": True}}))[name]
    assert found == {"events": None, "errors": [{"code": answer}]}
    assert await gql.everything() == before


async def test_a_delete_keeps_the_ticket(gql: GraphQLClient) -> None:
    query = of_input("deleteTicket", f"deletedTicketId {EVENTS}")
    before = await gql.everything()
    given = {"id": str(key("T-1")), "dryRun": True}
    found = (await gql.ask(query, {"input": given}))["deleteTicket"]
    assert found["deletedTicketId"] == str(key("T-1"))
    assert [event["type"] for event in found["events"]] == ["DELETED"]
    assert await gql.everything() == before


async def test_what_follows_in_the_operation_is_done(gql: GraphQLClient) -> None:
    query = """
    mutation($try: UpdateTicketInput!, $do: UpdateTicketInput!) {
      tried: updateTicket(input: $try) { ticket { priority version } }
      done: updateTicket(input: $do) { ticket { priority version } }
    }
    """
    one = {"id": str(key("T-1"))}
    given = {"try": {**one, "priority": "URGENT", "dryRun": True}, "do": {**one, "priority": "LOW"}}
    found = await gql.ask(query, given)
    assert found["tried"]["ticket"] == {"priority": "URGENT", "version": 2}
    assert found["done"]["ticket"] == {"priority": "LOW", "version": 2}


async def test_a_try_with_an_idempotency_key_leaves_only_its_answer(gql: GraphQLClient) -> None:
    query = of_input("updateTicket", "ticket { version }")
    given = {"id": str(key("T-1")), "priority": "LOW", "dryRun": True}
    before = await gql.everything()
    headers = {"Idempotency-Key": "one", **gql.headers("keith")}
    body = {"query": query, "variables": {"input": given}}
    first = await gql.client.post("/graphql", json=body, headers=headers)
    assert first.json()["data"]["updateTicket"]["ticket"] == {"version": 2}
    after = await gql.everything()
    assert [name for name in after if after[name] != before[name]] == ["idempotency_keys"]


def test_every_input_of_a_write_has_it() -> None:
    schema = build_schema((ROOT / "schema/snapshots/schema.graphql").read_text())
    assert schema.mutation_type is not None
    sessions = {"login", "refreshToken", "logout", "logoutEverywhere", "changePassword"}
    without = {
        name
        for name, field in schema.mutation_type.fields.items()
        if "input" not in field.args
        or "dryRun" not in get_named_type(field.args["input"].type).fields
    }
    assert without == sessions
