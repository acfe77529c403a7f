"""A real server with rows in it, and Schemathesis, which calls it as an Admin."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from tests.support.launcher import DEADLINE_SECONDS, child
from tests.support.paths import ROOT
from tests.support.rows import file_key, key
from tests.support.settings import KEY
from tests.support.world import open_world

HERE = Path(__file__).parent
# Rows that are referred to, and what else has to exist to be found.
ROWS = {
    "company": [str(key("hilton"))],
    "contact": [str(key("john"))],
    "assigned_to": [str(key("keith")), str(key("admin"))],
    "user_id": [str(key("keith"))],
    "ticket": [str(key("offline")), str(key("volume")), str(key("bill"))],
    "key": [file_key("photo"), file_key("receipt")],
}


@contextmanager
def serving(url: str, folder: Path) -> Iterator[tuple[str, str]]:
    """Serve a migrated database filled with the world of the tests; gives address and token."""
    media = folder / "media"
    token = asyncio.run(_fill(url, media))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DESKGRAPH_")}
    settings = {
        "DESKGRAPH_DATABASE_URL": url,
        "DESKGRAPH_FILES_URL": f"file://{media}",
        "DESKGRAPH_SECRET_KEY": KEY,
        "DESKGRAPH_MAX_UPLOAD_MB": "1",
        "DESKGRAPH_RATE_LIMIT": "off",
        "PYTHONPATH": str(ROOT),
    }
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = int(found.getsockname()[1])
    log = (folder / "server.log").open("w")
    command = [sys.executable, "-m", "deskgraph.cli", "serve", "--port", str(port)]
    with (
        log,
        child(command, cwd=folder, env=kept | settings, stdout=log, stderr=log) as server,
    ):
        _wait(server, port, folder)
        yield f"http://127.0.0.1:{port}", token


def _wait(server: "subprocess.Popen[bytes]", port: int, folder: Path) -> None:
    until = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < until and server.poll() is None:
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError((folder / "server.log").read_text())


async def _fill(url: str, media: Path) -> str:
    """Insert the rows; return a token that is good today."""
    async with open_world(url, media) as world:
        await world.reset()
        world.clock.now = datetime.now(UTC)
        return world.services.tokens.access(key("admin"))


def run(url: str, folder: Path, arguments: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    """Run Schemathesis on a database until it is done; its report is its output."""
    with serving(url, folder) as (base, token):
        environment = {
            **os.environ,
            "DESKGRAPH_FUZZ_TOKEN": token,
            "DESKGRAPH_FUZZ_ROWS": json.dumps(ROWS),
            "DESKGRAPH_FUZZ_ADMIN": str(key("admin")),
            "PYTHONPATH": str(ROOT),
        }
        script = Path(sys.executable).with_name("schemathesis")
        command = [str(script), "--config-file", str(HERE / "schemathesis.toml"), "run"]
        return subprocess.run(
            [*command, f"{base}/api/v1/openapi.json", "--no-color", *arguments],
            env=environment,
            # Hooks are named relative to where it runs.
            cwd=HERE,
            capture_output=True,
            text=True,
            check=False,
        )
