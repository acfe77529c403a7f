"""Servers one after the other, each of which kills itself at a step of an upload or a deletion.

Run as ``python -m tests.files.process STEP…``, see
``tests.support.processes.forked_servers.in_turn``.

The steps are those of ``FATAL``, an uploaded file: ``storing`` (half of it is in the store),
``stored``, ``committing`` (its row is written), ``committed``, ``answering`` (the answer is ready);
and when it is deleted: ``deleting`` (its row is gone, but not committed), ``deleted``, ``removed``.
"""

import sys
from collections.abc import AsyncIterator
from typing import Any

from starlette.types import ASGIApp

from deskgraph import app as assembly
from deskgraph.storage.file_store import FileStore, open_files
from tests.support.processes.forked_servers import (
    NONE,
    die,
    die_at_commit,
    dying_when_answering,
    in_turn,
)

FATAL = "fatal.bin"
HALF = 6 * 1024 * 1024


class Fatal(FileStore):
    """A store that dies at its step."""

    def __init__(self, store: Any, step: str) -> None:
        super().__init__(store)
        self.step = step

    async def put(
        self,
        key: str,
        chunks: AsyncIterator[bytes],
        *,
        name: str | None = None,
        content_type: str | None = None,
    ) -> None:
        fatal = name == FATAL
        if fatal and self.step == "storing":
            chunks = _half(chunks)
        await super().put(key, chunks, name=name, content_type=content_type)
        if fatal and self.step == "stored":
            die()

    async def delete(self, key: str) -> None:
        if self.step == "deleted":
            die()
        await super().delete(key)
        if self.step == "removed":
            die()


async def _half(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if size > HALF:
            die()
        yield chunk


def watch_transactions(step: str) -> None:
    """Die before or after the commit of a transaction about the fatal file."""
    if step == "deleting":
        die_at_commit("DELETE FROM attachments")
    elif step in ("committing", "committed"):
        die_at_commit("INSERT INTO attachments", FATAL, after=step == "committed")


def make_app(step: str) -> ASGIApp:
    """Return the application that dies at a step."""
    if step != NONE:
        watch_transactions(step)
        vars(assembly)["open_files"] = lambda url, *_: Fatal(open_files(url).store, step)
    app: ASGIApp = assembly.app_from_environment()
    return dying_when_answering(app, FATAL) if step == "answering" else app


if __name__ == "__main__":
    in_turn(sys.argv[1:], make_app)
