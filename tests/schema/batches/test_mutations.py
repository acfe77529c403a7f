"""``createTickets``, ``updateTickets`` and ``deleteTickets`` as a client sees them."""

import json
from typing import Any
from uuid import uuid4

import pytest

from models import Role
from tests.schema.conftest import Opens
from tests.support.graphql_client import GraphQLClient
from tests.support.rows import attachment, comment, contact, key, ticket, user

pytestmark = pytest.mark.anyio

ANSWER = """
    results { id ticket { id subject status tags version comments { totalCount } }
              errors { code message field } }
    changedCount
    events { type ticket { id } }
    errors { code message field }
"""


def of_input(name: str, answer: str = ANSWER) -> str:
    kind = name[0].upper() + name[1:] + "Input"
    return f"mutation($input: {kind}!) {{ {name}(input: $input) {{ {answer} }} }}"


async def send(gql: GraphQLClient, name: str, viewer: str = "keith", **given: Any) -> Any:
    return (await gql.ask(of_input(name), {"input": given}, viewer))[name]


async def unchanged(gql: GraphQLClient, name: str, viewer: str = "keith", **given: Any) -> Any:
    """Send what nothing may come of."""
    before = await gql.everything()
    found = await send(gql, name, viewer, **given)
    assert await gql.everything() == before
    assert found["changedCount"] in (None, 0)
    return found


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
        ticket("b", 2),
        ticket("c", 3, company_id=key("centara")),
    )


async def test_tickets_are_changed_in_the_order_given(gql: GraphQLClient) -> None:
    found = await send(
        gql, "updateTickets", ids=ids("c", "a", "b"), changes={"status": "PENDING", "subject": "N"}
    )
    assert [one["id"] for one in found["results"]] == ids("c", "a", "b")
    assert [one["ticket"]["id"] for one in found["results"]] == ids("c", "a", "b")
    shown = {(one["ticket"]["subject"], one["ticket"]["status"]) for one in found["results"]}
    assert shown == {("N", "PENDING")}
    assert (found["changedCount"], found["errors"]) == (3, [])
    assert [event["type"] for event in found["events"]] == ["STATUS_CHANGED", "UPDATED"] * 3
    about = [event["ticket"]["id"] for event in found["events"]]
    assert about == [one for name in ids("c", "a", "b") for one in (name, name)]


async def test_what_is_the_same_already_is_no_change(gql: GraphQLClient) -> None:
    await send(gql, "updateTickets", ids=ids("a"), changes={"priority": "LOW"})
    found = await send(gql, "updateTickets", ids=ids("a", "b"), changes={"priority": "LOW"})
    assert [one["ticket"]["version"] for one in found["results"]] == [2, 2]
    assert (found["changedCount"], len(found["events"])) == (1, 1)


async def test_each_refused_ticket_has_its_own_errors(gql: GraphQLClient) -> None:
    unknown = str(uuid4())
    given = ["no id", *ids("a"), unknown, *ids("c")]
    found = await send(
        gql, "updateTickets", ids=given, changes={"contactId": str(key("john")), "subject": "N"}
    )
    assert [one["id"] for one in found["results"]] == given
    assert codes(found) == [["NOT_FOUND"], [], ["NOT_FOUND"], ["INVALID"]]
    assert [one["errors"][:1] for one in found["results"]][2:] == [
        [{"code": "NOT_FOUND", "message": "There is no such ticket.", "field": ["ids", "2"]}],
        [
            {
                "code": "INVALID",
                "message": "The contact does not belong to the company of the ticket.",
                "field": ["changes", "contactId"],
            }
        ],
    ]
    assert [one["ticket"] and one["ticket"]["subject"] for one in found["results"]] == [
        None,
        "N",
        None,
        None,
    ]
    assert found["changedCount"] == 1


async def test_with_all_one_refused_ticket_stops_the_others(gql: GraphQLClient) -> None:
    found = await unchanged(
        gql, "updateTickets", ids=[*ids("a"), str(uuid4())], changes={"subject": "N"}, mode="ALL"
    )
    assert codes(found) == [["ABORTED"], ["NOT_FOUND"]]
    message = "Nothing was changed, because other tickets were refused."
    assert found["results"][0]["errors"][0]["message"] == message
    assert (found["events"], found["errors"]) == ([], [])
    done = await send(gql, "updateTickets", ids=ids("a", "b"), changes={"subject": "N"}, mode="ALL")
    assert (codes(done), done["changedCount"]) == ([[], []], 2)


