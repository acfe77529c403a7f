"""``python -m tests.support.processes.fork_server SOCKET``: the process that ``forked.py`` starts.

A request on the socket has the arguments of Python, the environment and the folder of a program,
and its standard streams. The response is the id of a process that runs it.
"""

import gc
import importlib
import json
import os
import pkgutil
import runpy
import socket
import sys
import types
from typing import Any, TextIO

import deskgraph.cli
from tests.support.processes.forked import LENGTH_BYTES

STREAMS = 3
# What a server imports when it starts.
LATE = (
    "deskgraph.app",
    "httptools",
    "uvicorn.lifespan.on",
    "uvicorn.loops.asyncio",
    "uvicorn.protocols.http.httptools_impl",
    "uvicorn.protocols.websockets.websockets_impl",
    "asyncpg",
    "aiosqlite",
    "sqlalchemy.dialects.postgresql.asyncpg",
    "sqlalchemy.dialects.sqlite.aiosqlite",
    "alembic.command",
)


def import_program() -> None:
    """Import all that a command or a server may need."""
    gc.disable()
    for found in pkgutil.iter_modules(deskgraph.cli.__path__, "deskgraph.cli."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
    for name in LATE:
        importlib.import_module(name)
    gc.enable()
    gc.freeze()


def next_program(requests: socket.socket) -> dict[str, Any]:
    """Answer requests; return, in a new process each, what that process is to run."""
    while True:
        length, streams, _, _ = socket.recv_fds(requests, LENGTH_BYTES, STREAMS)
        if not length:
            sys.exit()
        body = requests.recv(int.from_bytes(length), socket.MSG_WAITALL)
        reading, writing = os.pipe()
        between = os.fork()
        if between == 0:
            if child := os.fork():
                os.write(writing, child.to_bytes(LENGTH_BYTES))
                os._exit(0)
            for descriptor in (reading, writing, requests.detach()):
                os.close(descriptor)
            request: dict[str, Any] = json.loads(body)
            return request | {"streams": streams}
        # Now that its parent has ended, the new process is given to the test worker.
        os.waitpid(between, 0)
        requests.sendall(os.read(reading, LENGTH_BYTES))
        for descriptor in (reading, writing, *streams):
            os.close(descriptor)


def become(request: dict[str, Any]) -> None:
    """Give this process the environment of a program."""
    for number, stream in enumerate(request["streams"]):
        os.dup2(stream, number)
        if stream >= STREAMS:
            os.close(stream)
    if request["start_new_session"]:
        os.setsid()
    if request["umask"] >= 0:
        os.umask(request["umask"])
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    unbuffered = "PYTHONUNBUFFERED" in os.environ
    # As the interpreter makes them: those of now have looked at other streams.
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - a descriptor
    sys.stdout = _text(1, unbuffered or os.isatty(1))
    sys.stderr = _text(2, True)


def _text(stream: int, line_buffering: bool) -> TextIO:
    buffering = 1 if line_buffering else -1
    return open(stream, "w", buffering, encoding="utf-8", closefd=False)


def run(arguments: list[str]) -> None:
    """Run a program as Python does with these arguments."""
    kind, what, *rest = arguments
    if kind == "-m":
        sys.argv = [what, *rest]
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        sys.argv = [kind, *rest]
        main = types.ModuleType("__main__")
        sys.modules["__main__"] = main
        exec(compile(what, "<string>", "exec"), main.__dict__)


if __name__ == "__main__":
    import_program()
    wanted = next_program(socket.socket(fileno=int(sys.argv[1])))
    become(wanted)
    run(wanted["arguments"])
