"""The last release, for tests that run its servers beside those of today.

Its wheel is stored beside this module, without GraphiQL. After a release, this builds it again from
the commit of the release:

    .venv/bin/python -m tests.upgrades.released COMMIT
"""

import shutil
import sys
import tarfile
import tempfile
from pathlib import Path
from zipfile import ZipFile

from tests.support.paths import ROOT
from tests.support.processes.launcher import Command, run

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


def _run(command: Command, folder: Path) -> None:
    ended = run(command, cwd=folder)
    assert ended.returncode == 0, ended.stderr


if __name__ == "__main__":
    sys.stdout.write(f"{build(sys.argv[1]).name}\n")
