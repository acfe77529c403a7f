"""Servers one after the other, each of which kills itself at a step of a batch of a bulk job.

Run as ``python -m tests.bulk.process STEP…``, see
``tests.support.processes.forked_servers.in_turn``.

The steps: ``writing`` (the batch is written, and not committed), ``committed``. A server does one
batch before that in which it dies. ``none`` lives on.
"""

import sys
from datetime import timedelta

import pytest
from starlette.types import ASGIApp

from deskgraph.app import app_from_environment
from deskgraph.bulk import runner
from deskgraph.database.units.unit_of_work import UnitOfWork
from resolvers.bulk import batch
from resolvers.write_statements import Step
from tests.support.processes.forked_servers import NONE, at_once, die, in_turn

STEPS = ("writing", "committed")
BATCHES_BEFORE = 1


def make_app(step: str = NONE) -> ASGIApp:
    """Return the application, which looks often and holds its jobs for a moment only."""
    patch = pytest.MonkeyPatch()
    patch.setattr(batch, "LEASE", timedelta(milliseconds=300))
    patch.setattr(runner, "IDLE_SECONDS", 0.05)
    if step != NONE:
        patch.setattr(UnitOfWork, "commit", dying(step))
    return app_from_environment()


def dying(step: str) -> object:
    """Return what commits some batches, and dies with the next one."""
    commit, done = UnitOfWork.commit, 0

    async def counted(self: UnitOfWork, *last: Step) -> None:
        nonlocal done
        done += 1
        if done > BATCHES_BEFORE and step == "writing":
            die()
        await commit(self, *last)
        if done > BATCHES_BEFORE:
            die()

    return counted


if __name__ == "__main__":
    if sys.argv[1].isdigit():
        at_once(int(sys.argv[1]), make_app)
    else:
        in_turn(sys.argv[1:], make_app)