async def test_tags_come_and_go_on_each_ticket(gql: GraphQLClient) -> None:
    found = await send(
        gql, "updateTickets", ids=ids("a", "b"), addTags=["new", "vip"], removeTags=["old"]
    )
    assert [one["ticket"]["tags"] for one in found["results"]] == [["vip", "new"], ["new", "vip"]]
    again = await send(gql, "updateTickets", ids=ids("a", "b"), addTags=["vip"], removeTags=["x"])
    assert (again["changedCount"], again["events"]) == (0, [])


async def test_tags_that_would_be_too_long_for_one_ticket(gql: GraphQLClient) -> None:
    await send(gql, "updateTickets", ids=ids("b"), changes={"tags": ["x" * 490]})
    found = await send(gql, "updateTickets", ids=ids("a", "b"), addTags=["y" * 20])
    assert codes(found) == [[], ["INVALID"]]
    assert found["results"][1]["errors"][0]["field"] == ["addTags"]


async def test_each_ticket_gets_the_comment(gql: GraphQLClient) -> None:
    found = await send(
        gql,
        "updateTickets",
        ids=ids("a", "b"),
        changes={"status": "CLOSED"},
        comment={"text": "Closed, too old"},
    )
    assert [one["ticket"]["comments"]["totalCount"] for one in found["results"]] == [1, 1]
    kinds = ["STATUS_CHANGED", "COMMENT_ADDED"] * 2
    assert [event["type"] for event in found["events"]] == kinds
    query = "query($id: ID!) { ticket(id: $id) { firstResponseAt } }"
    answered = await gql.ask(query, {"id": ids("a")[0]})
    assert answered["ticket"]["firstResponseAt"] is not None


WHOLE: list[tuple[dict[str, Any], list[str]]] = [
    ({"changes": {"subject": " "}}, ["changes", "subject"]),
    ({"changes": {"tags": ["a,b"]}}, ["changes", "tags"]),
    ({"changes": {"companyId": None}}, ["changes", "companyId"]),
    ({"changes": {"tags": ["a"]}, "addTags": ["b"]}, ["changes", "tags"]),
    ({"addTags": ["a,b"]}, ["addTags"]),
    ({"removeTags": ["a,b"]}, ["removeTags"]),
    ({"addTags": ["x" * 501]}, ["addTags"]),
    ({"addTags": ["x"], "removeTags": [" x"]}, ["removeTags"]),
    ({"comment": {"text": ""}}, ["comment", "text"]),
    ({"ids": []}, ["ids"]),
    ({"ids": [str(uuid4()) for _ in range(101)]}, ["ids"]),
    ({"ids": ids("a", "b", "a")}, ["ids"]),
    ({"ids": ids("a"), "filter": {}}, ["ids"]),
    ({"ids": None}, ["ids"]),
    ({"expectedCount": 1}, ["expectedCount"]),
    ({"ids": None, "filter": {}}, ["expectedCount"]),
]


@pytest.mark.parametrize(("given", "field"), WHOLE)
async def test_what_is_wrong_for_every_ticket_is_told_once(
    gql: GraphQLClient, given: dict[str, Any], field: list[str]
) -> None:
    found = await unchanged(gql, "updateTickets", **{"ids": ids("a", "b"), **given})
    assert (found["results"], found["events"]) == (None, None)
    assert [(error["code"], error["field"]) for error in found["errors"]] == [("INVALID", field)]


async def test_references_are_told_of_each_ticket(gql: GraphQLClient) -> None:
    changes = {"companyId": str(uuid4()), "assignedToId": str(key("carla"))}
    found = await unchanged(gql, "updateTickets", ids=ids("a", "b"), changes=changes)
    assert codes(found) == [["INVALID", "INVALID"]] * 2
    fields = [error["field"] for error in found["results"][0]["errors"]]
    assert fields == [["changes", "companyId"], ["changes", "assignedToId"]]


async def test_a_hundred_go_at_once(gql: GraphQLClient) -> None:
    names = [f"many {n}" for n in range(100)]
    await gql.add(*(ticket(name) for name in names))
    found = await send(gql, "updateTickets", ids=ids(*names), changes={"subject": "N"})
    assert (found["changedCount"], len(found["results"])) == (100, 100)
    gone = await send(gql, "deleteTickets", ids=ids(*names))
    assert (gone["changedCount"], len(gone["events"])) == (100, 100)


