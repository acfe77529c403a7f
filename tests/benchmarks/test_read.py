"""The benchmark runs, and refuses to measure servers that do different work."""

import os
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import load, read, servers
from benchmarks.data import make_rows
from benchmarks.load import Sample, median_of
from benchmarks.peers.servers import INSTALLED, PEERS, compare_ids
from benchmarks.report import Result, chart, table
from benchmarks.requests import Request
from tests.support import proofs

CLIENTS_REQUIRED = os.environ.get("DESKGRAPH_REQUIRE_CLIENTS") == "1"
RESULT = Result("SQLite <3>", "REST list", 40_000, Sample(500, 20, 40), Sample(1000, 10, 20))


@pytest.mark.anyio
@proofs.on("sqlite")
async def test_both_reads_are_measured_beside_the_floor(
    backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load.shutil, "which", lambda _name: None)  # type: ignore[attr-defined]
    results = await read.measure_on(backend, make_rows(30), seconds=0.1, rounds=1)
    assert [result.title for result in results] == ["GraphQL nested list", "REST list"]
    for result in results:
        assert result.size > 10_000
        assert result.ours.rate > 0
        assert result.baseline.rate > 0
        assert result.ours.p50 <= result.ours.p99


@pytest.mark.anyio
@pytest.mark.proof
@pytest.mark.parametrize("backend", ["sqlite", "postgres"], indirect=True)
async def test_other_servers_are_measured_with_the_same_answers(
    backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not INSTALLED.exists() and not CLIENTS_REQUIRED:
        pytest.skip("make peers installs the other servers")
    monkeypatch.setattr(load.shutil, "which", lambda _name: None)  # type: ignore[attr-defined]
    results = await read.measure_on(backend, make_rows(30), seconds=0.1, rounds=1, peers=True)
    measured = {name for result in results for name in result.peers}
    assert measured == {peer.name for peer in PEERS[backend]}
    assert all(sample.rate > 0 for result in results for sample in result.peers.values())


def test_answers_about_other_objects_are_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {1: b'{"a": [{"id": "x"}, {"id": "y"}]}', 2: b'{"b": {"id": "y", "c": {"id": "x"}}}'}
    answers[3] = b'{"id": "x"}'
    monkeypatch.setattr(servers, "ask", lambda _request, port: answers[port])
    request = Request("A read", "GET", "/")
    compare_ids(request, 1, request, 2)
    with pytest.raises(servers.ServerError, match="A read have different ids"):
        compare_ids(request, 1, request, 3)


def test_the_rows_are_the_same_at_every_run() -> None:
    first, second = make_rows(10), make_rows(10)
    assert first == second
    assert len(first.tickets) == 10


def test_what_only_ours_tells_is_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {1: b'{"data":1,"extensions":{"cost":1}}', 2: b'{"data":1}'}
    monkeypatch.setattr(servers, "ask", lambda _request, port: answers[port])
    assert servers.compare(Request("A read", "GET", "/"), {"ours": 1, "baseline": 2}) > 0


def test_different_answers_are_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {1: b'{"a": 1}', 2: b'{"a":1}', 3: b'{"a": 2}'}
    monkeypatch.setattr(servers, "ask", lambda _request, port: answers[port])
    request = Request("A read", "GET", "/")
    assert servers.compare(request, {"ours": 1, "baseline": 2}) == 8
    with pytest.raises(servers.ServerError, match="ours and baseline answer A read differently"):
        servers.compare(request, {"ours": 1, "baseline": 3})


def test_a_figure_is_the_median_of_its_rounds() -> None:
    rounds = [Sample(100, 1, 9), Sample(300, 2, 7), Sample(200, 3, 8)]
    assert median_of(rounds) == Sample(200, 2, 8)


def test_table_and_chart_show_rates_and_the_ratio() -> None:
    text = table([RESULT])
    assert "REST list on SQLite <3>, 40 kB of JSON" in text
    assert "0.50" in text
    assert "nothing counted" not in text
    counted = table([replace(RESULT, bare=Sample(625, 16, 32))])
    assert [line.split()[-1] for line in counted.splitlines()[2:5]] == ["0.50", "0.62", "0.800"]
    compressed = table([replace(RESULT, compressed=Sample(250, 40, 80))])
    assert "with compression" not in text
    assert compressed.splitlines()[3].split() == [
        "with",
        "compression",
        "250",
        "40.0",
        "80.0",
        "0.25",
    ]
    drawn = chart([RESULT])
    shown = " ".join(ElementTree.fromstring(drawn).itertext())
    assert "REST list, SQLite <3>" in shown
    assert "500 · 0.50 of the baseline" in shown


def test_write_keeps_table_and_chart(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def measured(*_given: object, **_options: object) -> list[Result]:
        return [RESULT]

    monkeypatch.setattr(read, "measure_on", measured)
    monkeypatch.setattr(read, "DOCS", tmp_path / "docs")
    assert read.main(["--write", "--quick", "--database", "sqlite"]) == 0
    assert (tmp_path / "docs/read-benchmark.txt").read_text() == capsys.readouterr().out
    assert (tmp_path / "docs/read-benchmark.svg").read_text().startswith("<svg ")
