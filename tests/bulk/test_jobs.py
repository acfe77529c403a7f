"""Bulk jobs as a client sees them: what is done to tickets, and what is told of it."""

from typing import Any

import pytest

from models import BulkJob, BulkJobBatch, Ticket, TicketPriority
from resolvers.bulk.jobs import BATCH, MAX_OPEN_JOBS
from tests.bulk.conftest import Desk
from tests.support.rows import key, ticket

pytestmark = pytest.mark.anyio

COUNT = 2 * BATCH + 3


def texts(keys: list[Any]) -> list[str]:
    return [str(one) for one in keys]


async def test_tickets_of_a_filter_are_changed_in_batches(desk: Desk) -> None:
    await desk.add_tickets(COUNT)
    job = await desk.start(
        "startBulkUpdate",
        filter={"open": True},
        expectedCount=COUNT,
        changes={"priority": "URGENT"},
        addTags=["bulk"],
        comment={"text": "We are on it."},
    )
    assert job["errors"] == []
    assert (job["job"]["kind"], job["job"]["state"]) == ("UPDATE", "PENDING")
    assert (job["job"]["totalCount"], job["job"]["doneCount"]) == (COUNT, 0)
    assert job["job"]["createdBy"] == {"username": "keith"}
    assert await desk.runner.step()
    running = await desk.job(job["job"]["id"])
    assert (running["state"], running["doneCount"]) == ("RUNNING", BATCH)
    assert await desk.work() == 2
    done = await desk.job(job["job"]["id"])
    assert (done["state"], done["doneCount"], done["changedCount"]) == ("DONE", COUNT, COUNT)
    assert (done["failedCount"], done["reason"]) == (0, None)
    assert done["finishedAt"] is not None
    assert {(one.priority, one.tags, one.version) for one in await desk.tickets()} == {
        ("urgent", "bulk", 2)
    }
    events = await desk.gql.world.events()
    assert len(events) == 2 * COUNT
    assert {event.actor_id for event in events} == {key("keith")}
    # What was to be done is not kept, and which events came of it is.
    batches = await desk.rows(BulkJobBatch)
    assert [one.items for one in batches] == [None] * 3
    assert sum(len(one.event_ids) for one in batches) == 2 * COUNT


async def test_ids_are_done_in_their_order_each_refusal_with_its_place(desk: Desk) -> None:
    keys = texts(await desk.add_tickets(BATCH + 1))
    given = ["no id", *keys, str(key("unknown"))]
    job = await desk.finish("startBulkUpdate", ids=given, changes={"priority": "HIGH"})
    assert (job["state"], job["totalCount"], job["doneCount"]) == ("DONE", BATCH + 3, BATCH + 3)
    assert (job["changedCount"], job["failedCount"]) == (BATCH + 1, 2)
    assert await desk.errors(job["id"]) == [
        {
            "position": 0,
            "ticketId": None,
            "ticket": None,
            "errors": [
                {"code": "NOT_FOUND", "message": "There is no such ticket.", "field": ["ids", "0"]}
            ],
        },
        {
            "position": BATCH + 2,
            "ticketId": str(key("unknown")),
            "ticket": None,
            "errors": [
                {
                    "code": "NOT_FOUND",
                    "message": "There is no such ticket.",
                    "field": ["ids", str(BATCH + 2)],
                }
            ],
        },
    ]


async def test_the_errors_are_pages(desk: Desk) -> None:
    keys = texts(await desk.add_tickets(7, company_id=key("centara")))
    # A customer of another company, for whom none of them exists.
    job = await desk.finish("startBulkUpdate", "carla", ids=keys, comment={"text": "?"})
    query = """query($id: ID!, $after: String) { bulkJob(id: $id) {
        errors(first: 3, after: $after) {
            totalCount
            nodes { position ticket { id } errors { code } }
            pageInfo { hasNextPage endCursor }
        }
    } }"""
    places, after = [], None
    while True:
        given = {"id": job["id"], "after": after}
        page = (await desk.gql.ask(query, given, "carla"))["bulkJob"]["errors"]
        assert page["totalCount"] == 7
        places += [one["position"] for one in page["nodes"]]
        assert {one["ticket"] for one in page["nodes"]} == {None}
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    assert places == list(range(7))