async def test_a_filter_changes_what_it_matches(gql: GraphQLClient) -> None:
    found = await send(
        gql,
        "updateTickets",
        filter={"company": {"in": ids("hilton")}, "not": {"tags": {"has": "x"}}, "open": True},
        expectedCount=2,
        changes={"subject": "Renamed"},
    )
    assert [one["id"] for one in found["results"]] == sorted(ids("a", "b"))
    assert found["changedCount"] == 2
    none = await send(gql, "deleteTickets", filter={"search": "nothing"}, expectedCount=0)
    assert (none["results"], none["changedCount"]) == ([], 0)
    gone = await send(gql, "deleteTickets", filter={"search": "renamed"}, expectedCount=2)
    assert gone["changedCount"] == 2


@pytest.mark.parametrize("name", ["updateTickets", "deleteTickets"])
async def test_a_filter_that_matches_another_number_changes_nothing(
    gql: GraphQLClient, name: str
) -> None:
    given: dict[str, Any] = {"changes": {"subject": "N"}} if name == "updateTickets" else {}
    found = await unchanged(gql, name, filter={}, expectedCount=2, **given)
    assert found["results"] is None
    assert found["errors"] == [
        {
            "code": "CONFLICT",
            "message": "The filter matches 3 tickets, not 2.",
            "field": ["expectedCount"],
        }
    ]
    # A customer's filter is about what they see.
    seen = await unchanged(gql, name, "carla", filter={}, expectedCount=3, **given)
    assert seen["errors"][0]["message"] == "The filter matches 2 tickets, not 3."


async def test_a_filter_that_matches_too_many_tells_how_many(gql: GraphQLClient) -> None:
    await gql.add(*(ticket(f"many {n}") for n in range(100)))
    found = await unchanged(gql, "deleteTickets", filter={}, expectedCount=103)
    message = "103 tickets match, and only 100 go at once: choose fewer of them."
    assert found["errors"] == [{"code": "INVALID", "message": message, "field": ["filter"]}]


async def test_texts_that_are_too_long_together_are_refused(gql: GraphQLClient) -> None:
    names = [f"long {n}" for n in range(20)]
    await gql.add(*(ticket(name, description="x" * 10**6) for name in names))
    for given in (
        {"ids": ids(*names), "changes": {"subject": "N"}},
        {"ids": ids(*names[:16]), "comment": {"text": "y" * 10**5}},
        {"filter": {}, "expectedCount": 23, "addTags": ["x"]},
    ):
        found = await unchanged(gql, "updateTickets", **given)
        message = "The texts of these tickets have more than 16777216 bytes: choose fewer of them."
        assert [error["message"] for error in found["errors"]] == [message]
    found = await send(gql, "updateTickets", ids=ids(*names[:16]), changes={"subject": "N"})
    assert found["changedCount"] == 16


async def test_a_bad_filter_is_refused_as_in_a_list(gql: GraphQLClient) -> None:
    given = {"filter": {"company": {"eq": "no id"}}, "expectedCount": 1}
    before = await gql.everything()
    error = await gql.refused(of_input("deleteTickets"), {"input": given})
    assert error["message"] == "An id in the filter is not a UUID."
    assert await gql.everything() == before


async def test_customers_do_what_they_may_do_one_by_one(gql: GraphQLClient) -> None:
    given = ids("a", "b", "c")
    found = await send(gql, "updateTickets", "carla", ids=given, changes={"subject": "N"})
    assert codes(found) == [[], ["FORBIDDEN"], ["NOT_FOUND"]]
    found = await unchanged(gql, "updateTickets", "carla", ids=given, changes={"status": "CLOSED"})
    assert codes(found) == [["FORBIDDEN"], ["FORBIDDEN"], ["NOT_FOUND"]]
    found = await send(gql, "updateTickets", "carla", ids=given, comment={"text": "T"})
    assert codes(found) == [[], [], ["NOT_FOUND"]]
    note = {"text": "T", "isInternal": True}
    found = await unchanged(gql, "updateTickets", "carla", ids=given, comment=note)
    assert codes(found) == [["FORBIDDEN"], ["FORBIDDEN"], ["NOT_FOUND"]]
    found = await unchanged(gql, "deleteTickets", "carla", ids=given)
    assert codes(found) == [["FORBIDDEN"], ["FORBIDDEN"], ["NOT_FOUND"]]
    found = await send(gql, "createTickets", "carla", inputs=[new(), new(status="CLOSED")])
    assert codes(found) == [[], ["FORBIDDEN"]]


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.CUSTOMER])
async def test_all_staff_may(gql: GraphQLClient, role: Role) -> None:
    await gql.add(user("somebody", role))
    found = await send(gql, "updateTickets", "somebody", ids=ids("a"), addTags=["x"])
    assert found["changedCount"] == 1


