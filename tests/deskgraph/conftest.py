"""Ways to run commands, in this process or in their own, and to look at what they did."""

import asyncio
import io
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest
from obstore.store import LocalStore
from sqlalchemy import text

from deskgraph import cli
from deskgraph.database.database import Database
from deskgraph.demo.loading import load_demo
from deskgraph.settings import PREFIX
from tests.support.paths import ROOT
from tests.support.processes.launcher import DEADLINE_SECONDS, child

SECRET = "hidden-password"


class Ended(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Ended]
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def _in_an_empty_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in os.environ:
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Give a function that sets settings by their short names."""

    def change(**settings: str) -> None:
        for name, value in settings.items():
            monkeypatch.setenv(PREFIX + name.upper(), value)

    return change


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Give a function that runs a command in this process."""

    def run_here(*arguments: str, stdin: str = "") -> Ended:
        monkeypatch.setattr(sys, "argv", ["deskgraph", *arguments])
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return Ended(int(ended.value.code or 0), *capsys.readouterr())

    return run_here


@pytest.fixture
def start() -> Iterator[Start]:
    """Give a function that starts a command as a process, which ends with the test."""
    with ExitStack() as started:

        def start_process(*arguments: str, **options: object) -> "subprocess.Popen[str]":
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
            return started.enter_context(
                child(
                    [sys.executable, "-m", "deskgraph.cli", *arguments],
                    env=os.environ | {"PYTHONPATH": str(ROOT)},
                    text=True,
                    # Not on our terminal, if we have one: passwords are asked for there.
                    start_new_session=True,
                    **pipes | options,
                )
            )

        yield start_process


def banner(process: "subprocess.Popen[str]", lines: int) -> tuple[str, str]:
    """Read what ``serve`` says first; return its address and all of it."""
    assert process.stdout
    said = "".join(process.stdout.readline() for _ in range(lines))
    assert "/graphql\n" in said, process.communicate(timeout=DEADLINE_SECONDS)
    return said.split("/graphql\n")[0].split()[-1], said


def stop(process: "subprocess.Popen[str]") -> str:
    """Press Ctrl-C, and return what was on standard error, if that is a pipe."""
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode == 0, err
    assert "Traceback" not in (err or "")
    return err or ""


@pytest.fixture
def services(database_url: str, environment: Callable[..., None]) -> str:
    """Make a migrated, empty database the one that commands work on."""
    environment(database_url=database_url)
    return database_url


def rows(url: str, sql: str) -> list[tuple[object, ...]]:
    """Ask the database itself."""

    async def ask() -> list[tuple[object, ...]]:
        database = Database(url)
        async with database.engine.connect() as connection:
            found = [tuple(row) for row in await connection.execute(text(sql))]
        await database.engine.dispose()
        return found

    return asyncio.run(ask())


def change(url: str, sql: str) -> None:
    async def execute() -> None:
        database = Database(url)
        async with database.engine.begin() as connection:
            await connection.execute(text(sql))
        await database.engine.dispose()

    asyncio.run(execute())


@contextmanager
def terminal() -> Iterator[tuple[int, int]]:
    """Give both ends of a terminal: ours, and the one for a process."""
    ours, theirs = pty.openpty()
    try:
        yield ours, theirs
    finally:
        os.close(ours)
        os.close(theirs)


def read_until(terminal: int, words: str) -> str:
    seen = b""
    while words.encode() not in seen:
        assert select.select([terminal], [], [], 60)[0], f"only {seen!r}"
        seen += os.read(terminal, 1000)
    return seen.decode()


def assert_refused(ended: Ended, *words: str) -> None:
    """It failed with one line on standard error and said nothing else."""
    assert (ended.code, ended.out, ended.err.count("\n")) == (1, "", 1), ended
    assert ended.err.startswith("deskgraph: ")
    assert SECRET not in ended.err
    for word in words:
        assert word in ended.err


@pytest.fixture(scope="session")
def demo_template(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Load the demo once, into a file to be copied; its files are in ``media`` beside it."""
    path = Path(shutil.copy(sqlite_template, tmp_path_factory.mktemp("demo") / "desk.db"))

    async def load() -> None:
        database = Database(f"sqlite:///{path}")
        store = LocalStore(path.parent / "media", mkdir=True)
        await load_demo(database, store, datetime.now(UTC))
        await database.engine.dispose()

    asyncio.run(load())
    return path


@pytest.fixture
def sqlite_desk(demo_template: Path, tmp_path: Path, environment: Callable[..., None]) -> str:
    """Make the demo on SQLite what commands work on."""
    url = f"sqlite:///{shutil.copy(demo_template, tmp_path / 'demo.db')}"
    environment(database_url=url)
    return url


@pytest.fixture
def postgres_desk(postgres_url: str, tmp_path: Path, environment: Callable[..., None]) -> str:
    """Make the demo on PostgreSQL what commands work on."""

    async def load() -> None:
        database = Database(postgres_url)
        store = LocalStore(tmp_path / "demo_media", mkdir=True)
        await load_demo(database, store, datetime.now(UTC))
        await database.engine.dispose()

    asyncio.run(load())
    environment(database_url=postgres_url)
    return postgres_url
