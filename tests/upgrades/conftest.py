"""Both releases, on one database."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.upgrades.released import Releases, signal_all, unpack


@pytest.fixture
def releases(tmp_path: Path, blank_database_url: str) -> Iterator[Releases]:
    """Give both releases, on a database without tables."""
    made = Releases(tmp_path, unpack(tmp_path / "released"), blank_database_url)
    with made.running:
        yield made
        for server in made.servers:
            # They would drain.
            signal_all(server, signal.SIGKILL)