async def test_tickets_are_created_and_wrong_inputs_are_left_out(desk: Desk) -> None:
    new = {"subject": "S", "description": "D", "companyId": str(key("hilton"))}
    given = [
        {**new, "tags": ["a", "b"], "dueDate": "2030-01-01T00:00:00Z", "priority": "HIGH"},
        {**new, "subject": ""},
        {**new, "companyId": "none", "tags": ["a,b"]},
        new,
    ]
    job = await desk.finish("startBulkCreate", inputs=given)
    assert (job["state"], job["changedCount"], job["failedCount"]) == ("DONE", 2, 2)
    first, second = await desk.tickets()
    assert (first.tags, first.priority, first.created_by_id) == ("a,b", "high", key("keith"))
    assert first.due_date is not None
    assert (second.tags, second.priority) == ("", "medium")
    errors = await desk.errors(job["id"])
    assert [(one["position"], one["ticketId"]) for one in errors] == [(1, None), (2, None)]
    assert [[error["field"] for error in one["errors"]] for one in errors] == [
        [["inputs", "1", "subject"]],
        [["inputs", "2", "companyId"], ["inputs", "2", "tags"]],
    ]


async def test_tickets_are_deleted(desk: Desk) -> None:
    await desk.add_tickets(BATCH + 1, tags="old")
    given: dict[str, Any] = {"filter": {"tags": {"has": "old"}}, "expectedCount": BATCH + 1}
    job = await desk.finish("startBulkDelete", **given)
    assert (job["state"], job["changedCount"]) == ("DONE", BATCH + 1)
    assert await desk.tickets() == []


async def test_the_set_is_the_one_of_the_start(desk: Desk) -> None:
    await desk.add_tickets(BATCH + 1)
    given: dict[str, Any] = {"filter": {"priority": {"eq": "MEDIUM"}}, "expectedCount": BATCH + 1}
    started = await desk.started("startBulkUpdate", **given, changes={"subject": "Known"})
    await desk.gql.add(ticket("later", 999))
    await desk.gql.world.change(Ticket, key("t1"), priority="low")
    async with desk.gql.database.transaction() as session:
        await session.delete(await session.get_one(Ticket, key("t2")))
    await desk.work()
    job = await desk.job(started)
    assert (job["changedCount"], job["failedCount"]) == (BATCH, 1)
    (error,) = await desk.errors(started)
    assert error["ticketId"] == str(key("t2"))
    assert [one["field"] for one in error["errors"]] == [None]
    left = {one.id: one.subject for one in await desk.tickets()}
    assert left[key("later")] != "Known"
    assert left[key("t1")] == "Known"


async def test_customers_change_only_what_is_theirs(desk: Desk) -> None:
    await desk.add_tickets(2)
    await desk.gql.add(
        ticket("own", 10, created_by_id=key("carla")),
        ticket("foreign", 11, company_id=key("centara"), created_by_id=key("carla")),
    )
    given: dict[str, Any] = {"filter": {"open": True}, "expectedCount": 3}
    job = await desk.finish("startBulkUpdate", "carla", **given, changes={"subject": "Mine"})
    assert (job["totalCount"], job["changedCount"], job["failedCount"]) == (3, 1, 2)
    subjects = {one.id: one.subject for one in await desk.tickets()}
    assert [name for name in ("t1", "t2", "own", "foreign") if subjects[key(name)] == "Mine"] == [
        "own"
    ]
    refused = await desk.finish("startBulkDelete", "carla", ids=[str(key("own"))])
    assert (refused["state"], refused["changedCount"], refused["failedCount"]) == ("DONE", 0, 1)
    assert len(await desk.tickets()) == 4


@pytest.mark.parametrize(
    ("given", "code", "field"),
    [
        ({}, "INVALID", ["ids"]),
        ({"ids": []}, "INVALID", ["ids"]),
        ({"ids": [str(key("t1"))] * 2}, "INVALID", ["ids"]),
        ({"ids": [str(key("t1"))], "expectedCount": 1}, "INVALID", ["expectedCount"]),
        ({"filter": {"open": True}}, "INVALID", ["expectedCount"]),
        ({"filter": {"open": True}, "expectedCount": 2}, "CONFLICT", ["expectedCount"]),
        ({"ids": [str(key("t1"))], "changes": {"subject": " "}}, "INVALID", ["changes", "subject"]),
        (
            {"ids": [str(key("t1"))], "changes": {"companyId": str(key("unknown"))}},
            "INVALID",
            ["changes", "companyId"],
        ),
        ({"ids": [str(key("t1"))], "addTags": ["a,b"]}, "INVALID", ["addTags"]),
        ({"ids": [str(key("t1"))], "comment": {"text": ""}}, "INVALID", ["comment", "text"]),
    ],
)
async def test_what_is_wrong_for_all_starts_no_job(
    desk: Desk, given: dict[str, Any], code: str, field: list[str]
) -> None:
    await desk.add_tickets(3)
    (error,) = await desk.refused("startBulkUpdate", **given)
    assert (error["code"], error["field"]) == (code, field)


