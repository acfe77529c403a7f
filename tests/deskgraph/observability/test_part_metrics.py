"""What the parts of a server report, as its metrics show it; and the port of the metrics."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from deskgraph.app import create_app
from deskgraph.database.database import Database
from deskgraph.observability import metrics
from deskgraph.observability.durations import MAX_OPERATIONS
from deskgraph.settings import SettingsError, load_settings
from models import BulkJob, BulkJobKind, BulkJobState
from resolvers.commands import tickets
from tests.docs.markdown import table
from tests.live.conftest import Live
from tests.support.clock import NOON, Clock
from tests.support.fixtures import OpenDesk
from tests.support.paths import ROOT
from tests.support.processes.launcher import DEADLINE_SECONDS
from tests.support.processes.local_server import serving
from tests.support.rows import key
from tests.support.settings import settings_for
from tests.support.world import World

pytestmark = pytest.mark.anyio

PORT = 9464
POOLS = ("read", "write", "turn")
Samples = dict[tuple[str, ...], float]


def samples(exposed: str) -> Samples:
    """Return each value by its name and the values of its labels, in the order of their names."""
    return {
        (one.name, *(one.labels[label] for label in sorted(one.labels))): one.value
        for family in text_string_to_metric_families(exposed)
        for one in family.samples
    }


async def shown(client: httpx.AsyncClient) -> Samples:
    return samples((await client.get("/metrics")).raise_for_status().text)


async def test_waits_for_connections_are_counted_by_pool(
    open_desk: OpenDesk, database_url: str
) -> None:
    async with open_desk(database_url=database_url, metrics="on") as client:
        before = await shown(client)
        path = f"/api/v1/tickets/{key('volume')}/"
        assert (await client.patch(path, json={"subject": "New"})).status_code == 200
        after = await shown(client)
    name = "deskgraph_connection_wait_seconds"
    grown = {pool: after[f"{name}_count", pool] - before[f"{name}_count", pool] for pool in POOLS}
    assert grown["read"] >= 2
    # Of PostgreSQL, what adds up the counts may have taken one by now, too.
    sqlite = database_url.startswith("sqlite")
    assert grown["write"] in ((1,) if sqlite else (1, 2))
    assert grown["turn"] == (1 if sqlite else 0)
    assert after[f"{name}_sum", "read"] > before[f"{name}_sum", "read"]


async def test_nothing_has_failed_at_the_start(open_desk: OpenDesk) -> None:
    async with open_desk(metrics="on") as client:
        found = await shown(client)
    failures = {labels[1:]: n for labels, n in found.items() if "unavailable" in labels[0]}
    assert set(failures.values()) == {0}
    assert set(failures) == {
        ("read", "database"),
        ("write", "database"),
        *((name, "file_store") for name in ("put", "get", "exists", "link", "delete", "check")),
    }
    assert found["deskgraph_logins_total", "failed"] == 0
    assert found["deskgraph_webhook_attempts_total", "failed"] == 0


async def test_the_start_of_the_process_is_shown(open_desk: OpenDesk) -> None:
    async with open_desk(metrics="on") as client:
        found = await shown(client)
    assert found["deskgraph_start_time_seconds",] == NOON.timestamp()


@asynccontextmanager
async def live_with_metrics(url: str, media: Path) -> AsyncIterator[Live]:
    settings = settings_for(url, media, metrics="on")
    app = create_app(settings, clock=Clock())
    world = World(app.state.services, settings)
    async with (
        serving(app, log_config=None, log_level="warning") as running,
        httpx.AsyncClient(base_url=running.base, timeout=60, verify=False) as client,
    ):
        await world.reset()
        yield Live(running.base, world, client, [], app)


async def test_the_lag_of_events_is_their_age_when_subscribers_get_them(
    anyio_backend: str, database_url: str, tmp_path: Path
) -> None:
    async with live_with_metrics(database_url, tmp_path / "media") as live:
        await live.rename("volume", "Missed")
        async with live.stream() as one, live.stream("admin") as two, live.stream(after="") as late:
            await live.settled(3)
            # It brings what was missed.
            await late.next()
            await happen(live, seconds=7)
            for stream in (one, two, late):
                assert (await stream.next())["type"] == "UPDATED"
            found = await shown(live.client)
    assert found["deskgraph_event_lag_seconds_count",] == 3
    assert found["deskgraph_event_lag_seconds_sum",] == 21
    assert found["deskgraph_event_lag_seconds_bucket", "5.0"] == 0
    assert found["deskgraph_event_lag_seconds_bucket", "10.0"] == 3


async def test_of_streams_and_sockets_only_what_the_server_does_is_timed(
    anyio_backend: str, sqlite_url: str, tmp_path: Path
) -> None:
    streamed = "subscription Streamed { ticketEvents { cursor } }"
    followed = "subscription Followed { ticketEvents { cursor } }"
    async with live_with_metrics(sqlite_url, tmp_path / "media") as live:
        async with live.stream("keith", streamed), live.socket() as socket:
            await socket.subscribe(followed)
            for number in range(2):
                await socket.subscribe("query Asked { __typename }", id=f"q{number}")
                kinds = [(await socket.receive())["type"] for _ in range(2)]
                assert kinds == ["next", "complete"]
            await live.settled(2)
        async with live.stream("keith", "query Short { __typename }") as short:
            while (await short.frame())["event"] != "complete":
                pass
        async with asyncio.timeout(DEADLINE_SECONDS):
            while len(requests := ended(found := await shown(live.client))) < 3:
                pass
    assert requests == {
        ("graphql", "Streamed", "200"),
        ("graphql", "Short", "200"),
        ("websocket", "Followed,Asked", "1000"),
    }
    name = "deskgraph_request_seconds_count"
    timed = {labels[1:]: count for labels, count in found.items() if labels[0] == name}
    assert timed == {("websocket", "Asked", ""): 2, ("graphql", "Short", "2xx"): 1}
    assert found["deskgraph_request_seconds_sum", "websocket", "Asked", ""] > 0


def ended(found: Samples) -> set[tuple[str, ...]]:
    """Return the requests to GraphQL that have ended."""
    name = "deskgraph_requests_total"
    return {one[1:] for one in found if one[0] == name and one[1] in ("graphql", "websocket")}


async def happen(live: Live, *, seconds: float) -> None:
    """Let something happen by a clock that is behind that of the server."""
    context = live.world.context("keith")
    behind = replace(context.services, clock=lambda: NOON - timedelta(seconds=seconds))
    late = replace(context, services=behind)
    await tickets.update_ticket(late, key("volume"), {"subject": "Now"})


async def test_an_event_of_a_clock_that_is_ahead_has_no_age(
    anyio_backend: str, sqlite_url: str, tmp_path: Path
) -> None:
    async with live_with_metrics(sqlite_url, tmp_path / "media") as live, live.stream() as stream:
        await live.settled(1)
        await happen(live, seconds=-7)
        await stream.next()
        found = await shown(live.client)
    assert found["deskgraph_event_lag_seconds_count",] == 1
    assert found["deskgraph_event_lag_seconds_sum",] == 0


async def test_a_port_of_their_own_has_the_metrics_and_nothing_else(open_desk: OpenDesk) -> None:
    async with open_desk(metrics="on", metrics_port=PORT) as client:
        answer = await client.get(f"http://desk.test:{PORT}/metrics")
        assert "deskgraph_build_info" in answer.text
        # Whatever a proxy passes on of what a client sends.
        headers = {"Host": f"127.0.0.1:{PORT}", "X-Forwarded-Port": str(PORT)}
        for path in ("/metrics", "/metrics/"):
            assert (await client.get(path, headers=headers)).status_code == 404
        assert (await client.get("/api/v1/tickets/")).status_code == 200
        for path in ("/", "/graphql", "/api/v1/tickets/", "/healthz", "/metrics/x"):
            assert (await client.get(f"http://desk.test:{PORT}{path}")).status_code == 404
        assert (await client.post(f"http://desk.test:{PORT}/metrics")).status_code == 405
        again = samples((await client.get(f"http://desk.test:{PORT}/metrics")).text)
    # What scrapes is no request of the desk.
    counted = {labels[2] for labels in again if labels[0] == "deskgraph_requests_total"}
    assert counted == {"/api/v1/tickets/", "other"}


async def test_a_token_is_needed_at_their_own_port_too(open_desk: OpenDesk) -> None:
    token = "a-token-of-the-scraper"
    async with open_desk(metrics=token, metrics_port=PORT) as client:
        refused = await client.get(f"http://desk.test:{PORT}/metrics")
        assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
        assert "deskgraph_" not in refused.text
        client.headers["Authorization"] = f"Bearer {token}"
        assert (await client.get(f"http://desk.test:{PORT}/metrics")).status_code == 200


async def test_a_database_that_does_not_answer_holds_up_no_scraper(
    open_desk: OpenDesk, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "BACKLOG_SECONDS", 0.05)
    async with open_desk(database_url=postgres_url, metrics="on") as client:
        other = Database(postgres_url)
        async with other.transaction() as session:
            await (await session.connection()).execute(text("LOCK TABLE webhooks"))
            found = await shown(client)
        await other.engine.dispose()
    assert found["deskgraph_webhook_queue",] == 0


def held_job(*, turn_at: datetime, state: BulkJobState) -> BulkJob:
    """Return a job that another process has: ours would do it."""
    return BulkJob(
        kind=BulkJobKind.DELETE,
        state=state,
        created_at=NOON - timedelta(hours=2),
        turn_at=turn_at,
        claim="another",
        lease_until=NOON + timedelta(days=999),
    )


async def test_bulk_jobs_that_have_not_ended_are_shown(
    open_desk: OpenDesk, database_url: str
) -> None:
    async with open_desk(database_url=database_url, metrics="on") as client:
        found = await shown(client)
        assert found["deskgraph_bulk_jobs",] == found["deskgraph_bulk_idle_seconds",] == 0
        other = Database(database_url)
        async with other.transaction() as session:
            for seconds, state in ((40, "running"), (70, "running"), (10, "done")):
                turn = NOON - timedelta(seconds=seconds)
                session.add(held_job(turn_at=turn, state=BulkJobState(state)))
        await other.engine.dispose()
        found = await shown(client)
    assert found["deskgraph_bulk_jobs",] == 2
    assert found["deskgraph_bulk_idle_seconds",] == 40


@pytest.mark.parametrize("port", ["0", "65536", "x"])
def test_a_port_must_be_one(monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    monkeypatch.setenv("DESKGRAPH_METRICS", "on")
    monkeypatch.setenv("DESKGRAPH_METRICS_PORT", port)
    with pytest.raises(SettingsError, match=r"^DESKGRAPH_METRICS_PORT: "):
        load_settings()


def test_a_port_without_metrics_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESKGRAPH_METRICS_PORT", "9464")
    with pytest.raises(SettingsError, match="METRICS_PORT is set, but DESKGRAPH_METRICS is off"):
        load_settings()


async def test_names_of_operations_are_bounded(open_desk: OpenDesk) -> None:
    async with open_desk(metrics="on") as client:
        for number in range(MAX_OPERATIONS + 3):
            query = f"query Q{number} {{ __typename }}"
            assert (await client.post("/graphql", json={"query": query})).status_code == 200
        found = await shown(client)
    names = [labels[2] for labels in found if labels[0] == "deskgraph_requests_total"]
    assert sum(name.startswith("Q") for name in names) == MAX_OPERATIONS
    assert found["deskgraph_requests_total", "graphql", "other", "200"] == 3


async def test_the_document_has_each_metric_with_its_labels(open_desk: OpenDesk) -> None:
    document = (ROOT / "docs" / "monitoring.md").read_text("utf-8")
    documented = {
        row[0].strip("`"): set(re.findall(r"`(\w+)`", row[1]))
        for row in table(document, "`deskgraph_requests_total`")
    }
    async with open_desk(metrics="on") as client:
        assert (await client.get("/api/v1/tickets/")).status_code == 200
        exposed = (await client.get("/metrics")).text
    assert metrics_in(exposed) == documented


def metrics_in(exposed: str) -> dict[str, set[str]]:
    """Return the labels of each metric."""
    return {
        f"{family.name}_total" if family.type == "counter" else family.name: {
            label for one in family.samples for label in one.labels if label != "le"
        }
        for family in text_string_to_metric_families(exposed)
    }
