"""Servers one after the other, each of which kills itself at a step of sending a webhook.

Run as ``python -m tests.webhooks.process STEP…``, see ``tests.files.process``. The clock of each
server is two minutes ahead of that of the one before: what it held has expired.

The steps: ``taking`` (the delivery is written, not committed), ``taken``, ``claimed``, ``sent``
(the receiver has answered), ``finishing`` (that is written, not committed) and ``finished``.
"""

import socket
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import uvicorn
from sqlalchemy import Engine, event

from deskgraph.app import create_app, utc_now
from deskgraph.settings import load_settings
from deskgraph.webhooks import deliverer
from deskgraph.webhooks.sender import Sender
from tests.files.process import die, main

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


def die_before_commit_of(table: str) -> None:
    about = False

    @event.listens_for(Engine, "before_cursor_execute")
    def look(_conn: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        nonlocal about
        about = about or statement.startswith(f"INSERT INTO {table}")

    @event.listens_for(Engine, "commit")
    def before(_conn: Any) -> None:
        if about:
            die()


def prepare(step: str) -> None:
    patched = vars(deliverer)
    if step == "taking":
        die_before_commit_of("webhook_deliveries")
    elif step == "taken":
        patched["enqueue"] = dying_after(patched["enqueue"], lambda enqueued: enqueued.count > 0)
    elif step == "claimed":
        patched["claim"] = dying_after(patched["claim"], bool)
    elif step == "sent":
        Sender.post = dying_after(Sender.post, bool)  # type: ignore[method-assign,assignment]
    elif step == "finishing":
        die_before_commit_of("webhook_attempts")
    elif step == "finished":
        patched["finish"] = dying_after(patched["finish"], lambda _reason: True)


def serve(listening: socket.socket, step: str) -> None:
    """Answer requests until the step, or until a signal."""
    prepare(step)
    ahead = AHEAD * STEPS.index(step) if step in STEPS else AHEAD * len(STEPS)

    def clock() -> datetime:
        return utc_now() + ahead

    app = create_app(load_settings(), clock=clock)
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listening])


if __name__ == "__main__":
    main(sys.argv[1:], serve)
