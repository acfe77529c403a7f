"""The benchmark of many tickets at once runs; how long they take is a figure, and no test's."""

import pytest

from benchmarks.data import make_rows
from benchmarks.writes import bulk
from tests.support import proofs

pytestmark = pytest.mark.anyio


@proofs.on("sqlite")
async def test_each_kind_of_write_is_measured(backend: str) -> None:
    results = await bulk.measure_on(backend, make_rows(220), rounds=1)
    titles = ["change", "subject", "tag, comment", "create", "delete"]
    assert [one.title for one in results] == titles
    assert all(one.one > 0 and one.many > 0 for one in results)
    assert "create" in bulk.table(results)
