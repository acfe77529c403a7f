"""``python -m tests.crashes.servers COUNT``: that many servers of its environment, on one port.

Each prints its id when it serves, and is replaced when it is killed. ``SIGUSR1`` sets the clock of
a server back by an hour.
"""

import os
import signal
import sys
from datetime import datetime, timedelta

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deskgraph.app import create_app, utc_now
from deskgraph.settings import load_settings
from tests.support.processes.forked_servers import kept_running

STEP = timedelta(hours=1)


class SteppingClock:
    """The time, and what a server takes for it after its clock was set back."""

    def __init__(self) -> None:
        self.back = timedelta()
        signal.signal(signal.SIGUSR1, self._step)

    def __call__(self) -> datetime:
        return utc_now() - self.back

    def _step(self, *_: object) -> None:
        self.back += STEP


def make_app() -> ASGIApp:
    """Return the application of this environment."""
    app = create_app(load_settings(), clock=SteppingClock())

    async def announced(scope: Scope, receive: Receive, send: Send) -> None:
        async def told(message: Message) -> None:
            await send(message)
            if message["type"] == "lifespan.startup.complete":
                sys.stdout.write(f"{os.getpid()}\n")
                sys.stdout.flush()

        await app(scope, receive, told if scope["type"] == "lifespan" else send)

    return announced


if __name__ == "__main__":
    kept_running(int(sys.argv[1]), make_app)
