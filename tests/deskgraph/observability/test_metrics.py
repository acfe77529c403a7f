"""What Prometheus reads of a real server, with and without workers."""

import os
import signal
import socket
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from deskgraph.settings import SettingsError, load_settings
from tests.deskgraph.observability.conftest import Logged, Serve, drop

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


@pytest.mark.parametrize("workers", [pytest.param("1", marks=pytest.mark.proof), "2"])
def test_requests_are_counted_for_all_workers(serve: Serve, workers: str) -> None:
    # Several workers share a port of the metrics' own as well.
    own = {"METRICS_PORT": str(port := free_port())} if workers == "2" else {}
    with serve("--workers", workers, METRICS="on", **own) as server:
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
        if own:
            assert server.client.get("/metrics").status_code == 404
            found = samples(httpx.get(f"http://127.0.0.1:{port}/metrics"))
        else:
            found = read(server)

    assert found["deskgraph_requests_total", ("graphql", "Known", "200")] == 8
    assert found["deskgraph_request_seconds_count", ("graphql", "Known", "2xx")] == 8
    assert found["deskgraph_request_seconds_sum", ("graphql", "Known", "2xx")] > 0
    assert found["deskgraph_sql_seconds_total", ("graphql", "Known")] > 0
    assert found["deskgraph_requests_total", ("rest", "/api/v1/auth/login/", "400")] == 1
    login = ("rest", "/api/v1/auth/login/")
    seconds = "deskgraph_request_seconds_count"
    assert (found[seconds, (*login, "2xx")], found[seconds, (*login, "4xx")]) == (1, 1)
    assert found["deskgraph_logins_total", ("succeeded",)] == 1
    assert found["deskgraph_logins_total", ("failed",)] == 1
    lookups = [found["deskgraph_plan_lookups_total", (result,)] for result in ("hit", "miss")]
    assert min(lookups) > 0
    assert found["deskgraph_plans", ()] > 0
    assert found["deskgraph_subscribers", ()] == 0
    assert found["deskgraph_webhook_queue", ()] == 0
    assert found["deskgraph_connection_wait_seconds_count", ("read",)] > 0
    assert found["deskgraph_unavailable_total", ("read", "database")] == 0
    assert found["deskgraph_start_time_seconds", ()] > 0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


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


def test_a_server_with_too_many_connections_shows_its_metrics(serve: Serve) -> None:
    port = free_port()
    with serve(METRICS="on", METRICS_PORT=str(port), MAX_CONNECTIONS="1") as server:
        # This connection stays open.
        assert server.client.get("/healthz").status_code == 200
        url = server.client.base_url.join("/healthz")
        assert httpx.get(url).status_code == 503
        assert httpx.get(url, headers={"X-Long": "x" * 40_000}).status_code == 431
        found = samples(httpx.get(f"http://127.0.0.1:{port}/metrics"))
    refusals = {labels: n for (name, labels), n in found.items() if "refused_unread" in name}
    assert refusals == {("connections",): 1, ("head",): 1, ("malformed",): 0}


def test_health_and_metrics_are_not_counted_as_requests(serve: Serve, tmp_path: Path) -> None:
    with serve(METRICS="on") as server:
        assert server.client.get("/healthz").status_code == 200
        assert server.client.get("/readyz").status_code == 200
        drop(tmp_path, "DROP TABLE alembic_version")
        while (answer := server.client.get("/readyz")).status_code == 200:
            pass  # The result of the first time is kept for a second.
        assert answer.status_code == 503
        server.client.get("/nowhere")
        read(server)
        found = read(server)
    requests = {labels for name, labels in found if name == "deskgraph_requests_total"}
    assert requests == {("other", "other", "404")}
    timed = {labels for name, labels in found if name == "deskgraph_request_seconds_count"}
    assert timed == {("other", "other", "4xx")}
    assert ("deskgraph_sql_seconds_total", ("other", "/readyz")) not in found


def test_without_the_setting_there_are_none(logged: Logged) -> None:
    assert logged.client.get("/metrics").status_code == 404


@pytest.mark.parametrize("value", ["", "yes", "On", "short", "with a blank in the token", "ü" * 20])
def test_what_is_neither_on_nor_off_nor_a_token_is_refused(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("DESKGRAPH_METRICS", value)
    with pytest.raises(SettingsError, match=r"^DESKGRAPH_METRICS must be off, on, or a token"):
        load_settings()


@pytest.mark.proof
def test_a_refusal_for_rate_is_counted(serve: Serve) -> None:
    with serve(METRICS="on", RATE_LIMIT="1", MAX_COST="1") as server:
        for _ in range(3):
            ask(server, "{ nothing }")
        assert read(server)["deskgraph_rate_refusals_total", ("address",)] == 2


@pytest.mark.proof
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
