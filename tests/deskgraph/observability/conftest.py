"""Real servers over the demo, whose log can be read while they run."""

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from deskgraph.demo.logins import PASSWORD
from tests.deskgraph.conftest import banner
from tests.support.processes.environment import child_environment
from tests.support.processes.launcher import DEADLINE_SECONDS, child

Line = dict[str, Any]


@dataclass(frozen=True)
class Logged:
    """A running server, its log, and a client of it."""

    process: "subprocess.Popen[str]"
    log: Path
    client: httpx.Client

    def log_in(self, username: str = "admin") -> dict[str, str]:
        """Log in, let the client send the token from now on, and return both tokens."""
        asked = {"username": username, "password": PASSWORD}
        answer = self.client.post("/api/v1/auth/login/", json=asked)
        tokens: dict[str, str] = answer.json()
        self.client.headers["Authorization"] = f"Bearer {tokens['access']}"
        return tokens

    def lines(self) -> list[Line]:
        """Return the whole lines of a log in JSON that are written by now."""
        return [
            json.loads(line)
            for line in self.log.read_text().splitlines(keepends=True)
            if line.endswith("\n")
        ]

    def wait_until(self, done: Callable[[list[Line]], bool]) -> None:
        """Wait until the log has what a test looks for: a line comes after its answer."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not done(self.lines()):
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.01)

    def wait_for(self, wanted: Callable[[Line], bool]) -> Line:
        """Return the only line of a kind."""
        self.wait_until(lambda lines: any(map(wanted, lines)))
        [found] = filter(wanted, self.lines())
        return found

    def line_of(self, answer: httpx.Response) -> Line:
        """Return the line of the request of an answer."""
        request_id = answer.headers["x-request-id"]
        return self.wait_for(lambda line: is_request(line) and line["request_id"] == request_id)

    def others_of(self, answer: httpx.Response) -> list[Line]:
        """Return the lines about a request but its own, which is the last one."""
        self.line_of(answer)
        request_id = answer.headers["x-request-id"]
        about = [line for line in self.lines() if line.get("request_id") == request_id]
        return [line for line in about if not is_request(line)]

    def stop(self) -> str:
        """Stop the server and return all that it wrote."""
        self.process.send_signal(signal.SIGINT)
        out, _ = self.process.communicate(timeout=DEADLINE_SECONDS)
        return f"{out}{self.log.read_text()}"


def is_request(line: Line) -> bool:
    """Whether a line is that of a request."""
    return bool(line["event"] == "request")


def drop(folder: Path, sql: str) -> None:
    """Change the copy of the demo, behind the back of the server."""
    [path] = folder.glob("*.db")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(sql)


Serve = Callable[..., AbstractContextManager[Logged]]


@contextmanager
def _served(folder: Path, *options: str, **settings: str) -> Iterator[Logged]:
    folder.mkdir()
    log = folder / "log"
    command = [sys.executable, "-m", "deskgraph.cli", "serve", "--port", "0", *options]
    environment = child_environment(**settings)
    with (
        log.open("w") as errors,
        child(
            command, env=environment, cwd=folder, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        base, _ = banner(process, 3)
        with httpx.Client(base_url=base, timeout=DEADLINE_SECONDS) as client:
            yield Logged(process, log, client)


@pytest.fixture
def serve(demo_template: Path, tmp_path: Path) -> Serve:
    """Give what serves a copy of the demo on SQLite, with its log in JSON."""

    def served(*options: str, **settings: str) -> AbstractContextManager[Logged]:
        if "DATABASE_URL" not in settings:
            copy = shutil.copy(demo_template, tmp_path / "demo.db")
            settings["DATABASE_URL"] = f"sqlite:///{copy}"
        return _served(tmp_path / "home", *options, **{"LOG_FORMAT": "json"} | settings)

    return served


@pytest.fixture(scope="module")
def logged(demo_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Logged]:
    """Give a server that the tests of a module share, with an Admin who is logged in."""
    folder = tmp_path_factory.mktemp("logged")
    url = f"sqlite:///{shutil.copy(demo_template, folder / 'desk.db')}"
    with _served(folder / "home", DATABASE_URL=url, LOG_FORMAT="json") as server:
        server.log_in()
        yield server
