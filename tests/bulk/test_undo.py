"""A whole job is undone by another one; what others have changed since is left as it is."""

from datetime import timedelta
from typing import Any

import pytest

from models import Comment, Ticket, TicketStatus
from resolvers.bulk.jobs import BATCH
from resolvers.commands.comments import add_comment, update_comment
from resolvers.commands.tickets import update_ticket
from tests.bulk.conftest import Desk
from tests.support.rows import comment, contact, key

pytestmark = pytest.mark.anyio


CONFLICTS = """query($id: ID!) { bulkJob(id: $id) { errors(first: 5) { nodes { errors {
    code
    conflict {
        expectedVersion actualVersion isExplained changedFields
        fields { field base baseExcerptStart yours theirs changedById changedAt }
    }
} } } } }"""


async def undone(desk: Desk, job_id: str, viewer: str = "keith") -> Any:
    return await desk.finish("undoBulkJob", viewer, id=job_id)


def shown(tickets: list[Ticket]) -> list[dict[str, Any]]:
    """Return tickets without what every change makes another one."""
    return [one.model_dump(exclude={"version", "updated_at"}) for one in tickets]


async def everything(desk: Desk, *tables: str) -> Any:
    rows = await desk.gql.everything()
    return {name: rows[name] for name in tables}


async def test_all_that_a_job_did_to_tickets_is_undone(desk: Desk) -> None:
    keys = await desk.add_tickets(BATCH + 11, tags="old")
    await desk.gql.world.change(Ticket, keys[0], priority="high")
    before = await desk.tickets()
    job = await desk.finish(
        "startBulkUpdate",
        ids=[str(one) for one in keys],
        changes={"priority": "HIGH", "status": "RESOLVED", "assignedToId": str(key("tina"))},
        addTags=["bulk"],
        removeTags=["old"],
        comment={"text": "Solved."},
    )
    assert {one.status for one in await desk.tickets()} == {TicketStatus.RESOLVED}
    assert len((await desk.gql.everything())["comments"]) == len(keys)
    undo = await undone(desk, job["id"])
    assert (undo["kind"], undo["state"], undo["undoOf"]) == ("UNDO", "DONE", {"id": job["id"]})
    assert (undo["totalCount"], undo["changedCount"], undo["failedCount"]) == (
        len(keys),
        len(keys),
        0,
    )
    assert shown(await desk.tickets()) == shown(before)
    assert (await desk.gql.everything())["comments"] == []
    # The undo of the undo does it again.
    again = await undone(desk, undo["id"])
    assert (again["changedCount"], again["failedCount"]) == (len(keys), 0)
    assert {(one.status, one.tags) for one in await desk.tickets()} == {("resolved", "bulk")}
    assert len((await desk.gql.everything())["comments"]) == len(keys)


async def test_deleted_tickets_come_back(desk: Desk) -> None:
    keys = await desk.add_tickets(12)
    await desk.gql.add(comment("c", "t1"))
    before = await desk.tickets()
    job = await desk.finish("startBulkDelete", ids=[str(one) for one in keys])
    assert await desk.tickets() == []
    undo = await undone(desk, job["id"])
    assert (undo["changedCount"], undo["failedCount"]) == (len(keys), 0)
    assert shown(await desk.tickets()) == shown(before)
    assert await desk.gql.world.get(Comment, key("c"))
    again = await undone(desk, undo["id"])
    assert again["changedCount"] == len(keys)
    assert await desk.tickets() == []


