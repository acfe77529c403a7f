"""Real servers over real files."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.viewers.world import KEY

ROOT = Path(__file__).parents[2]


class Served(NamedTuple):
    """Where a server listens, and the ids of its processes as they come."""

    base: str
    ids: Iterator[int]


Serve = Callable[..., AbstractContextManager[Served]]


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    """Give what runs servers, see ``tests.files.process``."""

    @contextmanager
    def served(url: str, files_url: str, *steps: str, **settings: str) -> Iterator[Served]:
        others = {name: value for name, value in os.environ.items() if "DESKGRAPH" not in name}
        ours = {
            "DATABASE_URL": url,
            "FILES_URL": files_url,
            "SECRET_KEY": KEY,
            "ENVIRONMENT": "production",
            **settings,
        }
        log = tmp_path / "server.log"
        with (
            log.open("w") as errors,
            subprocess.Popen(
                [sys.executable, "-m", "tests.files.process", *(steps or ("none",))],
                env=others | {f"DESKGRAPH_{name}": value for name, value in ours.items()},
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            ) as running,
        ):
            try:
                assert running.stdout
                port = running.stdout.readline()
                assert port, log.read_text()
                yield Served(f"http://127.0.0.1:{int(port)}", map(int, running.stdout))
            finally:
                running.terminate()
        assert "Traceback" not in log.read_text(), log.read_text()

    return served
