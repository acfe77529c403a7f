"""What Prometheus reads of a real server, with and without workers."""

import os
import re
import signal
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from deskgraph.observability.metrics import MAX_OPERATIONS
from deskgraph.settings import SettingsError, load_settings
from tests.deskgraph.observability.conftest import Logged, Serve
from tests.docs.markdown import table
from tests.support.paths import ROOT

TOKEN = "a-token-of-the-scraper"
KNOWN = "query Known { viewer { id } }"
Sample = tuple[str, tuple[str, ...]]


def samples(answer: httpx.Response) -> dict[Sample, float]:
    """Return each value by its name and the values of its labels, in order of their names."""
    assert answer.status_code == 200
    return {
        (one.name, tuple(one.labels[label] for label in sorted(one.labels))): one.value
        for family in text_string_to_metric_families(answer.text)
        for one in family.samples
    }


def read(server: Logged) -> dict[Sample, float]:
    return samples(server.client.get("/metrics"))


def ask(server: Logged, query: str = KNOWN) -> None:
    server.line_of(server.client.post("/graphql", json={"query": query}))


@pytest.mark.parametrize("workers", ["1", "2"])
def test_requests_are_counted_for_all_workers(serve: Serve, workers: str) -> None:
    with serve("--workers", workers, METRICS="on") as server:
        server.wait_until(
            lambda lines: sum("startup complete" in line["event"] for line in lines) == int(workers)
        )
        server.log_in()
        for _ in range(8):
            # Connections of their own, so that both workers get some.
            server.client.headers["Connection"] = "close"
            ask(server)
        wrong = {"username": "admin", "password": "wrong"}
        server.line_of(server.client.post("/api/v1/auth/login/", json=wrong))
        found = read(server)

    assert found["deskgraph_requests_total", ("graphql", "Known", "200")] == 8
    assert found["deskgraph_request_seconds_count", ("graphql", "Known")] == 8
    assert found["deskgraph_request_seconds_sum", ("graphql", "Known")] > 0
    assert found["deskgraph_sql_seconds_total", ("graphql", "Known")] > 0
    assert found["deskgraph_requests_total", ("rest", "/api/v1/auth/login/", "400")] == 1
    assert found["deskgraph_logins_total", ("succeeded",)] == 1
    assert found["deskgraph_logins_total", ("failed",)] == 1
    lookups = [found["deskgraph_plan_lookups_total", (result,)] for result in ("hit", "miss")]
    assert min(lookups) > 0
    assert found["deskgraph_plans", ()] > 0
    assert found["deskgraph_subscribers", ()] == 0
    assert found["deskgraph_webhook_queue", ()] == 0


def test_a_token_is_needed_where_one_is_set(serve: Serve) -> None:
    with serve(METRICS=TOKEN) as server:
        for header in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}):
            refused = server.client.get("/metrics", headers=header)
            assert refused.status_code == 401
            assert "deskgraph_" not in refused.text
        right = server.client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
        assert "deskgraph_build_info" in right.text
        text = server.stop()
    assert TOKEN not in text


def test_without_the_setting_there_are_none(logged: Logged) -> None:
    assert logged.client.get("/metrics").status_code == 404


@pytest.mark.parametrize("value", ["", "yes", "On", "short", "with a blank in the token", "ü" * 20])
def test_what_is_neither_on_nor_off_nor_a_token_is_refused(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("DESKGRAPH_METRICS", value)
    with pytest.raises(SettingsError, match=r"^DESKGRAPH_METRICS must be off, on, or a token"):
        load_settings()


def test_names_of_operations_are_bounded(serve: Serve) -> None:
    with serve(METRICS="on") as server:
        for number in range(MAX_OPERATIONS + 3):
            ask(server, f"query Q{number} {{ __typename }}")
        found = read(server)
    names = [labels[1] for name, labels in found if name == "deskgraph_requests_total"]
    assert sum(name.startswith("Q") for name in names) == MAX_OPERATIONS
    assert found["deskgraph_requests_total", ("graphql", "other", "200")] == 3


def test_a_refusal_for_rate_is_counted(serve: Serve) -> None:
    with serve(METRICS="on", RATE_LIMIT="1", MAX_COST="1") as server:
        for _ in range(3):
            ask(server, "{ nothing }")
        assert read(server)["deskgraph_rate_refusals_total", ("address",)] == 2


def test_the_folder_of_workers_is_removed_and_a_dead_one_is_forgotten(serve: Serve) -> None:
    with serve("--workers", "2", METRICS="on") as server:
        ended = "startup complete"
        server.wait_until(lambda lines: sum(ended in line["event"] for line in lines) == 2)
        folder = Path(environment_of(server.process.pid)["PROMETHEUS_MULTIPROC_DIR"])
        first = worker_pids(folder)
        assert len(first) == 2
        killed = min(first)
        os.kill(killed, signal.SIGKILL)
        server.wait_until(lambda lines: sum(ended in line["event"] for line in lines) == 3)
        assert killed not in worker_pids(folder)
        server.stop()
        assert not folder.exists()


def environment_of(pid: int) -> dict[str, str]:
    """Return the environment of a worker of a process; the process itself has set it later."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    for child in children:
        found = dict(
            entry.split("=", 1)
            for entry in Path(f"/proc/{child}/environ").read_text().split("\0")
            if "=" in entry
        )
        if "PROMETHEUS_MULTIPROC_DIR" in found:
            return found
    raise AssertionError("no worker counts")


def worker_pids(folder: Path) -> set[int]:
    return {int(path.stem.rpartition("_")[2]) for path in folder.glob("gauge_livesum_*.db")}


def test_the_document_has_each_metric_with_its_labels(serve: Serve) -> None:
    text = (ROOT / "docs" / "monitoring.md").read_text("utf-8")
    documented = {
        row[0].strip("`"): set(re.findall(r"`(\w+)`", row[1]))
        for row in table(text, "`deskgraph_requests_total`")
    }
    with serve(METRICS="on", RATE_LIMIT="1", MAX_COST="1") as server:
        wrong = {"username": "admin", "password": "wrong"}
        server.line_of(server.client.post("/api/v1/auth/login/", json=wrong))
        # The bucket is empty by now.
        ask(server, "{ nothing }")
        families = list(text_string_to_metric_families(server.client.get("/metrics").text))
    found = {
        f"{family.name}_total" if family.type == "counter" else family.name: {
            label for one in family.samples for label in one.labels if label != "le"
        }
        for family in families
    }
    assert found == documented