async def test_created_tickets_go_unless_others_have_worked_on_them(desk: Desk) -> None:
    new = {"subject": "S", "description": "D", "companyId": str(key("hilton"))}
    job = await desk.finish("startBulkCreate", inputs=[new] * 4)
    first, second, _, _ = await desk.tickets()
    context = desk.gql.world.context("admin")
    await update_ticket(context, first.id, {"subject": "Mine"})
    await add_comment(context, second.id, {"text": "Mine"})
    undo = await undone(desk, job["id"])
    assert (undo["changedCount"], undo["failedCount"]) == (2, 2)
    assert [one.id for one in await desk.tickets()] == [first.id, second.id]
    errors = await desk.errors(undo["id"])
    assert {one["ticketId"] for one in errors} == {str(first.id), str(second.id)}
    assert {(error["code"], error["field"]) for one in errors for error in one["errors"]} == {
        ("CONFLICT", None)
    }


async def test_what_others_have_changed_stays_with_all_of_its_ticket(desk: Desk) -> None:
    keys = await desk.add_tickets(3)
    job = await desk.finish(
        "startBulkUpdate",
        ids=[str(one) for one in keys],
        changes={"priority": "HIGH"},
        comment={"text": "Done."},
    )
    context = desk.gql.world.context("admin")
    await update_ticket(context, keys[0], {"priority": "low"})
    [(_, edited)] = [
        (one.ticket_id, one.comment_id)
        for one in await desk.gql.world.events(keys[1])
        if one.comment_id
    ]
    await update_comment(context, edited, {"text": "Not done."})
    before = await everything(desk, "comments", "tickets")
    undo = await undone(desk, job["id"])
    assert (undo["changedCount"], undo["failedCount"]) == (1, 2)
    after = await everything(desk, "comments", "tickets")
    explained = await desk.gql.ask(CONFLICTS, {"id": undo["id"]})
    [[first], [second]] = [
        one["errors"] for one in reversed(explained["bulkJob"]["errors"]["nodes"])
    ]
    assert first["conflict"] == {
        "expectedVersion": 2,
        "actualVersion": 3,
        "isExplained": True,
        "changedFields": ["priority"],
        "fields": [
            {
                "field": "priority",
                "base": "high",
                "baseExcerptStart": None,
                "yours": "medium",
                "theirs": "low",
                "changedById": str(key("admin")),
                "changedAt": "2025-11-19T12:00:00Z",
            }
        ],
    }
    assert second["conflict"] == {
        "expectedVersion": 1,
        "actualVersion": 2,
        "isExplained": True,
        "changedFields": ["text"],
        "fields": [
            {
                "field": "text",
                "base": "Done.",
                "baseExcerptStart": None,
                "yours": None,
                "theirs": "Not done.",
                "changedById": str(key("admin")),
                "changedAt": "2025-11-19T12:00:00Z",
            }
        ],
    }
    # Neither the comment of the first ticket nor the priority of the second is undone.
    assert len(after["comments"]) == 2
    assert [row in before["tickets"] for row in after["tickets"]].count(True) == 2
    priorities = {one.id: one.priority for one in await desk.tickets()}
    assert [priorities[one] for one in keys] == ["low", "high", "medium"]


async def test_fields_alone_are_undone_together(desk: Desk) -> None:
    keys = await desk.add_tickets(BATCH, contact_id=None, tags="a")
    await desk.gql.add(contact("john"), contact("jane", company_id=key("centara")))
    for one in keys[:2]:
        await desk.gql.world.change(Ticket, one, contact_id=key("john"))
    before = await desk.tickets()
    changes = {"companyId": str(key("centara")), "subject": "Moved", "description": "x" * 3000}
    job = await desk.finish(
        "startBulkUpdate", ids=[str(one) for one in keys], changes=changes, addTags=["b"]
    )
    assert {one.contact_id for one in await desk.tickets()} == {None}
    context = desk.gql.world.context("admin")
    await update_ticket(context, keys[0], {"tags": "c"})
    # It has no part in the job, but the company that is left does not have it.
    await update_ticket(context, keys[2], {"contact": key("jane")})
    async with desk.gql.database.transaction() as session:
        await session.delete(await session.get_one(Ticket, keys[3]))
    started = await desk.started("undoBulkJob", id=job["id"])
    assert await desk.work() == 1
    undo = await desk.job(started)
    assert (undo["changedCount"], undo["failedCount"]) == (BATCH - 3, 3)
    errors = {one["ticketId"]: one["errors"] for one in await desk.errors(started)}
    codes = [[error["code"] for error in errors[str(keys[at])]] for at in (0, 2, 3)]
    assert codes == [["CONFLICT"], ["CONFLICT"], ["CONFLICT"]]
    untouched = {keys[0], keys[2], keys[3]}
    after = [one for one in await desk.tickets() if one.id not in untouched]
    assert shown(after) == shown([one for one in before if one.id not in untouched])


