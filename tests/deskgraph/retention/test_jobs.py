"""Bulk jobs go some time after their end, with their batches and errors, in small transactions."""

from datetime import timedelta
from typing import Any

import pytest

from deskgraph.retention import jobs as removing
from deskgraph.retention import purge as purging
from deskgraph.retention.purge import Retention, purge
from models import BulkJob, BulkJobBatch, BulkJobError, BulkJobKind, BulkJobState
from tests.support.clock import NOON
from tests.support.rows import key
from tests.support.settings import settings_for
from tests.support.world import World

pytestmark = pytest.mark.anyio


def job(name: str, finished_at: Any) -> BulkJob:
    state = BulkJobState.PENDING if finished_at is None else BulkJobState.DONE
    given: dict[str, Any] = {
        "kind": BulkJobKind.DELETE,
        "state": state,
        "created_at": NOON - timedelta(days=90),
    }
    return BulkJob(id=key(name), created_by_id=key("keith"), finished_at=finished_at, **given)


def parts(name: str) -> list[BulkJobBatch | BulkJobError]:
    return [
        *(BulkJobBatch(job_id=key(name), number=number) for number in range(3)),
        *(BulkJobError(job_id=key(name), position=number, errors=[]) for number in range(5)),
    ]


async def test_jobs_that_ended_long_ago_go(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purging, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(removing, "BATCH", 2)
    old, young = NOON - timedelta(days=31), NOON - timedelta(days=29)
    await world.add(job("old", old), job("older", old), job("young", young), job("open", None))
    await world.add(*(part for name in ("old", "older", "young", "open") for part in parts(name)))
    retention = Retention.of(settings_for(world.settings.database_url, world.media))
    files = world.services.files
    assert (await purge(world.database, files, retention, NOON)).jobs == 2 * (1 + 3 + 5)
    left = await world.dump()
    assert len(left["bulk_jobs"]) == 2
    assert (len(left["bulk_job_batches"]), len(left["bulk_job_errors"])) == (6, 10)
    assert (await purge(world.database, files, retention, NOON)).jobs == 0
    assert await world.get(BulkJob, key("open"))


def test_jobs_stay_as_long_as_they_can_be_undone(world: World) -> None:
    def kept(hours: int) -> timedelta | None:
        given = settings_for(world.settings.database_url, world.media, undo_hours=hours)
        return Retention.of(given).jobs

    assert kept(24) == timedelta(days=30)
    assert kept(24 * 60) == timedelta(days=60)
