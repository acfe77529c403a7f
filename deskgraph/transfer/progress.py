"""How far an export is: kept in its folder, so that an interrupted one goes on."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import orjson

from deskgraph.private_files import create_folder
from deskgraph.transfer.manifest import MANIFEST, TransferError, disk_errors_told, write_json

PROGRESS = "progress.json"


@dataclass
class TableProgress:
    """How much of a table is written. ``rows``: how many it has."""

    rows: int
    lines: int = 0
    size: int = 0


@dataclass
class Progress:
    """``source`` tells databases apart; ``moment`` and ``position`` are of the rows."""

    id: str
    schema: str
    source: str
    moment: str
    # The oldest transaction of PostgreSQL that had not ended by then.
    position: int = 0
    tables: dict[str, TableProgress] = field(default_factory=dict)
    # Whether this run goes on with what another one has written.
    resumed: bool = False

    def write(self, folder: Path) -> None:
        """Keep it."""
        write_json(folder / PROGRESS, asdict(self))


def read_progress(folder: Path) -> Progress | None:
    """Return how far the export in a folder is, nothing if none has begun.

    Raises ``TransferError``.
    """
    path = folder / PROGRESS
    if not path.exists():
        return None
    try:
        with disk_errors_told(path):
            found = orjson.loads(path.read_bytes())
        tables = {name: TableProgress(**one) for name, one in found.pop("tables").items()}
        return Progress(**{**found, "tables": tables, "resumed": True})
    except (ValueError, TypeError, KeyError, AttributeError):
        raise TransferError(f"{path} is damaged: export into another folder.") from None


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Keep other exports out of a folder, which is empty, new, or has an export.

    Raises ``TransferError``.
    """
    try:
        create_folder(folder)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise TransferError(f"{folder} cannot be written: {error.strerror}.") from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise TransferError(f"Another export is writing into {folder}.") from None
        known = (MANIFEST, PROGRESS)
        if any(folder.iterdir()) and not any((folder / name).exists() for name in known):
            raise TransferError(f"{folder} is not an empty folder.")
        yield
    finally:
        os.close(descriptor)
