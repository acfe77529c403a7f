"""Exports and imports that are killed again and again, until they are done.

``python -m tests.support.processes.killed_commands STEP COMMAND…`` runs a command. Each run is
killed when it has kept how far it is STEP times, and the next one goes on. It prints how many runs
were killed.
"""

import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from deskgraph import cli
from deskgraph.cli import moving  # noqa: F401 - imported once, before the processes are forked
from deskgraph.transfer import exporting, importing, manifest, progress, state


def until_done(step: int) -> int:
    """Run the command of ``sys.argv`` again and again; return how many runs were killed."""
    # Small batches, so that there are many places to be killed at.
    exporting.BATCH = importing.BATCH = 20
    exporting.CHECKPOINT_BYTES = 3000
    killed = 0
    while (status := _status_of_a_run(step)) == -signal.SIGKILL:
        killed += 1
    if status:
        sys.exit(status)
    return killed


def _status_of_a_run(step: int) -> int:
    """Run the command in a process of its own, which need not import all of it again."""
    child = os.fork()
    if child == 0:
        _die_after(step)
        cli.main()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _die_after(step: int) -> None:
    count = 0

    def kept() -> None:
        nonlocal count
        count += 1
        if count == step:
            os.kill(os.getpid(), signal.SIGKILL)

    for module in (progress, manifest):
        module.write_json = partial(_written, module.write_json, kept)  # type: ignore[attr-defined] # both have it
    state.State.save = _saved(state.State.save, kept)  # type: ignore[method-assign] # it calls it


def _written(write: Callable[..., None], kept: Callable[[], None], *given: Any) -> None:
    write(*given)
    kept()


def _saved(save: Callable[..., Any], kept: Callable[[], None]) -> Callable[..., Any]:
    async def saved(*given: Any) -> None:
        await save(*given)
        # Within the transaction: what this run has committed before stays.
        kept()

    return saved


if __name__ == "__main__":
    found = until_done(int(sys.argv.pop(1)))
    sys.stdout.write(f"killed {found}\n")
