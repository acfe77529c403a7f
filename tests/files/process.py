"""Servers one after the other on one port, each of which kills itself at a step of its own.

Run as ``python -m tests.files.process STEP…``. Prints the port and then, for each server, its id;
the next one starts when one is dead. A server whose step is ``none`` lives until a signal ends all.

The steps are those of ``FATAL``, an uploaded file: ``storing`` (half of it is in the store),
``stored``, ``committing`` (its row is written), ``committed``, ``answering`` (the answer is ready);
and when it is deleted: ``deleting`` (its row is gone, but not committed), ``deleted``, ``removed``.
"""

import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

import uvicorn
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deskgraph import app as assembly
from deskgraph.storage.file_store import FileStore, open_files

FATAL = "fatal.bin"
HALF = 6 * 1024 * 1024


def die() -> None:
    """End as the kernel would end us: at once, whatever we are at."""
    os.kill(os.getpid(), signal.SIGKILL)


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
    wanted = "DELETE FROM attachments" if step == "deleting" else "INSERT INTO attachments"
    about = False

    @event.listens_for(Engine, "before_cursor_execute")
    def look(_conn: Any, _cursor: Any, statement: str, values: Any, *_rest: Any) -> None:
        nonlocal about
        about = about or (
            statement.startswith(wanted) and (step == "deleting" or FATAL in map(str, values))
        )

    @event.listens_for(Engine, "commit")
    def before(_conn: Any) -> None:
        if about and step in ("committing", "deleting"):
            die()

    @event.listens_for(Session, "after_commit")
    def after(_session: Any) -> None:
        if about and step == "committed":
            die()


def dying_when_answering(app: ASGIApp) -> ASGIApp:
    """Die when the answer about the fatal file is about to go out."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if FATAL.encode() in message.get("body", b"") and scope["method"] == "POST":
                die()
            await send(message)

        await app(scope, receive, sending)

    return wrapped


def serve(listening: socket.socket, step: str) -> None:
    """Answer requests until the step, or until a signal."""
    if step != "none":
        watch_transactions(step)
        vars(assembly)["open_files"] = lambda url: Fatal(open_files(url).store, step)
    app: ASGIApp = assembly.app_from_environment()
    if step == "answering":
        app = dying_when_answering(app)
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listening])


def main(steps: list[str], serve: Callable[[socket.socket, str], None] = serve) -> None:
    """Start the servers, say where and who they are, and end them with this process."""
    listening = socket.create_server(("127.0.0.1", 0))
    sys.stdout.write(f"{listening.getsockname()[1]}\n")
    child = 0

    def end(*_: object) -> None:
        if child:
            os.kill(child, signal.SIGTERM)
            os.waitpid(child, 0)
        os._exit(0)

    signal.signal(signal.SIGTERM, end)
    for step in steps:
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            serve(listening, step)
            os._exit(0)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()
        os.waitpid(child, 0)


if __name__ == "__main__":
    main(sys.argv[1:])
