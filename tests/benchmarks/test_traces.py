"""The benchmark of traces runs, and its spans are received."""

import pytest

from benchmarks import load
from benchmarks.data import make_rows
from benchmarks.load import Sample
from benchmarks.polling import Cost
from benchmarks.traces import __main__ as traces
from tests.support import proofs


@pytest.mark.anyio
@proofs.on("sqlite")
async def test_each_request_is_measured(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load.shutil, "which", lambda _name: None)  # type: ignore[attr-defined]
    # Of a few requests one in ten may be none.
    monkeypatch.setattr(traces, "SAMPLED", 1.0)
    results = await traces.measure_on(backend, make_rows(30), 0.05, 1)
    assert [one.title for one in results] == ["GraphQL nested list", "REST list", "REST ticket"]
    for result in results:
        assert set(result.costs) == {"off", "again", "on"}
        assert all(cost.sample.rate > 0 for cost in result.costs.values())


def test_the_ratios_are_those_to_a_server_without_traces() -> None:
    costs = {
        "off": Cost(Sample(1000, 1, 2), 500),
        "again": Cost(Sample(990, 1, 2), 500),
        "on": Cost(Sample(960, 1, 2), 520),
    }
    *_, last = traces.table([traces.Result("SQLite 3", "REST list", costs)]).splitlines()
    assert last.startswith("  with traces, 10% sampled")
    assert "0.960" in last
    assert last.endswith("1.040")
