"""The runner: whose turn it is, what happens to jobs of processes that are gone, and failures."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import pytest

from deskgraph.bulk.runner import MAX_FAILURES, BulkRunner, kinds_of
from models import BulkJob, BulkJobKind, Role, User
from resolvers.bulk.batch import LEASE
from resolvers.bulk.jobs import BATCH, NewJob, OpenJob, add_batches, add_job
from resolvers.bulk.kinds import BatchResult
from resolvers.commands.tickets import update_ticket
from resolvers.commands.users import update_user
from resolvers.context import Context
from resolvers.errors import Unavailable
from tests.bulk.conftest import Desk
from tests.support.rows import key, user

pytestmark = pytest.mark.anyio


async def update(desk: Desk, keys: list[UUID], viewer: str = "keith") -> str:
    given = {"changes": {"priority": "LOW"}, "comment": {"text": "?"}}
    return await desk.started("startBulkUpdate", viewer, ids=[str(one) for one in keys], **given)


async def states(desk: Desk, *jobs: str) -> list[str]:
    return [(await desk.job(one, "admin"))["state"] for one in jobs]


async def test_a_job_belongs_to_one_process_until_its_lease_ends(desk: Desk) -> None:
    job = await update(desk, await desk.add_tickets(2 * BATCH + 1))
    other = BulkRunner(desk.gql.services)
    assert await desk.runner.step()
    assert not await other.step()
    desk.gql.clock.now += LEASE
    # As if the first one were gone.
    assert await other.step()
    assert not await desk.runner.step()
    assert await desk.work(other) == 1
    assert await states(desk, job) == ["DONE"]
    assert len(await desk.gql.world.events()) == 2 * (2 * BATCH + 1)


async def test_two_processes_at_once_do_a_batch_once(desk: Desk) -> None:
    count = 4 * BATCH
    job = await update(desk, await desk.add_tickets(count))
    runners = [BulkRunner(desk.gql.services) for _ in range(3)]
    for _ in range(5):
        # The lease of each is over at once, so that all of them try.
        desk.gql.clock.now += LEASE
        await asyncio.gather(*(one.step() for one in runners))
    assert await states(desk, job) == ["DONE"]
    assert (await desk.job(job))["changedCount"] == count
    rows = await desk.gql.everything()
    assert len(rows["comments"]) == count
    assert len(await desk.gql.world.events()) == 2 * count


async def test_a_process_that_stops_gives_its_jobs_back(desk: Desk) -> None:
    job = await update(desk, await desk.add_tickets(2 * BATCH))
    stopping = BulkRunner(desk.gql.services)
    assert await stopping.step()
    assert not await desk.runner.step()
    await stopping.stop()
    assert await desk.runner.step()
    assert await states(desk, job) == ["DONE"]


async def test_users_take_turns_and_each_has_their_jobs_in_order(desk: Desk) -> None:
    keys = await desk.add_tickets(2 * BATCH)
    first = await update(desk, keys)
    desk.gql.clock.now += LEASE / 60
    second = await update(desk, keys[:1])
    small = await update(desk, keys[:1], "admin")
    done: list[str] = []
    for _ in range(4):
        desk.gql.clock.now += LEASE / 60
        assert await desk.runner.step()
        done += [
            name
            for name, job in (("first", first), ("second", second), ("small", small))
            if (await desk.job(job, "admin"))["state"] == "DONE" and name not in done
        ]
    # The small one does not wait for all of the large one, and the second one does.
    assert done == ["small", "first", "second"]


async def test_a_job_of_somebody_who_was_deactivated_fails(desk: Desk) -> None:
    job = await update(desk, await desk.add_tickets(2 * BATCH))
    assert await desk.runner.step()
    await update_user(desk.gql.world.context("admin"), key("keith"), {"is_active": False})
    assert await desk.runner.step()
    found = await desk.job(job, "admin")
    assert (found["state"], found["reason"]) == (
        "FAILED",
        "The user who started it is deactivated.",
    )
    assert (found["doneCount"], found["changedCount"]) == (BATCH, BATCH)
    assert found["finishedAt"] is not None
    assert not await desk.runner.step()


async def test_what_its_creator_may_do_is_looked_up_for_each_batch(desk: Desk) -> None:
    job = await update(desk, await desk.add_tickets(2 * BATCH))
    assert await desk.runner.step()
    values = {"role": Role.CUSTOMER, "company_id": key("hilton")}
    await desk.gql.world.change(User, key("keith"), **values)
    await desk.work()
    found = await desk.job(job, "admin")
    assert (found["state"], found["changedCount"], found["failedCount"]) == ("DONE", BATCH, BATCH)


class Failing:
    """A kind whose batches fail."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def prepare(self, _context: Context, _job: OpenJob) -> None:
        return None

    async def write(self, context: Context, job: OpenJob, _prepared: None) -> BatchResult:
        await update_ticket(context, key("t1"), {"subject": str(job.id)})
        raise self.error


