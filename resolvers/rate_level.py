"""Kinds of buckets of points, and how full one is."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

# In nanoseconds.
MINUTE = 60 * 10**9
# About seventy years: more does not fit into an integer of the databases.
MAX_TIME = 2**61
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
# The last day of the calendar, in microseconds.
_LAST = (datetime(9999, 12, 31, tzinfo=UTC) - EPOCH) // MICROSECOND


@dataclass(frozen=True, slots=True)
class RateClass:
    """A kind of bucket: the points in a full one, and how many come back in a minute."""

    maximum: int
    per_minute: int

    def time(self, points: int) -> int:
        """Return how long some points take to come back."""
        return min(-(-points * MINUTE // self.per_minute), MAX_TIME)


@dataclass(slots=True)
class Level:
    """How full a bucket is, or was when it was looked at: ``now``."""

    kind: RateClass
    full_at: int
    now: int

    @property
    def maximum(self) -> int:
        """How many points a full bucket has."""
        return self.kind.maximum

    @property
    def available(self) -> int:
        """How many there are."""
        missing = round(max(0, self.full_at - self.now) * self.kind.per_minute / MINUTE)
        return max(0, self.kind.maximum - missing)

    @property
    def restore_rate(self) -> float:
        """How many come back in a second."""
        return self.kind.per_minute / 60

    @property
    def reset_at(self) -> datetime:
        """When the bucket is full."""
        return EPOCH + timedelta(microseconds=min(self.full_at // 1000, _LAST))
