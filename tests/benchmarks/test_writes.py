"""The benchmark of writes runs, and both servers do the same work."""

import asyncio
import itertools
import secrets
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from sqlalchemy import text

from benchmarks import databases, load, servers
from benchmarks.data import make_rows, viewer_id
from benchmarks.load import Sample
from benchmarks.requests import next_numbers
from benchmarks.writes import __main__ as writes
from benchmarks.writes.report import Result, Round, chart, table
from benchmarks.writes.requests import requests, writer
from deskgraph.database.database import Database
from models.search import SEPARATOR, normalize_search
from tests.support import proofs

TITLES = ["REST create", "GraphQL create", "REST comment", "GraphQL comment"]
TITLES += ["REST patch", "GraphQL patch"]
# Of each of two rows there is another one; what differs by the time is there or is not.
OWN = {"id", "seq", "ticket_number", "ticket_id", "comment_id", "company_id"}
OWN |= {"subject", "text", "changes"}


def rounds(*rates: float) -> list[Round]:
    return [Round(Sample(rate, 1, 2), 0.5) for rate in rates]


RESULT = Result("SQLite 3", "REST create", 8, {"deskgraph": rounds(50), "baseline": rounds(100)})


@pytest.mark.anyio
@proofs.on("sqlite")
async def test_every_write_is_measured_beside_the_baseline(
    backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load.shutil, "which", lambda _name: None)  # type: ignore[attr-defined]
    plan = writes.Plan(seconds=0.05, rounds=1, clients=(1, 2))
    results = await writes.measure_on(backend, make_rows(40), plan)
    assert [result.title for result in results[::2]] == TITLES
    assert [result.clients for result in results] == [1, 2] * len(TITLES)
    for result in results:
        assert result.rate("deskgraph") > 0
        assert result.rate("baseline") > 0


def shown(row: dict[str, Any]) -> dict[str, object]:
    """Return a row, with types for what is another value at each write."""
    found = {
        name: type(value).__name__ if name in OWN or name.endswith("_at") or name == "at" else value
        for name, value in row.items()
    }
    if "search_text" in row:
        # Each has what is searched in its own texts.
        text = row.get("text") or f"{row['ticket_number']} {row['subject']} {row['description']}"
        found["search_text"] = row["search_text"].replace(SEPARATOR, " ") == normalize_search(text)
    return found


@pytest.mark.anyio
@pytest.mark.proof
async def test_both_servers_store_the_same(backend: str, tmp_path: Path) -> None:
    rows = make_rows(40)
    key = secrets.token_urlsafe(48)
    access = servers.token(key, viewer_id(rows))
    env = {"BASELINE_USER": writer(rows)}
    commands = {
        "ours": servers.Command(servers.SERVE),
        "baseline": servers.Command(["benchmarks.writes.baseline"], env),
    }

    def write(url: str) -> None:
        with servers.started(commands, url, key, access, tmp_path) as running:
            # Numbers in a row, so no two requests are for the same ticket.
            numbers = itertools.count(next_numbers())
            for request in requests(access, rows):
                for server in running.values():
                    servers.ask(request.numbered(next(numbers)), server.port)

    async with databases.scratch(backend, tmp_path, rows) as url:
        await asyncio.to_thread(write, url)
        database = Database(url)
        async with database.engine.connect() as connection:
            for name, order, count in (
                ("ticket_events", "seq", 12),
                ("tickets", "created_at", 4),
                ("comments", "created_at", 4),
                ("tickets", "updated_at", 4),
            ):
                sql = f"SELECT * FROM {name} ORDER BY {order} DESC LIMIT {count}"
                found = [dict(row) for row in (await connection.execute(text(sql))).mappings()]
                stored = [shown(row) for row in found]
                if order == "updated_at":
                    # The tickets that were changed were other ones before.
                    stored = [
                        {"version": row["version"], "at": row["updated_at"]} for row in stored
                    ]
                assert stored[::2] == stored[1::2], name
        await database.close()


def test_the_ratio_is_that_of_rounds_beside_each_other() -> None:
    # The machine was slow at first and fast then, for both.
    result = Result(
        "SQLite 3", "A write", 1, {"deskgraph": rounds(10, 90), "baseline": rounds(20, 180)}
    )
    assert result.ratio("deskgraph") == 0.5
    assert result.rate("deskgraph") == 50


def test_the_chart_shows_both_servers_and_the_ratio() -> None:
    shown = " ".join(ElementTree.fromstring(chart([RESULT])).itertext())
    assert "REST create, SQLite 3" in shown
    assert "50 · 0.50 of the baseline" in shown
    assert "with 8 clients" in shown


def test_the_table_has_a_line_for_each_write() -> None:
    lines = table([RESULT]).splitlines()
    assert lines[0].split() == ["SQLite", "3", "deskgraph", "baseline"]
    figures = ["50", "2.0", "0.50", "0.50", "100", "2.0", "0.50", "1.00"]
    assert lines[2].split() == ["REST", "create", "8", *figures]


def test_write_keeps_the_table(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def measured(*_given: object) -> list[Result]:
        return [RESULT]

    monkeypatch.setattr(writes, "measure_on", measured)
    monkeypatch.setattr(writes, "DOCS", tmp_path)
    assert writes.main(["--write", "--database", "sqlite", "--tickets", "10"]) == 0
    assert (tmp_path / "write-benchmark.txt").read_text() == capsys.readouterr().out


def test_different_answers_are_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {1: b'{"id":"a","via":"rest"}', 2: b'{"id":"a","via":"graphql"}'}
    monkeypatch.setattr(servers, "ask", lambda _request, port: answers[port])
    request = requests("token", make_rows(10))[0]
    with pytest.raises(servers.ServerError, match="answer REST create differently"):
        writes.check_answers(request, {"ours": 1, "baseline": 2})
    writes.check_answers(request, {"ours": 1, "baseline": 1})
