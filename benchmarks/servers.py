"""The servers that are measured, as processes of their own."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request as UrlRequest
from urllib.request import urlopen
from uuid import UUID

import orjson

from benchmarks.requests import Request
from deskgraph.settings import PREFIX
from resolvers.auth.tokens import Tokens

ROOT = Path(__file__).parents[1]
TIMEOUT_SECONDS = 30
# Points a minute: everything is counted, and nothing refused.
RATE_LIMIT = 10**9
LIFETIME = 1440
# Stands for the port in a command.
PORT = "{port}"


class ServerError(Exception):
    """A server does not start, or does not answer what it should."""


def token(key: str, viewer: UUID) -> str:
    """Return an access token of a user."""
    tokens = Tokens(key, access_minutes=LIFETIME, refresh_days=1, clock=lambda: datetime.now(UTC))
    return tokens.access(viewer)


@contextmanager
def running(
    url: str,
    key: str,
    access: str,
    folder: Path,
    *,
    bare: bool = False,
    compressed: bool = False,
) -> Iterator[dict[str, int]]:
    """Run our server and the baseline, and give their ports by name.

    ``bare``: ours once more, without counting anything; ``compressed``: with compression.
    """
    commands = {"ours": Command(SERVE)}
    if bare:
        commands["bare"] = Command(SERVE, {f"{PREFIX}RATE_LIMIT": "off"})
    if compressed:
        commands["compressed"] = Command(SERVE, {f"{PREFIX}COMPRESSION": "on"})
    commands["baseline"] = Command(["benchmarks.baseline"])
    with started(commands, url, key, access, folder) as processes:
        yield {name: process.port for name, process in processes.items()}


@dataclass(frozen=True)
class Command:
    """A module with its arguments, and what it has in its environment besides."""

    module: list[str]
    env: Mapping[str, str] = field(default_factory=dict)


SERVE = ["deskgraph.cli", "serve"]


@contextmanager
def started(
    commands: Mapping[str, Command], url: str, key: str, access: str, folder: Path
) -> Iterator[dict[str, "Server"]]:
    """Run servers on one database, and give them by name once all answer."""
    env = _environment(url, key, folder) | {"BASELINE_TOKEN": access}
    with ExitStack() as stack:
        processes = {
            name: stack.enter_context(_started(command.module, {**env, **command.env}, folder))
            for name, command in commands.items()
        }
        for process in processes.values():
            process.wait_until_it_answers()
        yield processes


@contextmanager
def alone(module: list[str], url: str, key: str, folder: Path) -> Iterator[int]:
    """Run one server and give its port."""
    with _started(module, _environment(url, key, folder), folder) as process:
        process.wait_until_it_answers()
        yield process.port


def _environment(url: str, key: str, folder: Path) -> dict[str, str]:
    # Nothing of this process's settings gets in.
    env = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return env | {
        "PYTHONPATH": str(ROOT),
        f"{PREFIX}DATABASE_URL": url,
        f"{PREFIX}FILES_URL": f"file://{folder / 'media'}",
        f"{PREFIX}SECRET_KEY": key,
        f"{PREFIX}RATE_LIMIT": str(RATE_LIMIT),
        # None of the servers writes a line for each request.
        f"{PREFIX}LOG_LEVEL": "warning",
    }


def ask(request: Request, port: int) -> bytes:
    """Return what a server answers."""
    asked = UrlRequest(
        f"http://127.0.0.1:{port}{request.path}",
        data=request.body or None,
        headers=request.headers,
        method=request.method,
    )
    try:
        with urlopen(asked, timeout=TIMEOUT_SECONDS) as answer:
            return bytes(answer.read())
    except URLError as error:
        raise ServerError(f"No answer to {request.title}: {error}") from None


def compare(request: Request, ports: Mapping[str, int]) -> int:
    """Return the size of the answer; raises ``ServerError`` where two servers differ in it."""
    answers = {name: ask(request, port) for name, port in ports.items()}
    (first, one), *others = answers.items()
    for name, other in others:
        if without_cost(other) != without_cost(one):
            raise ServerError(f"{first} and {name} answer {request.title} differently.")
    return len(one)


def without_cost(answer: bytes) -> object:
    """Return an answer as JSON without what only ours tells."""
    found = orjson.loads(answer)
    found.pop("extensions", None)
    return found


@dataclass
class Server:
    """A process that serves on a port."""

    process: "subprocess.Popen[bytes]"
    port: int
    log: Path

    def cpu_seconds(self) -> float:
        """Return how long it has computed until now, in user and in kernel mode."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text("ascii").rpartition(")")[2]
        return sum(map(int, fields.split()[11:13])) / os.sysconf("SC_CLK_TCK")

    def wait_until_it_answers(self) -> None:
        """Raise ``ServerError`` with what the server said where it does not start."""
        until = time.monotonic() + TIMEOUT_SECONDS
        while time.monotonic() < until and self.process.poll() is None:
            with socket.socket() as tried:
                if tried.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise ServerError(f"A server does not start: {self.log.read_text()}")


@contextmanager
def _started(module: list[str], env: Mapping[str, str], folder: Path) -> Iterator[Server]:
    command = [sys.executable, "-m", *module, "--port", PORT]
    with run(command, env, folder, module[0]) as server:
        yield server


@contextmanager
def run(
    command: Sequence[str], env: Mapping[str, str], folder: Path, name: str
) -> Iterator[Server]:
    """Run a server in a folder; its command has ``PORT`` where its port belongs."""
    port = _free_port()
    command = [part.replace(PORT, str(port)) for part in command]
    log = folder / f"{name}-{port}.log"
    with log.open("w") as output:
        # A group of its own: the command may be one that starts the server as its child.
        process = subprocess.Popen(
            command,
            env=dict(env),
            cwd=folder,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield Server(process, port, log)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(TIMEOUT_SECONDS)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
