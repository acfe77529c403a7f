"""When a delivery is tried again: soon at first, then ever less often, for a day."""

from collections.abc import Callable
from datetime import timedelta

_SECOND, _MINUTE, _HOUR = 1, 60, 3600
# After each failure; the sum is just under a day.
DELAYS_SECONDS = (
    *(5 * _SECOND, 30 * _SECOND, 2 * _MINUTE, 10 * _MINUTE, 30 * _MINUTE),
    *(_HOUR, 2 * _HOUR, 4 * _HOUR, 8 * _HOUR, 8 * _HOUR),
)
# The least part of a delay that is waited. Otherwise all that failed together is tried together.
MIN_DELAY_SHARE = 0.8
# What a receiver may ask for by Retry-After.
MAX_RETRY_AFTER = timedelta(hours=1)
# How long all attempts must have failed before a webhook is disabled.
FAILING_PERIOD = timedelta(days=5)

Jitter = Callable[[], float]


def next_delay(tries: int, jitter: Jitter, wish: timedelta | None = None) -> timedelta | None:
    """Return how long to wait after so many tries; None where there is to be no further one.

    ``jitter`` gives numbers from 0 to 1, ``wish`` is what the receiver asked for.
    """
    if tries > len(DELAYS_SECONDS):
        return None
    part = MIN_DELAY_SHARE + (1 - MIN_DELAY_SHARE) * jitter()
    delay = timedelta(seconds=DELAYS_SECONDS[tries - 1] * part)
    return max(delay, min(wish, MAX_RETRY_AFTER)) if wish else delay
