"""A running desk on a database that a test takes away, and what clients are told meanwhile."""

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from deskgraph.app import create_app
from deskgraph.database.sqlite import writer
from tests.live.conftest import Live
from tests.support.clock import Clock
from tests.support.databases import migrated_cluster
from tests.support.limits import UNBOUNDED
from tests.support.processes.clusters import Cluster
from tests.support.processes.local_server import serving
from tests.support.settings import settings_for
from tests.support.world import World

NONE = "Nothing was changed, try again later."
UNKNOWN = "It is not known whether the change was made: read it before you repeat it."
DONE = "The change was made, but it cannot be read now."


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Run a server of PostgreSQL with a migrated database ``desk``."""
    with migrated_cluster() as started:
        yield started


@asynccontextmanager
async def running(url: str, media: Path, **more: Any) -> AsyncIterator[Live]:
    """Serve a desk in this process, with the common rows and their files in a folder.

    Another ``files_url`` makes the desk's own files go elsewhere.
    """
    settings = settings_for(url, media, **UNBOUNDED | {"metrics": "on"} | more)
    app = create_app(settings, clock=Clock())
    world = World(app.state.services, settings_for(url, media))
    async with (
        serving(app, log_config=None, log_level="warning") as server,
        httpx.AsyncClient(base_url=server.base, timeout=60) as client,
    ):
        await world.reset()
        yield Live(server.base, world, client, [], app)


@pytest.fixture
async def on_postgres(
    anyio_backend: str, cluster: Cluster, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> AsyncIterator[Live]:
    """Give a desk on the server of the module."""
    async with running(cluster.url_of("desk"), tmp_path / "media") as live:
        caplog.clear()
        yield live


@pytest.fixture
async def on_sqlite(
    anyio_backend: str,
    sqlite_url: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Live]:
    """Give a desk on a file, whose writers do not wait for other processes."""
    monkeypatch.setattr(writer, "SQLITE_BUSY_SECONDS", 0)
    async with running(sqlite_url, tmp_path / "media") as live:
        caplog.clear()
        yield live


def assert_told(response: httpx.Response, part: str, changes: str = NONE) -> None:
    """REST says that a part is away, and when to try again."""
    assert response.status_code == 503, response.text
    assert response.json() == {"detail": f"The {part} is not available. {changes}"}
    assert response.headers["retry-after"] == "5"


async def unavailable(live: Live) -> set[tuple[str, str]]:
    """Return which operations of which parts have failed, as the metrics count them."""
    return await _not_zero(live, "deskgraph_unavailable")


async def lost(live: Live) -> set[tuple[str, str]]:
    """Return whether reads or writes of which parts fail now, as the metrics show it."""
    return await _not_zero(live, "deskgraph_part_lost")


async def _not_zero(live: Live, metric: str) -> set[tuple[str, str]]:
    found = (await live.client.get("/metrics")).text
    families = {family.name: family for family in text_string_to_metric_families(found)}
    samples = families[metric].samples
    return {(one.labels["part"], one.labels["operation"]) for one in samples if one.value}


async def health(live: Live) -> dict[str, Any]:
    """Return what a balancer is told that sends requests here."""
    live.world.clock.move(seconds=2)
    answer = await live.client.get("/readyz")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def logged(caplog: pytest.LogCaptureFixture, name: str) -> list[str]:
    """Return what a logger said; nothing was logged with a stack by any."""
    assert [record for record in caplog.records if record.exc_info] == []
    return [
        record.getMessage()
        for record in caplog.records
        if record.name == name and record.levelno >= logging.WARNING
    ]
