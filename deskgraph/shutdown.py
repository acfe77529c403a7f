"""Ends streams when the process gets a signal to stop, which would wait for them otherwise."""

import asyncio
import signal
import threading
from collections.abc import Callable
from contextvars import Context
from types import FrameType


def on_stop(end: Callable[[], None]) -> None:
    """Call a function in this loop when the process gets a signal to stop, before the server acts.

    The server has set its own handlers by now, and puts back those of before when it ends.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        before = signal.getsignal(number)
        # Anything but a server's handler ends the process anyway.
        if callable(before) and before is not signal.default_int_handler:
            signal.signal(number, _both(loop, end, before))


def _both(
    loop: asyncio.AbstractEventLoop,
    end: Callable[[], None],
    before: Callable[[int, FrameType | None], object],
) -> Callable[[int, FrameType | None], None]:
    def handle(number: int, frame: FrameType | None) -> None:
        # Not in the context of the request that the signal interrupts.
        loop.call_soon_threadsafe(end, context=Context())
        before(number, frame)

    return handle
