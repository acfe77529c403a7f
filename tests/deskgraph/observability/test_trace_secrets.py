"""What clients send is in no span, whatever becomes of the request."""

import asyncio
import shutil
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from obstore.store import LocalStore

from deskgraph.app import create_app
from deskgraph.database.database import Database
from deskgraph.demo.loading import load_demo
from tests.deskgraph.conftest import change
from tests.deskgraph.observability.conftest import Logged
from tests.deskgraph.observability.spans import Kept
from tests.deskgraph.observability.test_secrets import Planted, send_all
from tests.support.processes.launcher import DEADLINE_SECONDS
from tests.support.processes.local_server import serving_in_a_thread
from tests.support.settings import settings_for


async def load(url: str, media: Path) -> None:
    database = Database(url)
    await load_demo(database, LocalStore(media, mkdir=True), datetime.now(UTC))
    await database.engine.dispose()


@pytest.mark.parametrize("backend", ["sqlite", pytest.param("postgres", marks=pytest.mark.proof)])
def test_no_secret_is_in_a_span(
    backend: str, request: pytest.FixtureRequest, demo_template: Path, tmp_path: Path
) -> None:
    if backend == "sqlite":
        url = f"sqlite:///{shutil.copy(demo_template, tmp_path / 'desk.db')}"
    else:
        url = request.getfixturevalue("postgres_url")
        asyncio.run(load(url, tmp_path / "media"))
    more = {"media_links": "signed", "webhook_private_addresses": "allow"}
    kept, planted = Kept(), Planted()
    app = create_app(settings_for(url, tmp_path / "media", **more), traces=kept.traces)
    with (
        serving_in_a_thread(app, log_config=None, log_level="warning") as server,
        httpx.Client(base_url=server.base, timeout=DEADLINE_SECONDS) as client,
    ):
        client.headers["tracestate"] = f"vendor={planted.new('state')}"
        client.headers["baggage"] = f"user={planted.new('baggage')}"
        client.headers["traceparent"] = f"00-{planted.new('parent')}-01"
        logged = Logged(None, tmp_path / "log", client)  # type: ignore[arg-type] # no process
        statuses = send_all(logged, planted)
        # The same requests once more, on a database in which they fail unexpectedly.
        tables = ("attachments", "webhooks", "comments")
        for table in tables:
            change(url, f"ALTER TABLE {table} RENAME TO {table}_away")
        statuses += send_all(logged, planted)
        for table in tables:
            change(url, f"ALTER TABLE {table}_away RENAME TO {table}")
    found = kept.take()
    assert 500 in statuses
    text = "\n".join(one.to_json() for one in found)
    names = {one.name for one in found}
    assert {"POST /graphql", "query", "mutation", "SELECT", "COMMIT", "file_store put"} <= names
    assert planted.found_in(text) == []
