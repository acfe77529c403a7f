"""Instruments that keep what is reported to them."""

from collections import Counter
from datetime import datetime

from resolvers.services import Instruments


class Recorded(Instruments):
    """What was reported, in its order."""

    def __init__(self) -> None:
        self.waits: list[tuple[str, float]] = []
        self.failures = Counter[tuple[str, str]]()
        self.lost: dict[tuple[str, str], bool] = {}
        self.events: list[datetime] = []
        self.attempts: list[str] = []

    @property
    def pools(self) -> list[str]:
        """The pools that were waited for."""
        return [pool for pool, _ in self.waits]

    def waited(self, pool: str, seconds: float) -> None:
        self.waits.append((pool, seconds))

    def failed(self, part: str, operation: str) -> None:
        self.failures[part, operation] += 1

    def turned(self, part: str, use: str, lost: bool) -> None:
        self.lost[part, use] = lost

    def delivered(self, at: datetime) -> None:
        self.events.append(at)

    def attempted(self, result: str) -> None:
        self.attempts.append(result)
