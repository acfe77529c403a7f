"""The benchmark of delivery runs."""

import xml.etree.ElementTree as ElementTree

import pytest

from benchmarks import live
from tests.support import proofs

pytestmark = pytest.mark.anyio


@proofs.on("sqlite")
async def test_delivery_is_measured(backend: str) -> None:
    results = await live.measure_on(backend, subscribers=(1, 5), events=3)
    assert [result.subscribers for result in results] == [1, 5]
    for result in results:
        assert 0 < result.p50 <= result.p99
        assert result.statements > 1
    assert "subscribers" in live.table(results)


@pytest.mark.proof
async def test_idle_subscribers_are_measured(backend: str) -> None:
    result = await live.measure_idle(backend, subscribers=5)
    assert result.subscribers == 5
    assert result.seconds > 0
    assert "5 idle subscribers" in live.idle_line(result)


async def test_the_chart_shows_both_times() -> None:
    drawn = live.chart([live.Result("SQLite 3", 1000, 40.2, 99.9, 8.0, 40.0)])
    shown = " ".join(ElementTree.fromstring(drawn).itertext())
    assert "1,000 subscribers, SQLite 3" in shown
    assert "40.2 ms" in shown
    assert "99.9 ms" in shown
