"""What a backup is of. Its manifest is written last, so a folder without one is not a backup."""

import json
from dataclasses import asdict, dataclass, fields
from hashlib import file_digest
from pathlib import Path

from deskgraph.private_files import private_opener

FORMAT = 1
MANIFEST = "manifest.json"
# A line of JSON for each file that the database names.
FILES_LIST = "files.jsonl"
FILES = "files"


class BackupError(Exception):
    """A backup cannot be made or restored; the text is a sentence."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """``database``: sqlite or postgresql. ``version``: deskgraph's. ``made_at``: UTC, ISO 8601."""

    format: int
    version: str
    schema: str
    database: str
    made_at: str
    # The file of the database in the folder, and the SHA-256 of its content in hexadecimal digits.
    dump: str
    dump_sha256: str
    list_sha256: str
    files: int
    # Files that the database names and the store did not have.
    missing: int

    def write(self, folder: Path) -> None:
        """Write the manifest into a folder that has none."""
        with open(folder / MANIFEST, "x", encoding="utf-8", opener=private_opener) as file:
            json.dump(asdict(self), file, indent=2)
            file.write("\n")


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a folder and check what it is of; raises ``BackupError``."""
    try:
        found = json.loads((folder / MANIFEST).read_bytes())
    except FileNotFoundError:
        raise BackupError(f"{folder} is not a backup: it has no {MANIFEST}.") from None
    except ValueError:
        raise BackupError(f"{folder / MANIFEST} is damaged: it is not JSON.") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise BackupError(f"{folder / MANIFEST} is of another format than {FORMAT}.")
    wrong = [
        field.name for field in fields(Manifest) if type(found.get(field.name)) is not field.type
    ]
    if wrong or Path(found["dump"]).name != found["dump"]:
        raise BackupError(f"{folder / MANIFEST} is damaged: {', '.join(wrong) or 'dump'} is wrong.")
    manifest = Manifest(**{field.name: found[field.name] for field in fields(Manifest)})
    for name, expected in (
        (manifest.dump, manifest.dump_sha256),
        (FILES_LIST, manifest.list_sha256),
    ):
        path = folder / name
        if not path.is_file():
            raise BackupError(f"The backup is not whole: {path} is missing.")
        if sha256(path) != expected:
            raise BackupError(f"The backup is damaged: {path} is not what was written.")
    return manifest


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal digits."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
