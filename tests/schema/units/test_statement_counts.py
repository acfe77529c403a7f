"""How many statements a write takes that is tried, undone, or sent again, beside the plain one."""

from typing import Any

import pytest

from tests.support.graphql_client import GraphQLClient
from tests.support.rows import comment, key

pytestmark = pytest.mark.anyio

UPDATE = """mutation($input: UpdateTicketInput!) {
  updateTicket(input: $input) { events { id } errors { message } } }"""
DELETE = """mutation($input: DeleteTicketInput!) {
  deleteTicket(input: $input) { events { id } errors { message } } }"""
UNDO = """mutation($input: UndoInput!) {
  undo(input: $input) { ticket { id } errors { message } } }"""
ENDS = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")


@pytest.fixture
async def desk(shared_gql: GraphQLClient) -> GraphQLClient:
    """Give the application with the rows of the world."""
    await shared_gql.world.reset()
    return shared_gql


async def send(
    desk: GraphQLClient, query: str, given: dict[str, Any], **headers: str
) -> tuple[Any, int]:
    """Send a mutation; returns its payload and how many statements it took."""
    desk.statements.clear()
    body = {"query": query, "variables": {"input": given}}
    response = await desk.client.post(
        "/graphql", json=body, headers={**desk.headers("admin"), **headers}
    )
    (payload,) = response.json()["data"].values()
    assert payload["errors"] == []
    return payload, len([one for one in desk.statements if not one.startswith(ENDS)])


async def update(desk: GraphQLClient, **given: Any) -> tuple[Any, int]:
    return await send(desk, UPDATE, {"id": str(key("offline")), **given})


async def test_a_dry_run(desk: GraphQLClient) -> None:
    await update(desk, subject="0")
    _, plain = await update(desk, subject="1")
    # The row, the change, its event and what is answered.
    assert plain == 4
    assert (await update(desk, subject="2", dryRun=True))[1] == plain


async def test_an_undo(desk: GraphQLClient) -> None:
    await update(desk, subject="0")
    done, plain = await update(desk, subject="1")
    given = {"eventId": done["events"][0]["id"]}
    for tried in (True, False):
        _, count = await send(desk, UNDO, {**given, "dryRun": tried})
        assert count == plain + 1


async def test_an_undo_of_a_deletion_whatever_the_ticket_has(desk: GraphQLClient) -> None:
    await desk.add(*(comment(f"c{number}", "volume") for number in range(50)))
    counts = set()
    for ticket in ("offline", "bill", "volume"):
        done, _ = await send(desk, DELETE, {"id": str(key(ticket))})
        counts.add((await send(desk, UNDO, {"eventId": done["events"][0]["id"]}))[1])
    assert counts == {12}


async def test_a_repeated_answer(desk: GraphQLClient) -> None:
    await update(desk, subject="0")
    _, plain = await update(desk, subject="1")
    given = {"id": str(key("offline")), "subject": "2"}
    _, first = await send(desk, UPDATE, given, **{"Idempotency-Key": "one"})
    _, again = await send(desk, UPDATE, given, **{"Idempotency-Key": "one"})
    # The key is taken and the answer stored; then it is only read.
    assert (first, again) == (plain + 2, 2)