@pytest.mark.parametrize("name", ["updateTickets", "deleteTickets", "createTickets"])
async def test_strangers_may_not(gql: GraphQLClient, name: str) -> None:
    given: dict[str, Any] = {"ids": ids("a")}
    if name == "createTickets":
        given = {"inputs": [new()]}
    before = await gql.everything()
    error = await gql.refused(of_input(name), {"input": given}, None)
    assert error["extensions"]["code"] == "UNAUTHENTICATED"
    assert await gql.everything() == before


async def test_deleted_tickets_take_everything_with_them(gql: GraphQLClient) -> None:
    await gql.add(comment("one", "a"), attachment("file", "b"))
    given = [*ids("b"), str(uuid4()), *ids("a")]
    found = await send(gql, "deleteTickets", ids=given)
    assert codes(found) == [[], ["NOT_FOUND"], []]
    assert [one["ticket"] for one in found["results"]] == [None, None, None]
    assert [event["type"] for event in found["events"]] == ["DELETED", "DELETED"]
    left = await gql.everything()
    assert (len(left["tickets"]), left["comments"], left["attachments"]) == (1, [], [])


async def test_tickets_are_created_with_the_next_numbers(gql: GraphQLClient) -> None:
    given = [
        new(subject="one", contactId=str(key("john")), tags=["x"]),
        new(subject=""),
        new(subject="two", companyId=str(key("centara")), contactId=str(key("john"))),
        new(subject="three", assignedToId=str(key("keith")), category="BILLING"),
        new(companyId=str(uuid4()), assignedToId="no id"),
    ]
    found = await send(gql, "createTickets", inputs=given)
    assert codes(found) == [[], ["INVALID"], ["INVALID"], [], ["INVALID", "INVALID"]]
    assert found["results"][2]["errors"][0]["field"] == ["inputs", "2", "contactId"]
    assert [one["id"] is None for one in found["results"]] == [False, True, True, False, True]
    assert [event["type"] for event in found["events"]] == ["CREATED", "CREATED"]
    listed = await gql.ask("{ tickets { nodes { ticketNumber } } }")
    numbers = [one["ticketNumber"] for one in listed["tickets"]["nodes"]]
    assert {"T-20251119-0001", "T-20251119-0002"} <= set(numbers)
    nothing = await unchanged(gql, "createTickets", inputs=[new(), new(subject="")], mode="ALL")
    assert codes(nothing) == [["ABORTED"], ["INVALID"]]
    for count in (0, 101):
        refused = await unchanged(gql, "createTickets", inputs=[new()] * count)
        assert [error["field"] for error in refused["errors"]] == [["inputs"]]


@pytest.mark.parametrize("name", ["updateTickets", "deleteTickets", "createTickets"])
async def test_a_dry_run_leaves_nothing(gql: GraphQLClient, name: str) -> None:
    inputs: dict[str, dict[str, Any]] = {
        "updateTickets": {"ids": ids("a", "b"), "addTags": ["x"], "comment": {"text": "T"}},
        "deleteTickets": {"filter": {}, "expectedCount": 3},
        "createTickets": {"inputs": [new(), new()]},
    }
    given = inputs[name]
    before = await gql.everything()
    found = await send(gql, name, **given, dryRun=True)
    assert await gql.everything() == before
    done = await send(gql, name, **given)
    if name != "createTickets":
        assert found["results"] == done["results"]
    assert found["changedCount"] == done["changedCount"] > 0
    assert [one["type"] for one in found["events"]] == [one["type"] for one in done["events"]]


async def test_a_batch_with_a_key_is_done_once(gql: GraphQLClient) -> None:
    query = of_input("updateTickets").replace(
        "updateTickets(input: $input)", 'updateTickets(input: $input) @idempotent(key: "one")'
    )
    given = {"ids": [*ids("a", "b"), str(uuid4())], "comment": {"text": "T"}}
    first = await gql.ask(query, {"input": given})
    after = await gql.everything()
    assert await gql.ask(query, {"input": given}) == first
    assert await gql.everything() == after
    assert first["updateTickets"]["changedCount"] == 2


