"""GraphQL over HTTP as graphql-http audits it, against a real server."""

import asyncio
import json
import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
import uvicorn

from server.app import create_app
from tests.viewers.world import settings_for

pytestmark = pytest.mark.anyio

HERE = Path(__file__).parent
AUDITS = 61


@pytest.fixture(scope="module")
def _packages() -> None:
    """Install what the lock has, once."""
    if shutil.which("npm") is None:
        if os.environ.get("DESKGRAPH_REQUIRE_CLIENTS") == "1":
            pytest.fail("npm is not installed")
        pytest.skip("npm is not installed")
    if not (HERE / "node_modules" / "graphql-http").exists():
        command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
        subprocess.run(command, cwd=HERE, check=True, capture_output=True)


@pytest.fixture
async def url(anyio_backend: str, sqlite_url: str, tmp_path: Path) -> AsyncIterator[str]:
    """Give the address of a server that runs in this process."""
    app = create_app(settings_for(sqlite_url, tmp_path / "media"))
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    running = asyncio.create_task(server._serve([listening]))
    while not server.started:  # noqa: ASYNC110
        await asyncio.sleep(0)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}/graphql"
    server.should_exit = True
    with suppress(asyncio.CancelledError):
        await running
    listening.close()


@pytest.mark.usefixtures("_packages")
async def test_every_audit_is_passed(url: str) -> None:
    node = await asyncio.create_subprocess_exec(
        "node", "audit.mjs", url, cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    out, err = await node.communicate()
    assert node.returncode == 0, err.decode()
    results = json.loads(out)
    assert [result for result in results if result["status"] != "ok"] == []
    assert len(results) == len({result["id"] for result in results}) == AUDITS
