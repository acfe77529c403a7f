"""``undo``, and what a history says of it."""

from typing import Any

import pytest

from resolvers.query.undo.reasons import SENTENCES, UndoRefusalReason
from tests.support.graphql_client import GraphQLClient
from tests.support.rows import key

pytestmark = pytest.mark.anyio

LONG = "A long text. " * 400
UNDO = """mutation($id: ID!, $dry: Boolean! = false) {
  undo(input: {eventId: $id, dryRun: $dry}) {
    ticket { id priority version history(last: 1) { nodes { type } } }
    comment { id text } attachment { id name }
    events { id type canUndo changes { field from to } }
    errors { code message field conflict {
      expectedVersion actualVersion isExplained changedFields
      fields { field base yours theirs changedByName changedAt } } } } }"""
HISTORY = """query($id: ID!) { ticket(id: $id) { history(first: 100) { edges { node {
  id type canUndo undoRefusal { reason message } } } } } }"""
OFFLINE = str(key("offline"))


@pytest.fixture
async def desk(shared_gql: GraphQLClient) -> GraphQLClient:
    """Give the application with the rows of the world."""
    await shared_gql.world.reset()
    shared_gql.statements.clear()
    return shared_gql


async def write(gql: GraphQLClient, name: str, given: dict[str, Any], who: str = "keith") -> str:
    """Make a change; returns the id of its last event."""
    kind = name[0].upper() + name[1:]
    answer = "{ events { id } errors { message } }"
    text = f"mutation($i: {kind}Input!) {{ {name}(input: $i) {answer} }}"
    done = (await gql.ask(text, {"i": given}, who))[name]
    assert done["errors"] == []
    return str(done["events"][-1]["id"])


async def undo(gql: GraphQLClient, event: str, who: str = "keith", **more: Any) -> Any:
    return (await gql.ask(UNDO, {"id": event, **more}, who))["undo"]


async def told(gql: GraphQLClient, who: str = "keith", ticket: str = OFFLINE) -> dict[str, Any]:
    """Return the reason of each event of a ticket by its id, None where it can be undone."""
    gql.statements.clear()
    found = (await gql.ask(HISTORY, {"id": ticket}, who))["ticket"]["history"]["edges"]
    # The first one may look the user up.
    assert len(gql.statements) <= 2
    for edge in found:
        refusal = edge["node"]["undoRefusal"]
        assert edge["node"]["canUndo"] is (refusal is None)
        if refusal is not None:
            reason = UndoRefusalReason(refusal["reason"].lower())
            assert refusal["message"] == SENTENCES[reason]
    return {edge["node"]["id"]: (edge["node"]["undoRefusal"] or {}).get("reason") for edge in found}


async def test_a_change_is_undone_and_the_undo_is_one(desk: GraphQLClient) -> None:
    event = await write(desk, "updateTicket", {"id": OFFLINE, "priority": "LOW"})
    before = await desk.everything()
    tried = await undo(desk, event, dry=True)
    assert tried["ticket"]["priority"] == "HIGH"
    assert await desk.everything() == before

    done = await undo(desk, event)
    assert done["errors"] == []
    assert (done["ticket"]["version"], done["ticket"]["priority"]) == (3, "HIGH")
    assert done["comment"] is done["attachment"] is None
    [again] = done["events"]
    assert again["changes"] == [{"field": "priority", "from": "low", "to": "high"}]
    assert again["canUndo"] is True
    assert (await undo(desk, again["id"]))["ticket"]["priority"] == "LOW"


async def test_a_history_says_what_can_be_undone(desk: GraphQLClient) -> None:
    event = await write(desk, "updateTicket", {"id": OFFLINE, "priority": "LOW", "dueDate": None})
    text = await write(desk, "updateTicket", {"id": OFFLINE, "description": LONG})
    comment = await write(desk, "addComment", {"ticketId": OFFLINE, "text": LONG})
    edited = await write(desk, "updateComment", {"id": str(key("public")), "text": LONG})
    renamed = await write(desk, "updateAttachment", {"id": str(key("photo")), "name": "b"})
    assigned = await write(desk, "assignTicket", {"id": OFFLINE, "userId": str(key("admin"))})
    internal = await write(desk, "updateComment", {"id": str(key("public")), "isInternal": True})
    found = await told(desk)
    assert [found[one] for one in (event, text, edited, renamed, assigned, internal)] == [None] * 6
    assert found[comment] == "CREATED"

    await write(desk, "updateTicket", {"id": OFFLINE, "priority": "URGENT"}, "admin")
    await write(desk, "updateTicket", {"id": OFFLINE, "description": LONG + "!"}, "admin")
    await write(desk, "updateComment", {"id": str(key("public")), "text": "x"}, "admin")
    await write(desk, "updateAttachment", {"id": str(key("photo")), "name": "c"}, "admin")
    await write(desk, "updateTicket", {"id": OFFLINE, "status": "CLOSED"}, "admin")
    found = await told(desk)
    for one in (event, text, edited, renamed):
        assert found[one] == "CHANGED"
        refused = await undo(desk, one)
        assert (refused["ticket"], refused["events"]) == (None, None)
        assert (refused["errors"][0]["code"], refused["errors"][0]["field"]) == (
            "CONFLICT",
            ["eventId"],
        )
    assert found[internal] is found[assigned] is None

    desk.world.clock.move(hours=24)
    assert set((await told(desk)).values()) == {"TOO_OLD", "CREATED"}
    [error] = (await undo(desk, internal))["errors"]
    assert (error["code"], error["message"]) == ("INVALID", "It is too long ago to be undone.")


