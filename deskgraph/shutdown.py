"""What happens when the process gets a signal to stop, before the server acts.

The process is not ready from then on, and goes on accepting until balancers have noticed. Then
streams end, which the server would wait for otherwise, and the server stops. SIGHUP, which a closed
terminal sends, is as SIGTERM: a supervisor starts another worker then.
"""

import asyncio
import signal
import threading
from collections.abc import Callable
from contextvars import Context
from types import FrameType

Handler = Callable[[int, FrameType | None], object]


def on_stop(drain: Callable[[], None], end: Callable[[], None], *, drain_seconds: float) -> None:
    """Call ``drain`` in this loop at a signal to stop, and ``end`` when the drain is over.

    The server has set its own handlers by now, which act after ``end``. It puts back those of
    before when it ends.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    stop = _Stop(asyncio.get_running_loop(), drain, end, drain_seconds)
    for number in (signal.SIGINT, signal.SIGTERM):
        before = signal.getsignal(number)
        # Anything but a server's handler ends the process anyway.
        if callable(before) and before is not signal.default_int_handler:
            signal.signal(number, stop.handler(before))
            if number == signal.SIGTERM and signal.getsignal(signal.SIGHUP) == signal.SIG_DFL:
                # It would kill the process; `nohup` has it ignored.
                signal.signal(signal.SIGHUP, stop.handler(before, signal.SIGTERM))


class _Stop:
    """The way from the first signal to the end of the drain."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        drain: Callable[[], None],
        end: Callable[[], None],
        drain_seconds: float,
    ) -> None:
        self._loop = loop
        self._drain = drain
        self._end = end
        self._drain_seconds = drain_seconds
        self._draining: asyncio.TimerHandle | None = None

    def handler(
        self, before: Handler, same_as: int | None = None
    ) -> Callable[[int, FrameType | None], None]:
        """Return the handler of a signal, given that of the server; it may be another's."""

        def handle(number: int, _frame: FrameType | None) -> None:
            acts = same_as or number
            # Not in the context of the request that the signal interrupts.
            self._loop.call_soon_threadsafe(self._act, acts, before, context=Context())

        return handle

    def _act(self, number: int, before: Handler) -> None:
        """Begin to drain, if that is not so yet. A second Ctrl-C does not wait any longer.

        A second SIGTERM is usual: systemd sends it to every process, and so does the supervisor.
        """
        if self._draining is None:
            self._drain()
            self._draining = self._loop.call_later(self._drain_seconds, self._stop, number, before)
        elif number == signal.SIGINT:
            self._draining.cancel()
            self._stop(number, before)

    def _stop(self, number: int, before: Handler) -> None:
        # The loop ends before the process does.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        self._end()
        before(number, None)
