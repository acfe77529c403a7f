"""Files and folders that only the server's user may read, whatever the umask."""

import os
from contextlib import suppress
from pathlib import Path

FILE_MODE = 0o600
FOLDER_MODE = 0o700


# How often folders are made that others remove as empty meanwhile.
TRIES = 20


def create_folder(folder: Path) -> None:
    """Make a folder and those above it; what is there already stays as it is."""
    for _ in range(TRIES):
        try:
            _create(folder)
        except FileNotFoundError:
            # The end of another upload has removed one of them.
            continue
        return
    _create(folder)


def _create(folder: Path) -> None:
    if folder.is_dir():
        return
    _create(folder.parent)
    try:
        folder.mkdir(FOLDER_MODE)
    except FileExistsError:
        if not folder.is_dir():
            raise
    else:
        folder.chmod(FOLDER_MODE)


def create_private(path: Path) -> None:
    """Make an empty file unless there is one; SQLite gives its WAL the same mode.

    Does nothing if the file cannot be made: opening it fails with the reason.
    """
    create_folder(path.parent)
    with suppress(OSError):
        open(path, "x", opener=private_opener).close()


def private_opener(path: str, flags: int) -> int:
    """Open a file for ``open``; where that makes it, nobody else may read it."""
    descriptor = os.open(path, flags, FILE_MODE)
    if flags & os.O_EXCL:
        os.fchmod(descriptor, FILE_MODE)
    return descriptor


def is_open_to_others(path: Path) -> bool:
    """Whether others than its user may read or change a file, which a symbolic link may lead to."""
    return bool(path.stat().st_mode & 0o077)
