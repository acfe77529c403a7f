"""The benchmark of growing desks runs."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from benchmarks.data import make_rows, row_chunks
from benchmarks.scale import __main__ as scale
from benchmarks.scale.report import Result, chart, table
from tests.support import proofs

RESULT = Result("SQLite <3>", "List", (10, 20), (2.0, 3.0))


@pytest.mark.anyio
@proofs.on("sqlite")
async def test_every_request_is_measured_at_both_sizes(
    backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scale, "WARM_UP", 1)
    monkeypatch.setattr(scale, "ROUNDS", 1)
    results = await scale.measure_on(backend, (40, 80), seconds=0)
    titles = [result.title for result in results]
    assert len(set(titles)) == len(titles) > 15
    for result in results:
        assert list(result.sizes) == [40, 80]
        assert all(time > 0 for time in result.times)


def test_chunks_have_the_rows_of_the_whole() -> None:
    whole = make_rows(10)
    chunks = list(row_chunks(10, 4))
    assert [len(rows.tickets) for rows in chunks] == [4, 4, 2]
    for name in ("companies", "contacts", "users", "tickets", "comments", "attachments"):
        assert [row for rows in chunks for row in getattr(rows, name)] == getattr(whole, name)


def test_table_and_chart_show_both_sizes_and_the_growth() -> None:
    assert table([RESULT]).splitlines()[1].split() == ["List", "2.00", "ms", "3.00", "ms", "1.5"]
    shown = " ".join(ElementTree.fromstring(chart([RESULT])).itertext())
    assert "SQLite <3>, 20 tickets; growth from 10" in shown
    assert "3.0 ms · 1.5 times" in shown


def test_write_keeps_table_and_chart(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def measured(*_given: object) -> list[Result]:
        return [RESULT]

    monkeypatch.setattr(scale, "measure_on", measured)
    monkeypatch.setattr(scale, "DOCS", tmp_path)
    assert scale.main(["--write", "--database", "sqlite"]) == 0
    assert (tmp_path / "scale-benchmark.txt").read_text() == capsys.readouterr().out
    assert (tmp_path / "scale-benchmark.svg").read_text().startswith("<svg ")
