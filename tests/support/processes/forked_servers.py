"""Server processes, forked from one that has imported the program, which takes long.

``at_once`` runs several, each on a port of its own; ``python -m
tests.support.processes.forked_servers COUNT`` runs that many servers of its environment.
``in_turn`` runs them one after the other on one port: each kills itself at a step of its own, and
the next one takes its place. ``kept_running`` runs several on one port, and replaces each that is
killed.
"""

import os
import signal
import socket
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import uvicorn
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deskgraph.app import app_from_environment
from deskgraph.database.transactions import PostgresTransaction, SqliteTransaction
from resolvers.write_statements import Step

# The step of a server that lives until a signal ends all of them.
NONE = "none"
# What the process waits for: that it is to end, and that a server has ended.
SIGNALS = frozenset({signal.SIGTERM, signal.SIGCHLD})


def die() -> None:
    """End as if killed: at once, with nothing put in order."""
    os.kill(os.getpid(), signal.SIGKILL)


def die_at_commit(statement: str, value: str | None = None, *, after: bool = False) -> None:
    """Die before the commit of a transaction, or after it.

    The transaction is one that runs a statement which begins like this, with this value in it.
    """
    found = False

    @event.listens_for(Engine, "before_cursor_execute")
    def look(_connection: Any, _cursor: Any, sql: str, values: Any, *_rest: Any) -> None:
        nonlocal found
        given = value is None or value in map(str, values)
        found = found or (sql.startswith(statement) and given)

    def commits(_what: Any) -> None:
        if found:
            die()

    for kind in (PostgresTransaction, SqliteTransaction):
        _watch(kind, partial(look, None, None), commits, after=after)
    if after:
        event.listen(Session, "after_commit", commits)
    else:
        event.listen(Engine, "commit", commits)


def dying_when_answering(app: ASGIApp, fatal: str) -> ASGIApp:
    """Die when the answer to a POST that has this text is about to go out."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if fatal.encode() in message.get("body", b"") and scope["method"] == "POST":
                die()
            await send(message)

        await app(scope, receive, sending)

    return wrapped


def _watch(
    kind: Any, look: Callable[[str, Any], None], commits: Callable[[Any], None], *, after: bool
) -> None:
    """Have the steps of a kind of transactions looked at, and their commits told."""
    execute, commit = kind.execute, kind.commit

    async def watched(self: Any, *steps: Step) -> None:
        for statement, values in steps:
            look(str(statement.build("sqlite")), values.values())
        await execute(self, *steps)

    async def told(self: Any) -> None:
        if not after:
            commits(self)
        await commit(self)
        if after:
            commits(self)

    kind.execute, kind.commit = watched, told


def at_once(count: int, make_app: Callable[[], ASGIApp] = app_from_environment) -> None:
    """Run servers, print their ports on one line, and end them with this process."""
    _hold_signals()
    sockets = [_listen() for _ in range(count)]
    children = [_fork(listening, make_app) for listening in sockets]
    _print(" ".join(str(listening.getsockname()[1]) for listening in sockets))
    signal.sigwait({signal.SIGTERM})
    for child in children:
        _end(child)


def in_turn(steps: list[str], make_app: Callable[[str], ASGIApp]) -> None:
    """Run a server for each step; print their port and then the id of each when it starts."""
    _hold_signals()
    listening = _listen()
    _print(listening.getsockname()[1])
    for step in steps:
        child = _fork(listening, partial(make_app, step))
        _print(child)
        while signal.sigwait(SIGNALS) == signal.SIGCHLD:
            if os.waitpid(child, os.WNOHANG)[0]:
                break
        else:
            _end(child)
            return


def kept_running(count: int, make_app: Callable[[], ASGIApp]) -> None:
    """Run servers on one port, which is printed, and replace each that is killed."""
    _hold_signals()
    listening = _listen()
    _print(listening.getsockname()[1])
    children: set[int] = set()
    while True:
        while len(children) < count:
            children.add(_fork(listening, make_app))
        if signal.sigwait(SIGNALS) == signal.SIGTERM:
            break
        # One signal may stand for several.
        children = {one for one in children if not os.waitpid(one, os.WNOHANG)[0]}
    for child in children:
        _end(child)


def _hold_signals() -> None:
    """Leave signals for ``sigwait``: one that came at any other moment could be lost."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)


def _end(child: int) -> None:
    os.kill(child, signal.SIGTERM)
    os.waitpid(child, 0)


def _listen() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def _fork(listening: socket.socket, make_app: Callable[[], ASGIApp]) -> int:
    """Serve in a process of its own, until a signal; return its id."""
    child = os.fork()
    if child == 0:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        config = uvicorn.Config(make_app(), log_level="warning")
        uvicorn.Server(config).run(sockets=[listening])
        os._exit(0)
    return child


def _print(said: object) -> None:
    sys.stdout.write(f"{said}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    at_once(int(sys.argv[1]))