async def test_results_are_shown_as_they_are_asked_for(gql: GraphQLClient) -> None:
    answer = """
        __typename changed: changedCount
        results { __typename key: id errors { __typename why: message conflict { changedFields } }
                  first: ticket { n: ticketNumber } second: ticket { company { name } } }
        more: results { errors { code } }
    """
    given = {"ids": [*ids("c"), "no id"], "addTags": ['"quoted" \\ é']}
    found = (await gql.ask(of_input("updateTickets", answer), {"input": given}))["updateTickets"]
    assert found == {
        "__typename": "UpdateTicketsPayload",
        "changed": 1,
        "results": [
            {
                "__typename": "BulkTicketResult",
                "key": ids("c")[0],
                "errors": [],
                "first": {"n": "T-20251109-0003"},
                "second": {"company": {"name": "centara"}},
            },
            {
                "__typename": "BulkTicketResult",
                "key": "no id",
                "errors": [
                    {
                        "__typename": "UserError",
                        "why": "There is no such ticket.",
                        "conflict": None,
                    }
                ],
                "first": None,
                "second": None,
            },
        ],
        "more": [{"errors": []}, {"errors": [{"code": "NOT_FOUND"}]}],
    }


async def statements_of(gql: GraphQLClient, name: str, given: dict[str, Any]) -> int:
    gql.statements.clear()
    found = await send(gql, name, **given)
    assert found["changedCount"] == len(found["results"])
    return len(gql.statements)


async def test_the_number_of_statements_is_the_same_for_1_and_100(gql: GraphQLClient) -> None:
    names = [f"many {n}" for n in range(100)]
    await gql.add(*(ticket(name) for name in names))
    change = {"changes": {"priority": "LOW"}, "addTags": ["t"], "comment": {"text": "T"}}
    for name, few, many in (
        ("updateTickets", {"ids": ids("a"), **change}, {"ids": ids(*names), **change}),
        ("deleteTickets", {"ids": ids("a")}, {"ids": ids(*names)}),
        ("createTickets", {"inputs": [new()]}, {"inputs": [new()] * 100}),
    ):
        one = await statements_of(gql, name, few)
        # The first event takes the log, the others follow together.
        assert await statements_of(gql, name, many) <= one + 1
        assert one <= 9


def cost(response: Any) -> dict[str, Any]:
    found: dict[str, Any] = response.json()["extensions"]["cost"]
    return found


async def test_many_cost_as_many_single_ones(opens: Opens) -> None:
    async with opens(rate_limit=1_000_000) as gql:
        await gql.world.reset()
        query = of_input("updateTickets", "changedCount")
        three = ids("offline", "volume", "bill")
        single = cost(await gql.post(query, {"input": {"ids": three[:1], "addTags": ["x"]}}))
        many = cost(await gql.post(query, {"input": {"ids": three, "addTags": ["y"]}}))
        # The payload is one object.
        assert (single["requested"], many["requested"]) == (11, 31)
        shown = of_input("updateTickets", "results { ticket { id } } events { type }")
        found = cost(await gql.post(shown, {"input": {"ids": three, "addTags": ["z"]}}))
        assert (found["requested"], found["actual"]) == (40, 40)
        listed = json.dumps(three[:2])
        literal = f"mutation {{ deleteTickets(input: {{ ids: {listed} }}) {{ changedCount }} }}"
        assert cost(await gql.post(literal))["requested"] == 21
        filtered = {"filter": {"search": "nothing"}, "expectedCount": 100}
        found = cost(await gql.post(of_input("deleteTickets", "changedCount"), {"input": filtered}))
        assert found["requested"] == 1 + 10 * 100 + 25 * 20 * 4
        # Of a job the filter counts: its tickets are counted, and stored.
        found = cost(await gql.post(of_input("startBulkDelete", "__typename"), {"input": filtered}))
        assert found["requested"] == 1 + 10 + 25 * 20 * 2


async def test_a_batch_that_costs_too_much_is_refused_before_anything_is_done(opens: Opens) -> None:
    async with opens(max_cost=100) as gql:
        await gql.world.reset()
        before = await gql.everything()
        query = of_input("updateTickets", "changedCount")
        given = {"ids": [str(uuid4()) for _ in range(9)] + ids("offline"), "addTags": ["x"]}
        error = await gql.refused(query, {"input": given})
        assert error["message"] == "An operation may cost 100 points; this one may cost 101."
        assert await gql.everything() == before
