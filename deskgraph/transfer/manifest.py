"""What an export is of. Its manifest is written last: a folder without one is no whole export."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from deskgraph.backup.manifest import FILES_LIST, sha256
from deskgraph.database.migrate import head
from deskgraph.private_files import FILE_MODE, private_opener
from deskgraph.transfer.tables import TABLES

FORMAT = 1
MANIFEST = "manifest.json"
# How many bytes of a file are read at once where its lines are counted.
PIECE = 1 << 20


class TransferError(Exception):
    """An export or an import cannot be done; the text is a sentence."""


@dataclass(frozen=True, slots=True)
class Part:
    """The file of a table: how many lines it has, and the SHA-256 of its content."""

    lines: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """``database``: sqlite or postgresql. ``moment``: that of all rows, UTC, ISO 8601."""

    format: int
    id: str
    version: str
    schema: str
    database: str
    moment: str
    tables: dict[str, Part]
    # The last number that was given out, by table.
    sequences: dict[str, int]
    # How many files of attachments are in the export; None where the file store stays in place.
    files: int | None
    list_sha256: str | None

    def write(self, folder: Path) -> None:
        """Write the manifest, all of it or nothing."""
        write_json(folder / MANIFEST, asdict(self))

    @property
    def rows(self) -> int:
        """How many rows the export has."""
        return sum(part.lines for part in self.tables.values())


@contextmanager
def disk_errors_told(path: Path) -> Iterator[None]:
    """Turn what the system says of a file into ``TransferError``."""
    try:
        yield
    except OSError as error:
        raise TransferError(f"{path} cannot be read or written: {error.strerror}.") from None


def write_json(path: Path, content: object) -> None:
    """Replace a file by one with this content, which only its owner can read."""
    with disk_errors_told(path):
        _replace(
            path, orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        )


def _replace(path: Path, content: bytes) -> None:
    unfinished = path.with_name(f"{path.name}.new")
    with open(unfinished, "wb", opener=private_opener) as file:
        # One that an interrupted run has left keeps its mode.
        unfinished.chmod(FILE_MODE)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def data_file(folder: Path, table: str) -> Path:
    """Return the file of a table."""
    return folder / f"{table}.jsonl"


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a folder; raises ``TransferError``."""
    path = folder / MANIFEST
    if not path.exists():
        raise TransferError(
            f"{folder} is not a whole export: it has no {MANIFEST}. An export that was interrupted "
            'goes on if "deskgraph export" is run again.'
        )
    try:
        with disk_errors_told(path):
            found = orjson.loads(path.read_bytes())
    except ValueError:
        raise TransferError(f"{path} is damaged: it is not JSON.") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise TransferError(f"{path} is of another format than {FORMAT}.")
    try:
        return _parsed(found)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise TransferError(f"{path} is damaged: a value is missing or wrong.") from None


def _parsed(found: dict[str, Any]) -> Manifest:
    texts = [found[name] for name in ("id", "version", "schema", "database", "moment")]
    tables = {name: Part(**part) for name, part in found["tables"].items()}
    numbers = [*(part.lines for part in tables.values()), *found["sequences"].values()]
    texts += [part.sha256 for part in tables.values()]
    if found["files"] is not None:
        numbers.append(found["files"])
        texts.append(found["list_sha256"])
    if not all(type(number) is int and number >= 0 for number in numbers):
        raise ValueError
    if not all(type(text) is str for text in texts):
        raise TypeError
    return Manifest(**{**found, "tables": tables})


def check_whole(folder: Path, manifest: Manifest) -> None:
    """Raise ``TransferError`` unless this program can import the export, and nothing is damaged."""
    if manifest.schema != head():
        raise TransferError(
            f"The export has the schema {manifest.schema}, and this deskgraph has {head()}: export "
            "and import with the same version."
        )
    known = [moved.name for moved in TABLES]
    for name in manifest.tables:
        if name not in known:
            raise TransferError(f"The export has the table {name[:60]!r}, which is unknown.")
    for name in known:
        if name not in manifest.tables:
            raise TransferError(f"The export is damaged: it has no table {name}.")
    for name, part in manifest.tables.items():
        path = data_file(folder, name)
        with disk_errors_told(path):
            _check_file(path, part.sha256)
            lines = count_lines(path)
        if lines != part.lines:
            raise TransferError(
                f"The export is damaged: {path} has {lines} lines, {part.lines} were written."
            )
    if manifest.list_sha256 is not None:
        with disk_errors_told(folder / FILES_LIST):
            _check_file(folder / FILES_LIST, manifest.list_sha256)


def _check_file(path: Path, expected: str) -> None:
    if not path.is_file():
        raise TransferError(f"The export is not whole: {path} is missing.")
    if sha256(path) != expected:
        raise TransferError(f"The export is damaged: {path} is not what was written.")


def count_lines(path: Path) -> int:
    """Return how many lines a file has."""
    with path.open("rb") as file:
        return sum(piece.count(b"\n") for piece in iter(lambda: file.read(PIECE), b""))
