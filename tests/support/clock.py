"""The clock that tests move."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

NOON = datetime(2025, 11, 19, 12, tzinfo=UTC)


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        """Move by the arguments of ``timedelta``."""
        self.now += timedelta(**by)
