"""Conflicts and merges as GraphQL tells them."""

import json
from typing import Any

import pytest

from models import Ticket
from tests.support.graphql_client import GraphQLClient
from tests.support.rows import key

pytestmark = pytest.mark.anyio

ERRORS = """errors { code message field conflict {
  expectedVersion actualVersion isExplained changedFields
  fields { field base baseExcerptStart baseLength yours theirs
    changedById changedByName changedAt } } }"""
MERGED = "merged { __typename to: actualVersion expectedVersion changedFields }"
OFFLINE, PUBLIC, PHOTO = str(key("offline")), str(key("public")), str(key("photo"))


@pytest.fixture
async def desk(shared_gql: GraphQLClient) -> GraphQLClient:
    await shared_gql.world.reset()
    shared_gql.statements.clear()
    return shared_gql


async def run(
    desk: GraphQLClient, mutation: str, answer: str = "", who: str = "keith", **given: Any
) -> Any:
    """Run a mutation; returns its payload."""
    type_ = f"{mutation[0].upper()}{mutation[1:]}Input"
    query = f"mutation($i: {type_}!) {{ {mutation}(input: $i) {{ {answer} {ERRORS} }} }}"
    return (await desk.ask(query, {"i": given}, who))[mutation]


async def update(desk: GraphQLClient, who: str = "keith", **given: Any) -> Any:
    answer = f"ticket {{ version subject priority tags }} {MERGED}"
    return await run(desk, "updateTicket", answer, who, id=OFFLINE, **given)


async def test_a_conflict_has_all_of_it(desk: GraphQLClient) -> None:
    assert (await update(desk, "admin", priority="LOW", tags=[], dueDate=None))["errors"] == []
    before = await desk.everything()

    payload = await update(desk, expectedVersion=1, priority="URGENT", subject="Yours")

    assert (payload["ticket"], payload["merged"]) == (None, None)
    (error,) = payload["errors"]
    conflict = error.pop("conflict")
    assert error == {
        "code": "CONFLICT",
        "message": "It has changed: version 2 is the current one, not 1.",
        "field": ["expectedVersion"],
    }
    assert conflict == {
        "expectedVersion": 1,
        "actualVersion": 2,
        "isExplained": True,
        "changedFields": ["priority", "due_date", "tags"],
        "fields": [
            {
                "field": "priority",
                "base": "high",
                "baseExcerptStart": None,
                "baseLength": None,
                "yours": "urgent",
                "theirs": "low",
                "changedById": str(key("admin")),
                "changedByName": "Admin Test",
                "changedAt": "2025-11-19T12:00:00Z",
            }
        ],
    }
    assert await desk.everything() == before


async def test_a_merge_says_so_and_over_which_versions(desk: GraphQLClient) -> None:
    await update(desk, "admin", priority="LOW")
    await update(desk, "admin", tags=["theirs"])

    payload = await update(desk, expectedVersion=1, onConflict="MERGE", subject="Yours")
    assert payload == {
        "ticket": {"version": 4, "subject": "Yours", "priority": "LOW", "tags": ["theirs"]},
        "merged": {
            "__typename": "Merge",
            "expectedVersion": 1,
            "to": 3,
            "changedFields": ["priority", "tags"],
        },
        "errors": [],
    }
    for more in ({"expectedVersion": 4, "onConflict": "MERGE"}, {"onConflict": "MERGE"}, {}):
        payload = await update(desk, **more)
        assert (payload["errors"], payload["merged"]) == ([], None)
        assert payload["ticket"]["version"] == 4


async def test_null_and_fail_are_what_absent_is(desk: GraphQLClient) -> None:
    await update(desk, "admin", priority="LOW")
    for resolution in (None, "FAIL"):
        payload = await update(desk, expectedVersion=1, onConflict=resolution, subject="Yours")
        assert payload["errors"][0]["conflict"]["fields"] == []
    assert (await update(desk, expectedVersion=None, onConflict=None, subject="Yours"))["ticket"]


async def test_a_version_that_is_not_there_yet(desk: GraphQLClient) -> None:
    (error,) = (await update(desk, expectedVersion=7, onConflict="MERGE", subject="S"))["errors"]
    assert error["message"] == "There is no version 7 yet: 1 is the current one."
    assert error["conflict"]["isExplained"] is False


