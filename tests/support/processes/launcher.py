"""Processes that tests start: they end with the test, also where the test process is killed.

``run`` is for a command that ends by itself, ``child`` for one that is looked at while it runs,
``program`` for one that says when it is ready, and ``serve`` for ``deskgraph serve``.
"""

import atexit
import functools
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.paths import ROOT
from tests.support.processes.forked import ForkedPopen, can_fork

# For how long a process or a thread is waited for, in seconds: longer than any of them takes.
DEADLINE_SECONDS = 120.0
REAPER = ROOT / "tests/support/processes/reaper.py"
# What a program of ``together`` says, and what it waits for.
READY, GO = "ready\n", "go\n"

Command = Sequence[str | Path]


def run(
    command: Command,
    *,
    seconds: float | None = DEADLINE_SECONDS,
    input: str | None = None,
    **options: Any,
) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end; return its status and what it printed."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    if input is not None:
        pipes["stdin"] = subprocess.PIPE
    with child(command, text=True, **pipes | options) as process:
        out, errors = process.communicate(input, timeout=seconds)
    return subprocess.CompletedProcess(command, process.returncode, out, errors)


@contextmanager
def child(command: Command, **options: Any) -> "Iterator[subprocess.Popen[Any]]":
    """Run a command for the time of a block, with the options of ``Popen``."""
    start = ForkedPopen if can_fork(command, options.get("env")) else subprocess.Popen
    with start(command, **options) as process:
        _tell_reaper(f"+{process.pid}")
        try:
            yield process
        finally:
            try:
                end(process)
            finally:
                # Also after a failure: the system may give the id to another process.
                _tell_reaper(f"-{process.pid}")


@functools.cache
def _reaper() -> "subprocess.Popen[str]":
    """Start the process that ends the others where this one cannot.

    Unlike PR_SET_PDEATHSIG of Linux, it does not end them with the thread that started them.
    """
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", REAPER],
        stdin=subprocess.PIPE,
        stdout=quiet,
        stderr=quiet,
        text=True,
        # Ctrl-C is for the tests.
        start_new_session=True,
    )
    atexit.register(process.communicate)
    return process


def _tell_reaper(line: str) -> None:
    pipe = _reaper().stdin
    assert pipe is not None
    pipe.write(f"{line}\n")
    pipe.flush()


def end(process: "subprocess.Popen[Any]") -> None:
    """Ask a process to end, and kill it where it does not; its pipes are closed."""
    process.terminate()
    try:
        process.communicate(timeout=DEADLINE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate(timeout=DEADLINE_SECONDS)
        raise


@dataclass(frozen=True)
class Program:
    """A running program that tells of itself on its standard output."""

    process: "subprocess.Popen[str]"
    log: Path

    def line(self) -> str:
        """Return the next line that it prints; where it ends instead, its log is the failure."""
        assert self.process.stdout is not None
        found = self.process.stdout.readline()
        assert found, f"{self.process.args!r} said nothing more:\n{self.log.read_text()}"
        return found


@contextmanager
def program(
    command: Sequence[str], log: Path, *, environment: dict[str, str], folder: Path = ROOT
) -> Iterator[Program]:
    """Run Python with these arguments for the time of a block; no traceback may be in its log."""
    with (
        log.open("w") as errors,
        child(
            [sys.executable, *command],
            env=environment,
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        yield Program(process, log)
    assert "Traceback" not in log.read_text(), log.read_text()


@dataclass(frozen=True)
class Served(Program):
    """A running ``deskgraph serve``: where it listens, and the line that said so."""

    base: str
    said: str


@contextmanager
def serve(folder: Path, *options: str, environment: dict[str, str]) -> Iterator[Served]:
    """Run ``deskgraph serve`` in a folder, on a free port unless the options name one."""
    port = () if "--port" in options else ("--port", "0")
    command = ["-m", "deskgraph.cli", "serve", *options, *port]
    log = folder / "server.log"
    with program(command, log, environment=environment, folder=folder) as running:
        said = running.line()
        assert said.startswith("GraphiQL"), said
        base = said.split()[-1].removesuffix("/graphql")
        yield Served(running.process, log, base, said)


def together(commands: Sequence[Command]) -> list[str]:
    """Run programs that begin at the same time; return what each of them printed.

    Each says ``READY`` when it is prepared, and waits for a line on its standard input.
    """
    pipe = subprocess.PIPE
    with ExitStack() as stack:
        processes = [
            stack.enter_context(
                child(one, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
            )
            for one in commands
        ]
        for process in processes:
            assert process.stdout is not None
            said = process.stdout.readline()
            assert said == READY, process.communicate(timeout=DEADLINE_SECONDS)
        for process in processes:
            assert process.stdin is not None
            process.stdin.write(GO)
            process.stdin.flush()
        ended = [process.communicate(timeout=DEADLINE_SECONDS) for process in processes]
    assert [errors for _, errors in ended] == [""] * len(ended)
    return [printed for printed, _ in ended]
