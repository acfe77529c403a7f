"""Processes that tests start: they end with the test, however it ends."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# For how long a process or a thread is waited for, in seconds: longer than any of them takes.
DEADLINE_SECONDS = 120.0


@contextmanager
def child(command: Sequence[str | Path], **options: Any) -> "Iterator[subprocess.Popen[Any]]":
    """Run a command for the time of a block, with the options of ``Popen``."""
    with subprocess.Popen(command, **options) as process:
        try:
            yield process
        finally:
            end(process)


def end(process: "subprocess.Popen[Any]") -> None:
    """Ask a process to end, and kill it where it does not; its pipes are closed."""
    process.terminate()
    try:
        process.communicate(timeout=DEADLINE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate(timeout=DEADLINE_SECONDS)
        raise