async def test_an_undo_takes_as_many_statements_for_many_tickets_as_for_two(desk: Desk) -> None:
    keys = [str(one) for one in await desk.add_tickets(BATCH + 2)]
    counts: list[int] = []
    # The first ones compile statements.
    for some in (keys[:2], keys[:2], keys[2:]):
        priority = "LOW" if not counts else "HIGH"
        job = await desk.finish("startBulkUpdate", ids=some, changes={"priority": priority})
        await desk.started("undoBulkJob", id=job["id"])
        desk.gql.statements.clear()
        assert await desk.runner.step()
        counts.append(len(desk.gql.statements))
    assert counts[1] == counts[2] <= 25


async def test_a_part_that_was_done_is_undone(desk: Desk) -> None:
    keys = await desk.add_tickets(BATCH + 5)
    before = await desk.tickets()
    started = await desk.started(
        "startBulkUpdate", ids=[str(one) for one in keys], changes={"priority": "LOW"}
    )
    assert await desk.runner.step()
    await desk.start("cancelBulkJob", id=started)
    undo = await undone(desk, started)
    assert (undo["totalCount"], undo["changedCount"]) == (BATCH, BATCH)
    assert shown(await desk.tickets()) == shown(before)


async def test_what_cannot_be_undone_is_refused(desk: Desk) -> None:
    keys = [str(one) for one in await desk.add_tickets(2)]
    started = await desk.started("startBulkUpdate", ids=keys, changes={"priority": "LOW"})
    (error,) = await desk.refused("undoBulkJob", id=started)
    assert error["message"] == "The job has not ended yet: wait for its end, or cancel it."
    await desk.work()
    same = await desk.finish("startBulkUpdate", ids=keys, changes={"priority": "LOW"})
    (error,) = await desk.refused("undoBulkJob", id=same["id"])
    assert error["message"] == "The job has changed nothing."
    await desk.started("undoBulkJob", id=started)
    (error,) = await desk.refused("undoBulkJob", id=started)
    assert error["message"] == "Another job undoes it, or has."
    await desk.work()
    (error,) = await desk.refused("undoBulkJob", id=started)
    assert error["message"] == "Another job undoes it, or has."
    late = await desk.finish("startBulkUpdate", ids=keys, changes={"priority": "HIGH"})
    desk.gql.clock.now += timedelta(hours=25)
    (error,) = await desk.refused("undoBulkJob", id=late["id"])
    assert (error["code"], error["message"]) == ("INVALID", "It is too long ago to be undone.")


async def test_customers_undo_what_they_may_do(desk: Desk) -> None:
    new = {"subject": "S", "description": "D", "companyId": str(key("hilton"))}
    created = await desk.finish("startBulkCreate", "carla", inputs=[new])
    (own,) = await desk.tickets()
    changed = await desk.finish(
        "startBulkUpdate", "carla", ids=[str(own.id)], changes={"subject": "T"}
    )
    undo = await undone(desk, changed["id"], "carla")
    assert undo["changedCount"] == 1
    # A customer may not delete a ticket.
    refused = await undone(desk, created["id"], "carla")
    assert (refused["changedCount"], refused["failedCount"]) == (0, 1)
    assert [one.subject for one in await desk.tickets()] == ["S"]
