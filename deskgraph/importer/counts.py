"""What an import counts, and where it keeps the rows that it could not take."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from deskgraph.importer.source import Record

# Never written anywhere but into the column that holds it.
SECRET_COLUMNS = frozenset({"password"})


@dataclass
class Count:
    """The rows of one kind: each that was read is written, unchanged or rejected."""

    read: int = 0
    written: int = 0
    unchanged: int = 0
    rejected: int = 0
    # Those of them that are recorded as imported, now or before: a rejected one may be, too.
    recorded: int = 0
    # Rows that an earlier run brought and that the old database has no longer; they are kept.
    gone: int = 0


@dataclass
class ImportSummary:
    """What an import came to, by the names of the kinds, in their order.

    ``files`` counts the files of the attachments, nothing where no folder was given;
    ``missing`` are the names of those that were not found.
    """

    kinds: dict[str, Count] = field(default_factory=dict)
    files: Count | None = None
    missing: list[str] = field(default_factory=list)
    without_file: int = 0
    # Sentences about sums that do not agree, which should never be.
    disagreements: list[str] = field(default_factory=list)

    @property
    def rejected(self) -> int:
        """How many lines the file of rejects has."""
        files = self.files.rejected if self.files else 0
        return files + sum(count.rejected for count in self.kinds.values())


class Rejects:
    """A file with a line of JSON for each row that was not taken: kind, id, reason, row."""

    def __init__(self, path: Path) -> None:
        """Begin a new file, which only its owner may read; raises ``OSError``."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._file = path.open("w", encoding="utf-8")
        path.chmod(0o600)

    def __enter__(self) -> Self:
        """Give what ``add`` is called on."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        """Leave no empty file behind."""
        empty = self._file.tell() == 0
        self._file.close()
        if empty:
            # Another import may write into the same file.
            self._path.unlink(missing_ok=True)

    def add(self, kind: str, record: Record, reason: str) -> None:
        """Write a row with the reason why it was not taken."""
        row = {name: value for name, value in dict(record).items() if name not in SECRET_COLUMNS}
        line: Mapping[str, object] = {
            "kind": kind,
            "id": record["id"],
            "reason": reason,
            "row": row,
        }
        self._file.write(json.dumps(line, default=str) + "\n")