async def test_every_mutation_of_tickets_and_what_is_in_them_expects_a_version(
    desk: GraphQLClient,
) -> None:
    await update(desk, "admin", subject="Theirs")
    await run(desk, "updateComment", "", "admin", id=PUBLIC, text="Theirs")
    before = await desk.everything()
    # Each with the version that there is by then.
    writes: list[tuple[str, int, dict[str, Any]]] = [
        ("updateTicket", 2, {"id": OFFLINE, "subject": "Mine"}),
        ("assignTicket", 3, {"id": OFFLINE, "userId": str(key("admin"))}),
        ("addComment", 4, {"ticketId": OFFLINE, "text": "Mine"}),
        ("updateComment", 2, {"id": PUBLIC, "text": "Mine"}),
        ("deleteComment", 3, {"id": PUBLIC}),
        ("updateAttachment", 4, {"id": PHOTO, "name": "mine.txt"}),
        ("deleteAttachment", 4, {"id": PHOTO}),
        ("deleteTicket", 4, {"id": OFFLINE}),
    ]
    for name, _, given in writes:
        (error,) = (await run(desk, name, expectedVersion=1, **given))["errors"]
        assert (error["code"], error["field"]) == ("CONFLICT", ["expectedVersion"]), name
        changed = ["text"] if name in ("updateComment", "deleteComment") else ["subject"]
        assert error["conflict"]["changedFields"] == changed
        assert await desk.everything() == before
    for name, version, given in writes:
        payload = await run(desk, name, expectedVersion=version, **given)
        assert payload["errors"] == [], name


async def test_an_upload_expects_the_version_of_its_ticket(desk: GraphQLClient) -> None:
    await update(desk, "admin", subject="Theirs")
    before = await desk.everything()
    query = (
        "mutation($i: UploadAttachmentInput!) { uploadAttachment(input: $i) "
        f"{{ attachment {{ id }} {ERRORS} }} }}"
    )

    async def upload(version: int) -> Any:
        given = {"ticketId": OFFLINE, "file": None, "expectedVersion": version}
        operations = json.dumps({"query": query, "variables": {"i": given}})
        answer = await desk.client.post(
            "/graphql",
            headers={**desk.headers("keith"), "GraphQL-Require-Preflight": "1"},
            data={"operations": operations, "map": '{"0": ["variables.i.file"]}'},
            files={"0": ("a.txt", b"content")},
        )
        return answer.json()["data"]["uploadAttachment"]

    (error,) = (await upload(1))["errors"]
    assert (error["code"], error["conflict"]["changedFields"]) == ("CONFLICT", ["subject"])
    assert await desk.everything() == before
    assert (await upload(2))["attachment"]


async def test_an_assignment_and_a_comment_are_merged(desk: GraphQLClient) -> None:
    await update(desk, "admin", subject="Theirs")
    payload = await run(
        desk,
        "assignTicket",
        f"ticket {{ version subject }} {MERGED}",
        id=OFFLINE,
        userId=str(key("admin")),
        expectedVersion=1,
        onConflict="MERGE",
    )
    assert payload["ticket"] == {"version": 3, "subject": "Theirs"}
    assert payload["merged"]["changedFields"] == ["subject"]

    await run(desk, "updateComment", id=PUBLIC, isInternal=True)
    payload = await run(
        desk,
        "updateComment",
        f"comment {{ text isInternal }} {MERGED}",
        id=PUBLIC,
        text="Yours",
        expectedVersion=1,
        onConflict="MERGE",
    )
    assert payload["comment"] == {"text": "Yours", "isInternal": True}
    assert payload["merged"]["changedFields"] == ["is_internal"]


async def counted(desk: GraphQLClient, **given: Any) -> int:
    desk.statements.clear()
    await update(desk, **given)
    return len([one for one in desk.statements if not one.startswith(("BEGIN", "COMMIT"))])


async def test_a_conflict_takes_one_statement_more(desk: GraphQLClient) -> None:
    await counted(desk, subject="0")
    plain = await counted(desk, subject="1")
    assert await counted(desk, subject="2", expectedVersion=3) == plain
    assert await counted(desk, subject="3", expectedVersion=4, onConflict="MERGE") == plain
    await counted(desk, priority="LOW")

    assert await counted(desk, subject="4", expectedVersion=5, onConflict="MERGE") == plain + 1
    # The row, and what has happened to it.
    assert await counted(desk, subject="5", expectedVersion=5, onConflict="MERGE") == 2
    assert await counted(desk, subject="5", expectedVersion=5) == 2
    # Nothing is looked for where nothing can be known.
    assert await counted(desk, subject="5", expectedVersion=99) == 1
    assert (await desk.world.get(Ticket, key("offline"))).subject == "4"
