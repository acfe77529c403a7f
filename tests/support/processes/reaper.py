"""Ends what a test process has started and not ended, because it was killed.

It reads ``+ID`` of each process that starts, and ``-ID`` of each that was ended. Its input ends
with the test process: those that are left then get SIGTERM, and SIGKILL if they do not end.
"""

import os
import signal
import sys
import time

PATIENCE_SECONDS = 5.0
# Sent to ask whether a process exists.
NO_SIGNAL = 0


def send(left: set[int], number: int) -> None:
    """Send a signal, and forget the processes that have ended."""
    for pid in tuple(left):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            left.remove(pid)


def main() -> None:
    """Read until the test process ends, and end what it left."""
    left: set[int] = set()
    for line in sys.stdin:
        change = left.add if line.startswith("+") else left.discard
        change(int(line[1:]))
    deadline = time.monotonic() + PATIENCE_SECONDS
    send(left, signal.SIGTERM)
    while left and time.monotonic() < deadline:
        time.sleep(0.05)
        send(left, NO_SIGNAL)
    send(left, signal.SIGKILL)


if __name__ == "__main__":
    main()