async def test_a_conflict_is_explained(desk: GraphQLClient) -> None:
    event = await write(desk, "updateTicket", {"id": OFFLINE, "priority": "LOW"})
    await write(desk, "updateTicket", {"id": OFFLINE, "priority": "URGENT"}, "admin")
    [error] = (await undo(desk, event))["errors"]
    assert error["conflict"] == {
        "expectedVersion": 2,
        "actualVersion": 3,
        "isExplained": True,
        "changedFields": ["priority"],
        "fields": [
            {
                "field": "priority",
                "base": "low",
                "yours": "high",
                "theirs": "urgent",
                "changedByName": "Admin Test",
                "changedAt": "2025-11-19T12:00:00Z",
            }
        ],
    }


async def test_deleted_things_come_back(desk: GraphQLClient) -> None:
    file = await write(desk, "deleteAttachment", {"id": str(key("photo"))})
    comment = await write(desk, "deleteComment", {"id": str(key("public"))})
    found = await told(desk)
    assert found[file] is found[comment] is None
    assert found[file] is None
    assert (await undo(desk, comment))["comment"]["text"] == "Text of public"
    assert (await undo(desk, file))["attachment"]["name"] == "photo.txt"
    found = await told(desk)
    assert (found[file], found[comment]) == ("RESTORED", "RESTORED")

    deleted = await write(desk, "deleteTicket", {"id": OFFLINE})
    events = "{ ticketEvents(last: 1) { nodes { id canUndo undoRefusal { reason } } } }"
    [node] = (await desk.ask(events))["ticketEvents"]["nodes"]
    assert node == {"id": deleted, "canUndo": True, "undoRefusal": None}
    [node] = (await desk.ask(events, viewer="carla"))["ticketEvents"]["nodes"]
    assert node["undoRefusal"] == {"reason": "FORBIDDEN"}
    assert (await undo(desk, deleted, "carla"))["errors"][0]["code"] == "FORBIDDEN"
    found = await desk.ask(
        '{ tickets { totalCount } search(query: "offline") { nodes { __typename } } }'
    )
    assert found == {"tickets": {"totalCount": 2}, "search": {"nodes": []}}

    done = await undo(desk, deleted)
    assert done["ticket"]["history"]["nodes"] == [{"type": "CREATED"}]
    found = await desk.ask(
        '{ tickets { totalCount } search(query: "offline") { nodes { __typename } } }'
    )
    assert found["tickets"]["totalCount"] == 3
    assert {"__typename": "Ticket"} in found["search"]["nodes"]


async def test_what_customers_are_told(desk: GraphQLClient) -> None:
    volume = str(key("volume"))
    mine = await write(desk, "updateTicket", {"id": volume, "subject": "S"}, "carla")
    staff = await write(desk, "updateTicket", {"id": volume, "priority": "LOW"})
    own = await write(desk, "deleteComment", {"id": str(key("own"))}, "carla")
    found = await told(desk, "carla", volume)
    assert (found[mine], found[staff], found[own]) == (None, "FORBIDDEN", None)
    found = await told(desk, "colin", volume)
    assert (found[mine], found[staff], found[own]) == ("FORBIDDEN",) * 3
    assert (await undo(desk, own, "carla"))["comment"]["id"] == str(key("own"))


async def test_it_is_asked_for_however_deep(desk: GraphQLClient) -> None:
    await write(desk, "updateTicket", {"id": OFFLINE, "priority": "LOW"})
    for who in ("keith", "carla"):
        deep = """{ companies { nodes { tickets(first: 1) { nodes { history(first: 2) {
          edges { node { canUndo ticket { history { nodes {
            canUndo undoRefusal { reason message __typename } } } } } } } } } } } }"""
        assert "errors" not in (await desk.post(deep, viewer=who)).json()