def failing(desk: Desk, error: Exception) -> BulkRunner:
    kinds: Mapping[BulkJobKind, Any] = {**kinds_of(), BulkJobKind.UPDATE: Failing(error)}
    return BulkRunner(desk.gql.services, kinds)


async def test_a_job_that_cannot_be_done_is_given_up(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    job = await update(desk, await desk.add_tickets(1))
    runner = failing(desk, RuntimeError("broken"))
    before = await desk.gql.everything()
    for _ in range(MAX_FAILURES - 1):
        with pytest.raises(RuntimeError):
            await runner.step()
    assert await desk.gql.everything() == before
    assert await runner.step()
    found = await desk.job(job)
    assert (found["state"], found["reason"]) == ("FAILED", "Something went wrong on our side.")
    assert "is given up" in caplog.text


async def test_a_database_that_is_away_fails_no_job(desk: Desk) -> None:
    job = await update(desk, await desk.add_tickets(1))
    runner = failing(desk, Unavailable("database"))
    for _ in range(2 * MAX_FAILURES):
        with pytest.raises(Unavailable):
            await runner.step()
    assert await states(desk, job) == ["PENDING"]
    assert await desk.runner.step()
    assert await states(desk, job) == ["DONE"]


async def test_texts_that_are_too_long_together_are_written_in_parts(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = await desk.add_tickets(5, description="x" * 100)
    monkeypatch.setattr("resolvers.commands.batches.chosen.MAX_BYTES", 250)
    job = await update(desk, keys)
    await desk.work()
    assert (await desk.job(job))["changedCount"] == 5
    monkeypatch.setattr("resolvers.commands.batches.chosen.MAX_BYTES", 50)
    job = await update(desk, keys)
    await desk.work()
    assert (await desk.job(job))["failedCount"] == 5
    (error, *_) = await desk.errors(job)
    assert error["ticketId"] is not None
    assert error["errors"][0]["code"] == "INVALID"


async def test_a_dry_run_of_all_batches_leaves_counts_and_errors_only(desk: Desk) -> None:
    keys = await desk.add_tickets(BATCH + 1)
    before = await desk.gql.everything()
    context = desk.gql.world.context("keith")
    items: list[str | None] = [None, *(str(one) for one in keys)]
    job = NewJob(BulkJobKind.DELETE, {"listed": True}, len(items), dry_run=True)
    async with context.services.database.write() as transaction:
        await add_job(context, transaction, job)
        await add_batches(transaction, job.id, items)
    await desk.work()
    found = await desk.job(str(job.id))
    assert (found["state"], found["changedCount"], found["failedCount"]) == ("DONE", BATCH + 1, 1)
    after = await desk.gql.everything()
    changed = [name for name in after if after[name] != before[name]]
    assert sorted(changed) == ["bulk_job_batches", "bulk_job_errors", "bulk_jobs"]
    (error,) = await desk.refused("undoBulkJob", id=str(job.id))
    assert error["message"] == "The job has changed nothing."


async def test_a_batch_takes_as_many_statements_whatever_its_size(desk: Desk) -> None:
    keys = await desk.add_tickets(BATCH + 2)
    await update(desk, keys[:1])
    await update(desk, keys)
    # Those that are compiled once.
    await desk.runner.step()
    counts = []
    for _ in range(2):
        desk.gql.statements.clear()
        assert await desk.runner.step()
        counts.append(len(desk.gql.statements))
    assert counts[0] == counts[1] <= 25, desk.gql.statements
    desk.gql.statements.clear()
    assert not await desk.runner.step()
    assert len(desk.gql.statements) == 1


async def test_the_log_has_a_line_at_the_start_and_at_the_end(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "deskgraph.bulk")
    await update(desk, await desk.add_tickets(BATCH + 1))
    await desk.work()
    lines = [one for one in caplog.records if one.name == "deskgraph.bulk"]
    assert [one.getMessage() for one in lines] == ["bulk job started", "bulk job ended"]
    assert vars(lines[1]) | {"state": "done", "changed": BATCH + 1, "failed": 0} == vars(lines[1])


async def test_jobs_of_nobody_fail(desk: Desk) -> None:
    job = await update(desk, await desk.add_tickets(1))
    await desk.gql.add(user("other"))
    await desk.gql.world.change(BulkJob, UUID(job), created_by_id=None)
    await desk.work()
    assert (await desk.job(job, "admin"))["state"] == "FAILED"


async def test_who_started_a_job_is_answered_while_it_runs(desk: Desk) -> None:
    await update(desk, await desk.add_tickets(1))
    # The batch has looked its user up.
    desk.gql.world.forget()
    await desk.work()
    path, headers = f"/api/v1/tickets/{key('t1')}/", desk.gql.world.headers("keith")
    answer = await desk.gql.client.get(path, headers=headers)
    assert answer.status_code == 200
