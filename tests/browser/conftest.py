"""A real server with the demo's data, and a real browser."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.processes import end

CHROMIUM = (
    os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
)
RESULTS = Path("test-results")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    # A page that a test answers itself would be of no known network, and may open no WebSocket.
    "--disable-features=LocalNetworkAccessChecks",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class Server:
    """A server of its own, with the demo's data, that can be started again at the same address."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None
        self._port = "0"
        self.origin = ""

    def start(self) -> None:
        """Start, and wait until it listens."""
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(Path.cwd())}
        command = [sys.executable, "-m", "server.cli", "serve", "--prepare", "--port", self._port]
        self._process = subprocess.Popen(
            command, cwd=self._folder, env=environment, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        banner = next(line for line in self._process.stdout if "GraphiQL" in line)
        self.origin = banner.split()[-1].removesuffix("/graphql")
        self._port = self.origin.rpartition(":")[2]

    def stop(self) -> None:
        """Stop, and wait until it has ended."""
        if self._process is not None:
            end(self._process)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    started = Server(tmp_path_factory.mktemp("desk"))
    try:
        started.start()
        yield started
    finally:
        started.stop()


@pytest.fixture(scope="module")
def origin(server: Server) -> str:
    return server.origin


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield launched
        launched.close()
