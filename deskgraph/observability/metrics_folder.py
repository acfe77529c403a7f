"""The folder in which several workers count: made before they start, removed after they end."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

# The name is prometheus_client's, which reads it when it is imported.
FOLDER = "PROMETHEUS_MULTIPROC_DIR"


@contextmanager
def metrics_folder() -> Iterator[None]:
    """Make the folder and name it in the environment, for the processes of a block."""
    with TemporaryDirectory(prefix="deskgraph-metrics-") as folder:
        os.environ[FOLDER] = folder
        try:
            yield
        finally:
            del os.environ[FOLDER]


def remove_dead_workers(folder: Path) -> None:
    """Remove the sizes that a worker had when it died, so that they are not added up."""
    for path in folder.glob("gauge_live*_*.db"):
        pid = int(path.stem.rpartition("_")[2])
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            path.unlink(missing_ok=True)
