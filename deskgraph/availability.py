"""Whether a part of the server works, as its last use has shown: a change of that is logged once.

While a part is away every request fails, and a line for each would hide everything else.
"""

import logging


class Availability:
    """What the last use of a part has shown, such as the reads of the database."""

    def __init__(self, logger: logging.Logger, part: str, use: str) -> None:
        """Take where to log, and the names of the part and of its use in the plural."""
        self.lost = False
        self._logger = logger
        self._part = part
        self._use = use

    def fails(self, reason: str) -> None:
        """Note that a use has failed; ``reason`` may be logged."""
        if not self.lost:
            self.lost = True
            self._logger.error("%s lost, %s fail: %s", self._part, self._use, reason)

    def works(self) -> None:
        """Note that a use has succeeded."""
        if self.lost:
            self.lost = False
            self._logger.warning("%s is back, %s work", self._part, self._use)
