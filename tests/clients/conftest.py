"""Clients as front ends use them, installed by ``make clients``, and one server for all of them."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.support.processes import launcher
from tests.support.processes.environment import child_environment
from tests.support.processes.launcher import serve

HERE = Path(__file__).parent
# The documents that the tools have compiled, which are then asked for by their ids.
MANIFESTS = (HERE / "app/persisted-documents.json", HERE / "relay/persisted_queries.json")
REQUIRED = os.environ.get("DESKGRAPH_REQUIRE_CLIENTS") == "1"
USER, PASSWORD = "admin", "demo-desk-2025"
# Signs tokens that expire in the middle of a test.
KEY = "a-key-of-the-tests-of-real-clients-only"
SECONDS = 60

Run = Callable[..., str]


def why_no_packages(folder: Path) -> str | None:
    """Return why the npm packages of a folder cannot be used, or None."""
    if shutil.which("node") is None:
        return "Node is not installed"
    # Written when the packages of the lock are all there.
    stamp, lock = folder / "node_modules" / ".installed", folder / "package-lock.json"
    if not stamp.exists() or stamp.stat().st_mtime < lock.stat().st_mtime:
        return "the clients of the lock are not installed: make clients"
    return None


@pytest.fixture(scope="session")
def run() -> Run:
    """Give a function that runs one of the installed programs; it returns what that printed."""
    if missing := why_no_packages(HERE):
        if REQUIRED:
            pytest.fail(missing)
        pytest.skip(missing)

    def running(*command: str, folder: Path = HERE, **environment: str) -> str:
        search = f"{HERE / 'node_modules' / '.bin'}{os.pathsep}{os.environ['PATH']}"
        given = {**os.environ, "PATH": search, **environment}
        ended = launcher.run(command, seconds=SECONDS, cwd=folder, env=given)
        shown = ended.stdout + ended.stderr
        assert ended.returncode == 0, f"{' '.join(command)}:\n{shown}"
        return shown

    return running


@dataclass(frozen=True)
class RunningServer:
    """A running server with the demo, and the user who is logged in."""

    url: str
    token: str

    @property
    def rest_url(self) -> str:
        """Where the paths of REST begin."""
        return self.url.removesuffix("/graphql")

    @property
    def environment(self) -> dict[str, str]:
        """What the scripts read."""
        return {"DESK_URL": self.url, "DESK_TOKEN": self.token, "DESK_USER": USER, "DESK_KEY": KEY}


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Serve the demo, in a process of its own."""
    environment = child_environment(GRAPHQL_MANIFEST=",".join(map(str, MANIFESTS)), SECRET_KEY=KEY)
    folder = tmp_path_factory.mktemp("desk")
    with serve(folder, "--prepare", environment=environment) as served:
        url = f"{served.base}/graphql"
        yield RunningServer(url, _login(url))


def _login(url: str) -> str:
    query = "mutation($input: LoginInput!) { login(input: $input) { accessToken } }"
    variables = {"input": {"username": USER, "password": PASSWORD}}
    answer = httpx.post(url, json={"query": query, "variables": variables}, timeout=30)
    return str(answer.json()["data"]["login"]["accessToken"])
