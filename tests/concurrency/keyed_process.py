"""Servers one after the other, each of which kills itself at a step of a write with a key.

Run as ``python -m tests.concurrency.keyed_process STEP…``, see
``tests.support.processes.forked_servers.in_turn``.

The steps are those of a write of ``FATAL``, a ticket's subject or a file's name: ``taken`` (the key
is, and nothing else is done), ``committing``, ``committed`` and ``answering``.
"""

import sys
from typing import Any

from starlette.types import ASGIApp

from deskgraph.app import app_from_environment
from deskgraph.database.transactions import PostgresTransaction, SqliteTransaction
from deskgraph.database.units.unit_of_work import UnitOfWork
from resolvers.write_statements import Statement, Values
from tests.support.processes.forked_servers import die, die_at_commit, dying_when_answering, in_turn

FATAL = "fatal.bin"
STEPS = ("taken", "committing", "committed", "answering")


def die_when_taken() -> None:
    for kind in (PostgresTransaction, SqliteTransaction):
        _watch(kind)


def _watch(kind: Any) -> None:
    fetch_row = kind.fetch_row

    async def watched(self: Any, statement: Statement, values: Values) -> Any:
        found = await fetch_row(self, statement, values)
        if str(statement.build("sqlite")).startswith("INSERT INTO idempotency_keys"):
            die()
        return found

    kind.fetch_row = watched


def die_when_committed() -> None:
    commit = UnitOfWork.commit

    async def watched(self: UnitOfWork, *last: Any) -> None:
        await commit(self, *last)
        die()

    UnitOfWork.commit = watched  # type: ignore[method-assign] # it calls it


def make_app(step: str) -> ASGIApp:
    """Return the application that dies at a step."""
    if step == "taken":
        die_when_taken()
    elif step == "committing":
        die_at_commit("INSERT INTO tickets", FATAL)
        die_at_commit("INSERT INTO attachments", FATAL)
    elif step == "committed":
        die_when_committed()
    app: ASGIApp = app_from_environment()
    return dying_when_answering(app, FATAL) if step == "answering" else app


if __name__ == "__main__":
    in_turn(sys.argv[1:], make_app)
