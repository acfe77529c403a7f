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
        assert result.whole.sample.rate > 0
        assert result.same.sample.rate > 0
    assert "304, nothing has changed" in polling.table(results)


def test_ratios_are_those_of_requests_and_of_what_the_server_spends_on_one() -> None:
    whole, same = Sample(500, 2, 4), Sample(3000, 0.3, 1)
    result = polling.Result(
        "SQLite 3", "REST list", 65_000, polling.Cost(whole, 800), polling.Cost(same, 100)
    )
    assert (result.rates, result.ratio) == (6, 8)
    last = polling.table([result]).splitlines()[-1]
    assert "6.00" in last
    assert last.endswith("8.00")
