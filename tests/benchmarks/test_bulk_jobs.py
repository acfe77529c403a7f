"""The benchmark of bulk jobs runs; how long they take is a figure, and no test's."""

import pytest

from benchmarks.data import make_rows
from benchmarks.writes import bulk_jobs
from tests.support import proofs

pytestmark = pytest.mark.anyio


@proofs.on("sqlite")
async def test_jobs_and_others_beside_them_are_measured(backend: str) -> None:
    results = await bulk_jobs.measure_on(backend, make_rows(60), (60,), 0.1, undo=True)
    assert [(one.kind, one.tickets) for one in results] == [("update", 60), ("undo", 60)]
    assert all(one.seconds > 0 and one.megabytes > 0 for one in results)
    assert all(one.without.reads > 0 and one.without.writes > 0 for one in results)
    assert "undo" in bulk_jobs.table(results)
