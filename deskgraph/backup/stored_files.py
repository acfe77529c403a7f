"""The files of a backup: copied from the store and back, each compared with what is known of it."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from deskgraph.backup.manifest import FILES_LIST
from deskgraph.private_files import private_opener
from deskgraph.storage.file_store import FileStore
from deskgraph.storage.named_files import NAMED_FILES

BATCH = 500


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that a row names. ``size`` is in bytes; ``sha256`` is empty where it is not known."""

    key: str
    name: str
    content_type: str
    size: int
    sha256: str


@dataclass
class Outcome:
    """How many files were copied, and the keys of those that could not be."""

    schema: str
    files: int = 0
    missing: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    # How many files the backup that is restored lacks.
    absent: int = 0

    @property
    def whole(self) -> bool:
        """Whether all files are there."""
        return not (self.missing or self.damaged or self.absent)


class Damaged(Exception):
    """The content of a file is not what its row says."""


async def files_of(connection: AsyncConnection) -> AsyncIterator[StoredFile]:
    """Yield the files that the rows of a database name, in the order of their keys."""
    key, row = "", NAMED_FILES.c
    wanted = select(row.key, row.name, row.content_type, row.size, row.sha256).order_by(row.key)
    while found := (await connection.execute(wanted.where(row.key > key).limit(BATCH))).all():
        for each in found:
            yield StoredFile(*each)
        key = found[-1].key


async def count_files(connection: AsyncConnection) -> int:
    """Return how many files the rows of a database name."""
    return await connection.scalar(select(func.count()).select_from(NAMED_FILES)) or 0


async def copy(file: StoredFile, source: FileStore, target: FileStore) -> StoredFile:
    """Copy a file unless it is there, and return it with its hash.

    Raises ``FileNotFoundError``, and ``Damaged`` without keeping what it has copied.
    """
    if await target.exists(file.key):
        return await _checked(file, target)
    content = await source.get(file.key)
    digest, size = sha256(), 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal size
        async for chunk in content:
            digest.update(chunk)
            size += len(chunk)
            yield chunk
        _compare(file, digest.hexdigest(), size)

    await target.put(file.key, chunks(), name=file.name, content_type=file.content_type)
    return _known(file, digest.hexdigest())


async def copy_noted(
    file: StoredFile, source: FileStore, target: FileStore, outcome: Outcome
) -> StoredFile | None:
    """Copy a file and note that, or why it could not be copied."""
    try:
        copied = await copy(file, source, target)
    except FileNotFoundError:
        outcome.missing.append(file.key)
        return None
    except Damaged:
        outcome.damaged.append(file.key)
        return None
    outcome.files += 1
    return copied


async def _checked(file: StoredFile, store: FileStore) -> StoredFile:
    digest, size = sha256(), 0
    async for chunk in await store.get(file.key):
        digest.update(chunk)
        size += len(chunk)
    _compare(file, digest.hexdigest(), size)
    return _known(file, digest.hexdigest())


def _compare(file: StoredFile, digest: str, size: int) -> None:
    if size != file.size or (file.sha256 and digest != file.sha256):
        raise Damaged


def _known(file: StoredFile, digest: str) -> StoredFile:
    return StoredFile(file.key, file.name, file.content_type, file.size, digest)


@contextmanager
def new_list(folder: Path) -> Iterator[Callable[[StoredFile], None]]:
    """Give what adds a file to the list of a backup, a line for each."""
    with open(folder / FILES_LIST, "x", encoding="utf-8", opener=private_opener) as written:

        def add(file: StoredFile) -> None:
            written.write(f"{json.dumps(asdict(file), ensure_ascii=False)}\n")

        yield add


def listed(folder: Path) -> Iterator[StoredFile]:
    """Yield the files of a backup's list, whose hash was compared before."""
    with (folder / FILES_LIST).open(encoding="utf-8") as file:
        for line in file:
            yield StoredFile(**json.loads(line))
