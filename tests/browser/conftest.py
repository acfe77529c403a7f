"""A real server with the demo's data, and a real browser."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Page,
    Request,
    Route,
    expect,
    sync_playwright,
)

from deskgraph.demo.logins import PASSWORD
from tests.support.processes.environment import child_environment
from tests.support.processes.launcher import serve

CHROMIUM = (
    os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
)
RESULTS = Path("test-results")
# On a busy machine a page takes long to show what it will.
expect.set_options(timeout=30_000)
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
        self._running = ExitStack()
        self._port = "0"
        self.origin = ""

    def start(self) -> None:
        """Start, and wait until it listens."""
        options = ("--prepare", "--port", self._port)
        served = serve(self._folder, *options, environment=child_environment())
        self.origin = self._running.enter_context(served).base
        self._port = self.origin.rpartition(":")[2]

    def stop(self) -> None:
        """Stop, and wait until it has ended."""
        self._running.close()


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


@pytest.fixture(scope="module")
def token(origin: str) -> str:
    """Give the token of an Admin."""
    sent = {"username": "admin", "password": PASSWORD}
    answer = httpx.post(f"{origin}/api/v1/auth/login/", json=sent)
    return str(answer.json()["access"])


def reads_schema(request: Request) -> bool:
    """Whether GraphiQL asks for the schema; a reload before the answer is an error in its log."""
    return "IntrospectionQuery" in (request.post_data or "")


@pytest.fixture
def graphiql(browser: Browser, origin: str) -> Iterator[Page]:
    """GraphiQL; it fails the test on any error it logs and any request that leaves the origin."""
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    opened = context.new_page()
    wrong: list[str] = []

    def on_console(message: ConsoleMessage) -> None:
        if message.type == "error":
            wrong.append(message.text)

    def on_request(request: Request) -> None:
        if not request.url.startswith((origin, "data:", "blob:")):
            wrong.append(request.url)

    opened.on("console", on_console)
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("request", on_request)
    with opened.expect_request_finished(reads_schema):
        opened.goto(f"{origin}/graphql")
    expect(opened.locator(".graphiql-query-editor .view-lines")).to_be_visible()
    yield opened
    context.close()
    assert wrong == []


@pytest.fixture
def reference(browser: Browser, origin: str) -> Iterator[Page]:
    """A page for the REST paths that reaches no other host; errors and attempts fail the test."""
    opened = browser.new_page(viewport={"width": 1400, "height": 1000})
    wrong: list[str] = []

    def on_console(message: ConsoleMessage) -> None:
        # That a call was refused is no error of the page.
        if message.type == "error" and not re.search(r"40[01] \(", message.text):
            wrong.append(message.text)

    def on_request(route: Route) -> None:
        if route.request.url.startswith((origin, "data:", "blob:")):
            route.continue_()
        else:
            wrong.append(route.request.url)
            route.abort()

    opened.route("**/*", on_request)
    opened.on("console", on_console)
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    yield opened
    opened.close()
    assert wrong == []
