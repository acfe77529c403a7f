"""``undoTickets``: all that a batch has done is undone by the events of its answer."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from models import Comment, Role, Ticket
from tests.support.clock import NOON
from tests.support.graphql_client import GraphQLClient
from tests.support.rows import attachment, comment, contact, key, ticket, user

pytestmark = pytest.mark.anyio

ANSWER = """
    results { id ticket { id priority version }
              errors { code message field conflict {
                expectedVersion actualVersion isExplained changedFields
                fields { field base yours theirs changedById baseExcerptStart baseLength } } } }
    changedCount
    events { id type }
    errors { code message field }
"""
UNCOUNTED = {"version", "updated_at"}


def of_input(name: str, directive: str = "") -> str:
    kind = name[0].upper() + name[1:] + "Input"
    return f"mutation($input: {kind}!) {{ {name}(input: $input) {directive} {{ {ANSWER} }} }}"


async def send(gql: GraphQLClient, name: str, viewer: str = "keith", **given: Any) -> Any:
    return (await gql.ask(of_input(name), {"input": given}, viewer))[name]


async def done(gql: GraphQLClient, name: str, viewer: str = "keith", **given: Any) -> list[str]:
    """Write; returns the ids of the events."""
    found = await send(gql, name, viewer, **given)
    assert found["changedCount"] == len(found["results"]) > 0
    return [one["id"] for one in found["events"]]


async def undo(gql: GraphQLClient, events: list[str], viewer: str = "keith", **more: Any) -> Any:
    return await send(gql, "undoTickets", viewer, eventIds=events, **more)


async def refused(gql: GraphQLClient, events: list[str], viewer: str = "keith", **more: Any) -> Any:
    """Send what nothing may come of."""
    before = await gql.everything()
    found = await undo(gql, events, viewer, **more)
    assert await gql.everything() == before
    assert found["changedCount"] in (None, 0)
    return found


async def state(gql: GraphQLClient) -> dict[str, Any]:
    """Return the tickets, comments and files, without what every change moves."""
    rows = await gql.everything()
    tickets = [one.model_dump(exclude=UNCOUNTED) for one in await stored(gql)]
    return {"tickets": tickets, **{name: rows[name] for name in ("comments", "attachments")}}


async def stored(gql: GraphQLClient) -> list[Ticket]:
    found = await gql.ask("{ tickets { nodes { id } } }", viewer="admin")
    rows = [await gql.world.get(Ticket, one["id"]) for one in found["tickets"]["nodes"]]
    return sorted(rows, key=lambda row: row.ticket_number)


def ids(*names: str) -> list[str]:
    return [str(key(name)) for name in names]


def codes(found: Any) -> list[list[str]]:
    return [[error["code"] for error in one["errors"]] for one in found["results"]]


def new(**more: Any) -> dict[str, Any]:
    return {"subject": "S", "description": "D", "companyId": str(key("hilton")), **more}


@pytest.fixture(autouse=True)
async def three_tickets(gql: GraphQLClient) -> None:
    await gql.add(contact("john"), contact("jane", company_id=key("centara")))
    await gql.add(
        ticket("a", 1, tags="old, vip", created_by_id=key("carla"), contact_id=key("john")),
        ticket("b", 2, priority="low"),
        ticket("c", 3, company_id=key("centara"), assigned_to_id=key("keith")),
    )


CHANGES: dict[str, Any] = {
    "changes": {
        "priority": "URGENT",
        "status": "RESOLVED",
        "description": "Another one. " * 500,
        "companyId": str(key("hilton")),
        "contactId": str(key("john")),
        "assignedToId": str(key("admin")),
    },
    "addTags": ["outage"],
    "removeTags": ["old"],
    "comment": {"text": "We are on it."},
}


async def test_all_that_a_batch_has_changed_is_undone_and_done_again(gql: GraphQLClient) -> None:
    before = await state(gql)
    events = await done(gql, "updateTickets", ids=ids("c", "a", "b"), **CHANGES)
    changed = await state(gql)
    found = await undo(gql, events)
    assert (codes(found), found["changedCount"], found["errors"]) == ([[], [], []], 3, [])
    assert [one["id"] for one in found["results"]] == ids("c", "a", "b")
    assert [one["ticket"]["version"] for one in found["results"]] == [3, 3, 3]
    assert await state(gql) == before
    # The undo is a change like any other.
    again = await undo(gql, [one["id"] for one in found["events"]])
    assert again["changedCount"] == 3
    now = await state(gql)
    assert now["tickets"] == changed["tickets"]
    assert None not in [one["first_response_at"] for one in now["tickets"]]
    assert len(now["comments"]) == 3


async def test_a_comment_that_comes_back_is_no_first_response_where_another_one_is(
    gql: GraphQLClient,
) -> None:
    events = await done(gql, "updateTickets", ids=ids("a", "b"), comment={"text": "We look."})
    undone = [one["id"] for one in (await undo(gql, events))["events"]]
    gql.world.clock.move(hours=1)
    await done(gql, "updateTickets", ids=ids("b"), comment={"text": "Still."})
    assert (await undo(gql, undone))["changedCount"] == 2
    answered = [(await gql.world.get(Ticket, key(name))).first_response_at for name in "ab"]
    assert answered == [NOON, NOON + timedelta(hours=1)]


async def test_deleted_tickets_come_back_with_all_they_had(gql: GraphQLClient) -> None:
    await gql.add(comment("one", "a"), attachment("file", "b"))
    before = await state(gql)
    events = await done(gql, "deleteTickets", ids=ids("a", "b"))
    found = await undo(gql, events)
    assert (codes(found), [one["type"] for one in found["events"]]) == ([[], []], ["CREATED"] * 2)
    assert [one["ticket"]["id"] for one in found["results"]] == ids("a", "b")
    assert await state(gql) == before
    gone = await undo(gql, [one["id"] for one in found["events"]])
    assert [one["ticket"] for one in gone["results"]] == [None, None]
    assert [one.id for one in await stored(gql)] == [key("c")]


async def test_new_tickets_are_deleted_unless_others_have_worked_on_them(
    gql: GraphQLClient,
) -> None:
    events = await done(gql, "createTickets", inputs=[new() for _ in range(4)])
    first, second, third, _ = [one for one in await stored(gql) if one.subject == "S"]
    await done(gql, "updateTickets", "admin", ids=[str(first.id)], addTags=["mine"])
    await done(gql, "updateTickets", "admin", ids=[str(second.id)], comment={"text": "Mine"})
    more = await done(gql, "updateTickets", ids=[str(third.id)], addTags=["mine"])
    # What is undone with it is no work of others.
    found = await undo(gql, [*events, *more])
    assert codes(found) == [["CONFLICT"], ["CONFLICT"], [], []]
    assert found["results"][0]["errors"][0] == {
        "code": "CONFLICT",
        "message": "The same fields were changed again since then.",
        "field": ["eventIds", "0"],
        "conflict": None,
    }
    assert [one["type"] for one in found["events"]] == ["DELETED", "DELETED"]
    assert {one.id for one in await stored(gql)} == {
        first.id,
        second.id,
        key("a"),
        key("b"),
        key("c"),
    }
    # They can be restored as any deleted ticket.
    assert (await undo(gql, [one["id"] for one in found["events"]]))["changedCount"] == 2


async def test_what_others_have_changed_is_explained(gql: GraphQLClient) -> None:
    names = ids("a", "b", "c")
    events = await done(gql, "updateTickets", ids=names, changes={"priority": "HIGH"})
    await done(gql, "updateTickets", "admin", ids=names[:2], changes={"priority": "URGENT"})
    found = await undo(gql, events)
    assert (codes(found), found["changedCount"]) == ([["CONFLICT"], ["CONFLICT"], []], 1)
    yours = [one["errors"][0]["conflict"]["fields"][0]["yours"] for one in found["results"][:2]]
    assert yours == ["medium", "low"]
    assert found["results"][1]["errors"] == [
        {
            "code": "CONFLICT",
            "message": "It has changed: version 3 is the current one, not 2.",
            "field": ["eventIds", "1"],
            "conflict": {
                "expectedVersion": 2,
                "actualVersion": 3,
                "isExplained": True,
                "changedFields": ["priority"],
                "fields": [
                    {
                        "field": "priority",
                        "base": "high",
                        "yours": "low",
                        "theirs": "urgent",
                        "changedById": str(key("admin")),
                        "baseExcerptStart": None,
                        "baseLength": None,
                    }
                ],
            },
        }
    ]
    assert found["results"][2]["ticket"]["priority"] == "MEDIUM"


async def test_a_ticket_is_undone_whole_or_not_at_all(gql: GraphQLClient) -> None:
    both = await done(
        gql, "updateTickets", ids=ids("a", "b"), addTags=["x"], comment={"text": "Mine"}
    )
    [edited, _] = (await gql.everything())["comments"]
    one = await gql.world.get(Comment, edited[0])
    about = str(one.ticket_id)
    query = "mutation($i: UpdateCommentInput!) { updateComment(input: $i) { errors { code } } }"
    given = {"id": str(one.id), "text": "Other"}
    assert (await gql.ask(query, {"i": given}, "admin"))["updateComment"]["errors"] == []
    answer = await undo(gql, both)
    assert answer["changedCount"] == 1
    (kept,) = [one for one in answer["results"] if one["errors"]]
    assert (kept["id"], kept["errors"][0]["code"]) == (about, "CONFLICT")
    tags = {str(one.id): one.tags for one in await stored(gql)}
    assert "x" in tags[about]
    assert sum("x" in one for one in tags.values()) == 1


async def test_several_changes_of_a_ticket_are_undone_together(gql: GraphQLClient) -> None:
    before = await state(gql)
    first = await done(gql, "updateTickets", ids=ids("a", "b"), changes={"priority": "HIGH"})
    second = await done(gql, "updateTickets", ids=ids("a"), changes={"priority": "URGENT"})
    alone = await undo(gql, first, dryRun=True)
    assert codes(alone) == [["CONFLICT"], []]
    found = await undo(gql, [*first, *second])
    assert [one["id"] for one in found["results"]] == ids("a", "b")
    assert (found["changedCount"], [one["type"] for one in found["events"]]) == (
        2,
        ["UPDATED", "UPDATED"],
    )
    assert await state(gql) == before


async def test_with_all_one_refused_ticket_stops_the_others(gql: GraphQLClient) -> None:
    events = await done(gql, "updateTickets", ids=ids("a", "b"), changes={"priority": "HIGH"})
    unknown = str(uuid4())
    found = await refused(gql, [unknown, *events], mode="ALL")
    assert codes(found) == [["NOT_FOUND"], ["ABORTED"], ["ABORTED"]]
    assert found["results"][0] == {
        "id": None,
        "ticket": None,
        "errors": [
            {
                "code": "NOT_FOUND",
                "message": "There is no such event.",
                "field": ["eventIds", "0"],
                "conflict": None,
            }
        ],
    }
    found = await undo(gql, [*events, "no id", *events])
    assert (codes(found), found["changedCount"]) == ([[], [], ["NOT_FOUND"]], 2)


async def test_each_refusal_is_told(gql: GraphQLClient) -> None:
    events = await done(gql, "updateTickets", ids=ids("a", "b"), comment={"text": "Mine"})
    assert (await undo(gql, events))["changedCount"] == 2
    found = await refused(gql, events)
    assert codes(found) == [["CONFLICT"]] * 2
    message = "What was changed is deleted: undo that first."
    assert found["results"][0]["errors"][0]["message"] == message
    gone = await done(gql, "deleteTickets", ids=ids("a"))
    assert (await undo(gql, gone))["changedCount"] == 1
    found = await refused(gql, gone)
    assert found["results"][0]["errors"][0]["message"] == "What was deleted is there again."
    late = await done(gql, "createTickets", inputs=[new()])
    gql.clock.now += timedelta(hours=24)
    found = await refused(gql, late)
    assert (codes(found), found["results"][0]["errors"][0]["message"]) == (
        [["INVALID"]],
        "It is too long ago to be undone.",
    )


async def test_edits_of_comments_are_undone_one_by_one(gql: GraphQLClient) -> None:
    await gql.add(comment("one", "a"))
    query = """mutation($i: UpdateCommentInput!) {
        updateComment(input: $i) { events { id } errors { code } } }"""
    made = await gql.ask(query, {"i": {"id": str(key("one")), "text": "Other"}})
    found = await refused(gql, [made["updateComment"]["events"][0]["id"]])
    assert codes(found) == [["INVALID"]]
    assert found["results"][0]["errors"][0]["field"] == ["eventIds", "0"]


async def test_too_many_events_and_none_are_refused(gql: GraphQLClient) -> None:
    for events in ([], ids(*map(str, range(401)))):
        found = await refused(gql, events)
        assert (found["results"], found["events"]) == (None, None)
        [error] = found["errors"]
        assert error["message"] == f"Takes 1 to 400 events at once, not {len(events)}."
    found = await refused(gql, ids(*map(str, range(101))))
    [error] = found["errors"]
    assert error["message"] == "Takes 1 to 100 tickets at once, not 101."


@pytest.mark.proof
async def test_texts_that_are_too_long_together_are_refused(gql: GraphQLClient) -> None:
    names = [f"long {n}" for n in range(18)]
    await gql.add(*(ticket(name, description="x" * 10**6) for name in names))
    events = []
    for some in (names[:9], names[9:]):
        events += await done(gql, "updateTickets", ids=ids(*some), changes={"description": "D"})
    found = await refused(gql, events)
    message = "The texts of these tickets have more than 16777216 bytes: choose fewer of them."
    assert [one["message"] for one in found["errors"]] == [message]
    assert (await undo(gql, events[:9]))["changedCount"] == 9


async def test_it_takes_the_permissions_of_the_change(gql: GraphQLClient) -> None:
    await gql.add(user("colin", Role.CUSTOMER, company_id=key("hilton")))
    mine = await done(
        gql, "updateTickets", "carla", ids=ids("a"), changes={"subject": "N"}, comment={"text": "T"}
    )
    staff = await done(gql, "updateTickets", ids=ids("b", "c"), changes={"priority": "HIGH"})
    gone = await done(gql, "deleteTickets", ids=ids("b"))
    made = await done(gql, "createTickets", "carla", inputs=[new()])
    # One of another company does not exist for a customer, and a deletion is staff's.
    found = await refused(gql, [*staff, *gone, *made], "carla")
    assert codes(found) == [["CONFLICT"], ["NOT_FOUND"], ["FORBIDDEN"]]
    found = await refused(gql, gone, "carla")
    assert codes(found) == [["FORBIDDEN"]]
    assert codes(await refused(gql, mine, "colin")) == [["FORBIDDEN"]]
    assert (await undo(gql, mine, "carla"))["changedCount"] == 1
    query, given = of_input("undoTickets"), {"input": {"eventIds": staff}}
    before = await gql.everything()
    error = await gql.refused(query, given, None)
    assert error["extensions"]["code"] == "UNAUTHENTICATED"
    assert await gql.everything() == before


async def test_a_note_of_staff_does_not_exist_for_customers(gql: GraphQLClient) -> None:
    note = {"text": "T", "isInternal": True}
    events = await done(gql, "updateTickets", ids=ids("a"), comment=note)
    assert codes(await refused(gql, events, "carla")) == [["NOT_FOUND"]]
    assert (await undo(gql, events))["changedCount"] == 1


async def test_a_dry_run_leaves_nothing(gql: GraphQLClient) -> None:
    events = await done(gql, "updateTickets", ids=ids("a", "b"), **CHANGES)
    before = await gql.everything()
    tried = await undo(gql, events, dryRun=True)
    assert await gql.everything() == before
    found = await undo(gql, events)
    assert (tried["results"], tried["changedCount"]) == (found["results"], found["changedCount"])
    assert [one["type"] for one in tried["events"]] == [one["type"] for one in found["events"]]


async def test_with_a_key_it_is_done_once(gql: GraphQLClient) -> None:
    events = await done(gql, "updateTickets", ids=ids("a", "b"), changes={"priority": "HIGH"})
    await done(gql, "updateTickets", "admin", ids=ids("b"), changes={"priority": "URGENT"})
    query = of_input("undoTickets", '@idempotent(key: "undo")')
    first = await gql.ask(query, {"input": {"eventIds": events}})
    assert codes(first["undoTickets"]) == [[], ["CONFLICT"]]
    after = await gql.everything()
    assert await gql.ask(query, {"input": {"eventIds": events}}) == first
    assert await gql.everything() == after


async def statements_of(gql: GraphQLClient, events: list[str]) -> tuple[int, Any]:
    gql.statements.clear()
    found = await undo(gql, events)
    return len(gql.statements), found


async def test_the_number_of_statements_is_the_same_for_2_and_100(gql: GraphQLClient) -> None:
    names = [f"many {n}" for n in range(102)]
    few, many = names[:2], names[2:]
    await gql.add(*(ticket(name) for name in names))
    await statements_of(gql, [str(uuid4())])
    change: dict[str, Any] = {
        "changes": {"priority": "LOW", "assignedToId": str(key("keith"))},
        "addTags": ["t"],
        "comment": {"text": "T"},
    }
    for name, *both in (
        ("updateTickets", {"ids": ids(*few), **change}, {"ids": ids(*many), **change}),
        ("deleteTickets", {"ids": ids(*few)}, {"ids": ids(*many)}),
        ("createTickets", {"inputs": [new()] * 2}, {"inputs": [new()] * 100}),
    ):
        written = [await done(gql, name, **given) for given in both]
        for _ in ("undone", "done again"):
            counts = [await statements_of(gql, events) for events in written]
            assert [found["changedCount"] for _, found in counts] == [2, 100], name
            assert counts[0][0] == counts[1][0] <= 25, name
            written = [[one["id"] for one in found["events"]] for _, found in counts]


async def test_conflicts_of_100_take_one_statement_more(gql: GraphQLClient) -> None:
    names = [f"many {n}" for n in range(100)]
    await gql.add(*(ticket(name) for name in names))
    events = await done(gql, "updateTickets", ids=ids(*names), changes={"priority": "LOW"})
    await done(gql, "updateTickets", "admin", ids=ids(*names), changes={"priority": "URGENT"})
    one, _ = await statements_of(gql, events[:1])
    count, found = await statements_of(gql, events)
    assert codes(found) == [["CONFLICT"]] * 100
    assert all(each["errors"][0]["conflict"]["isExplained"] for each in found["results"])
    assert count == one
