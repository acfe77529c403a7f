"""Servers one after the other, each of which kills itself at a step of sending a webhook.

Run as ``python -m tests.webhooks.process STEP…``, see
``tests.support.processes.forked_servers.in_turn``. The clock of each server is two
minutes ahead of that of the one before: what it held has expired.

The steps: ``taking`` (the delivery is written, not committed), ``taken``, ``claimed``, ``sent``
(the receiver has answered), ``finishing`` (that is written, not committed) and ``finished``.
"""

import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from starlette.types import ASGIApp

from deskgraph.app import create_app, utc_now
from deskgraph.settings import load_settings
from deskgraph.webhooks import deliverer
from deskgraph.webhooks.sender import Sender
from tests.support.processes.forked_servers import die, die_at_commit, in_turn

STEPS = ("taking", "taken", "claimed", "sent", "finishing", "finished")
AHEAD = timedelta(minutes=2)


def dying_after(
    function: Callable[..., Awaitable[Any]], does: Callable[[Any], bool]
) -> Callable[..., Awaitable[Any]]:
    async def wrapped(*given: Any) -> Any:
        result = await function(*given)
        if does(result):
            die()
        return result

    return wrapped


def prepare(step: str) -> None:
    patched = vars(deliverer)
    if step == "taking":
        die_at_commit("INSERT INTO webhook_deliveries")
    elif step == "taken":
        patched["enqueue"] = dying_after(patched["enqueue"], lambda enqueued: enqueued.count > 0)
    elif step == "claimed":
        patched["claim"] = dying_after(patched["claim"], bool)
    elif step == "sent":
        Sender.post = dying_after(Sender.post, bool)  # type: ignore[method-assign,assignment]
    elif step == "finishing":
        die_at_commit("INSERT INTO webhook_attempts")
    elif step == "finished":
        patched["finish"] = dying_after(patched["finish"], lambda _reason: True)


def make_app(step: str) -> ASGIApp:
    """Return the application that dies at a step."""
    prepare(step)
    ahead = AHEAD * STEPS.index(step) if step in STEPS else AHEAD * len(STEPS)
    return create_app(load_settings(), clock=lambda: utc_now() + ahead)


if __name__ == "__main__":
    in_turn(sys.argv[1:], make_app)
