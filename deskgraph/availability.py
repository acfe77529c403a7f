"""Whether a part of the server works, as its last use has shown: a change of that is logged once.

While a part is away every request fails, and a line for each would hide everything else.
"""

import asyncio
import logging
from collections.abc import Callable

# How long a failure says something about now, in seconds: later, perhaps nobody has tried again.
KNOWN_SECONDS = 60.0


def _unreported(_lost: bool) -> None:
    """Report to nobody."""


class Availability:
    """What the last use of a part has shown, such as the reads of the database."""

    def __init__(
        self,
        logger: logging.Logger,
        part: str,
        use: str,
        report: Callable[[bool], None] = _unreported,
    ) -> None:
        """Take where to log, and the names of the part and of its use in the plural.

        ``report`` is told whether the use fails: not once it works, or for ``KNOWN_SECONDS``.
        """
        self.lost = False
        # Why the last use has failed, as far as anybody may be told, while that is known.
        self.refusal: str | None = None
        self._logger = logger
        self._part = part
        self._use = use
        self._report = report
        self._forgetting: asyncio.TimerHandle | None = None

    def fails(self, reason: str, refusal: str | None = None) -> None:
        """Note that a use has failed; ``reason`` may be logged, and ``refusal`` be shown."""
        self.refusal = refusal
        if self._forgetting is None:
            self._report(True)
        else:
            self._forgetting.cancel()
        loop = asyncio.get_running_loop()
        self._forgetting = loop.call_later(KNOWN_SECONDS, self._forget)
        if not self.lost:
            self.lost = True
            self._logger.error("%s lost, %s fail: %s", self._part, self._use, reason)

    def works(self) -> None:
        """Note that a use has succeeded."""
        if self.lost:
            self.lost = False
            if self._forgetting is not None:
                self._forgetting.cancel()
                self._forget()
            self._logger.warning("%s is back, %s work", self._part, self._use)

    def _forget(self) -> None:
        self._forgetting = self.refusal = None
        self._report(False)
