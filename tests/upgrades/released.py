"""The last release, for tests that run its servers beside those of today.

Its wheel is stored beside this module, without GraphiQL. After a release, this builds it again from
the commit of the release:

    .venv/bin/python -m tests.upgrades.released COMMIT

The stored wheel of 0.1.0 is commit 192aca2, of the schema 0012, with three later modules of
``deskgraph``: ``database/migrate.py``, ``health.py`` and ``cli/data.py``, as they were when servers
learned to work with a newer schema. Servers of 0.1.0 without them have to stop for an upgrade.
"""

import os
import shutil
import sys
import tarfile
import tempfile
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from zipfile import ZipFile

from tests.support.paths import ROOT
from tests.support.processes.environment import child_environment
from tests.support.processes.launcher import Command, Served, run, serve
from tests.support.settings import KEY

FOLDER = ROOT / "tests/upgrades"
WHEELS = "deskgraph-*.whl"


def wheel() -> Path:
    """Return the stored wheel."""
    (found,) = FOLDER.glob(WHEELS)
    return found


def unpack(folder: Path) -> Path:
    """Unpack the wheel into a folder that can be put on PYTHONPATH, and return it.

    It is not imported from the wheel itself: migrations and data are looked for as files.
    """
    with ZipFile(wheel()) as packed:
        packed.extractall(folder)
    return folder


def build(commit: str) -> Path:
    """Build the wheel of a commit, and store it in the place of the one that is there."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        packed = folder / "source.tar"
        _run(["git", "archive", "--output", packed, commit], ROOT)
        with tarfile.open(packed) as archive:
            archive.extractall(folder / "source", filter="data")
        build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", name]
        _run(build, folder / "source")
        for old in FOLDER.glob(WHEELS):
            old.unlink()
        (built,) = folder.glob(WHEELS)
        return Path(shutil.copy(built, FOLDER))


@dataclass
class Releases:
    """Runs programs of the last release, and of today, on one database and one file store."""

    folder: Path
    old: Path
    url: str
    running: ExitStack = field(default_factory=ExitStack)
    servers: list[Served] = field(default_factory=list)

    def environment(self, release: str) -> dict[str, str]:
        """Return the settings of both, with the code of one."""
        given = child_environment(
            DATABASE_URL=self.url,
            FILES_URL=f"file://{self.folder / 'files'}",
            SECRET_KEY=KEY,
            RATE_LIMIT="off",
            # Until a second signal, which comes when nothing is under way.
            DRAIN_SECONDS="3600",
        )
        return given | {"PYTHONPATH": str(self.old if release == "old" else ROOT)}

    def command(self, release: str, *arguments: str) -> str:
        """Run a command; return what it printed."""
        command = [sys.executable, "-m", "deskgraph.cli", *arguments]
        ended = run(command, env=self.environment(release), cwd=self.folder)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def refused(self, release: str, *arguments: str) -> str:
        """Run a command that fails; return what it said."""
        command = [sys.executable, "-m", "deskgraph.cli", *arguments]
        ended = run(command, env=self.environment(release), cwd=self.folder)
        assert ended.returncode == 1
        return ended.stderr

    def serve(self, release: str, *options: str) -> Served:
        """Start a server."""
        folder = self.folder / f"server{len(self.servers)}"
        folder.mkdir()
        server = serve(folder, *options, environment=self.environment(release))
        self.servers.append(self.running.enter_context(server))
        return self.servers[-1]


def signal_all(server: Served, number: int) -> None:
    """Send a signal to a server and to its workers, as Ctrl-C in a terminal reaches them."""
    if server.process.poll() is not None:
        return
    first = server.process.pid
    children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
    for process in (first, *map(int, children)):
        with suppress(ProcessLookupError):
            os.kill(process, number)


def _run(command: Command, folder: Path) -> None:
    ended = run(command, cwd=folder)
    assert ended.returncode == 0, ended.stderr


if __name__ == "__main__":
    sys.stdout.write(f"{build(sys.argv[1]).name}\n")