async def test_a_filter_may_match_so_many_only(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    await desk.add_tickets(3)
    monkeypatch.setattr("resolvers.bulk.selection.MAX_TICKETS", 2)
    given: dict[str, Any] = {"filter": {"open": True}, "expectedCount": 3}
    (error,) = await desk.refused("startBulkDelete", **given)
    assert error["message"].startswith("3 tickets match, and only 2 go at once")


async def test_a_user_may_have_so_many_open_jobs(desk: Desk) -> None:
    keys = texts(await desk.add_tickets(1))
    for _ in range(MAX_OPEN_JOBS):
        await desk.started("startBulkDelete", ids=keys)
    (error,) = await desk.refused("startBulkDelete", ids=keys)
    assert (error["code"], error["field"]) == ("INVALID", None)
    # Those of others do not count, nor those that have ended.
    await desk.started("startBulkDelete", "tina", ids=keys)
    await desk.work()
    await desk.started("startBulkDelete", ids=keys)


async def test_a_filter_that_matches_nothing_is_done_at_once(desk: Desk) -> None:
    given: dict[str, Any] = {"filter": {"open": True}, "expectedCount": 0}
    job = await desk.finish("startBulkDelete", **given)
    assert (job["state"], job["totalCount"], job["doneCount"]) == ("DONE", 0, 0)


async def test_the_job_is_seen_by_its_creator_and_admins_only(desk: Desk) -> None:
    keys = texts(await desk.add_tickets(1))
    started = await desk.started("startBulkDelete", ids=keys)
    node = "query($id: ID!) { node(id: $id) { id ... on BulkJob { state } } }"
    mine = {"id": started, "state": "PENDING"}
    for viewer, found in (("keith", mine), ("admin", mine), ("tina", None), ("carla", None)):
        assert (await desk.gql.ask(node, {"id": started}, viewer))["node"] == found
        job = await desk.job(started, viewer)
        assert (job is None) == (found is None)
        listed = await desk.gql.ask(
            "{ bulkJobs(first: 5) { nodes { id } totalCount } }", {}, viewer
        )
        assert listed["bulkJobs"]["totalCount"] == (0 if found is None else 1)
    (error,) = await desk.refused("cancelBulkJob", "tina", id=started)
    assert error["code"] == "NOT_FOUND"
    (error,) = await desk.refused("undoBulkJob", "carla", id=started)
    assert error["code"] == "NOT_FOUND"


async def test_a_cancelled_job_does_no_more(desk: Desk) -> None:
    await desk.add_tickets(2 * BATCH)
    given: dict[str, Any] = {"filter": {"open": True}, "expectedCount": 2 * BATCH}
    started = await desk.started("startBulkUpdate", **given, changes={"priority": "LOW"})
    assert await desk.runner.step()
    cancelled = await desk.start("cancelBulkJob", id=started)
    assert cancelled["errors"] == []
    assert (cancelled["job"]["state"], cancelled["job"]["doneCount"]) == ("CANCELLED", BATCH)
    assert not await desk.runner.step()
    assert [one.priority for one in await desk.tickets()].count(TicketPriority.LOW) == BATCH
    # Once more, it stays as it is.
    assert await desk.start("cancelBulkJob", id=started) == cancelled


async def test_a_job_that_has_ended_is_not_cancelled(desk: Desk) -> None:
    job = await desk.finish("startBulkDelete", ids=texts(await desk.add_tickets(1)))
    (error,) = await desk.refused("cancelBulkJob", id=job["id"])
    assert (error["code"], error["message"]) == ("CONFLICT", "The job has already ended.")


async def test_a_dry_run_leaves_nothing(desk: Desk) -> None:
    keys = texts(await desk.add_tickets(2))
    before = await desk.gql.everything()
    found = await desk.start("startBulkUpdate", ids=keys, addTags=["x"], dryRun=True)
    assert (found["job"]["state"], found["job"]["totalCount"]) == ("PENDING", 2)
    assert await desk.gql.everything() == before
    assert not await desk.runner.step()


async def test_a_job_is_started_once_by_its_key(desk: Desk) -> None:
    keys = texts(await desk.add_tickets(2))
    query = """mutation($ids: [ID!]!) {
        startBulkDelete(input: {ids: $ids}) @idempotent(key: "once") { job { id } }
    }"""
    answers = [await desk.gql.ask(query, {"ids": keys}) for _ in range(2)]
    assert answers[0] == answers[1]
    assert len(await desk.rows(BulkJob)) == 1
