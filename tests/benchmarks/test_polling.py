"""The benchmark of polling runs, and both lists are confirmed."""

import pytest

from benchmarks import load, polling
from benchmarks.data import make_rows
from benchmarks.load import Sample
from tests.support import proofs

pytestmark = pytest.mark.anyio


@proofs.on("sqlite")
async def test_both_lists_are_measured(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load.shutil, "which", lambda _name: None)  # type: ignore[attr-defined]
    results = await polling.measure_on(backend, make_rows(30), 0.05, 1)
    assert len(results) == 2
    for result in results:
        assert result.size > 10_000
        assert result.whole.rate > 0
        assert result.same.rate > 0
    assert "304, nothing has changed" in polling.table(results)


def test_the_ratio_is_that_of_requests_in_the_same_time() -> None:
    whole, same = Sample(500, 2, 4), Sample(3000, 0.3, 1)
    result = polling.Result("SQLite 3", "REST list", 65_000, whole, same)
    assert result.ratio == 6
    assert "6.00" in polling.table([result]).splitlines()[-1]
