"""How full a bucket of points is (``resolvers.rate_limits``)."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

MINUTE_NANOSECONDS = 60 * 10**9
# Some seventy years: what is longer has no room in a database's number.
MAX_NANOSECONDS = 2**61
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# The last day of the calendar.
_LAST = (datetime(9999, 12, 31, tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class RateClass:
    """A kind of bucket: the points in a full one, and how many come back in a minute."""

    maximum: int
    per_minute: int
    # How long a full bucket takes to come back, and a tenth of a point for what was rounded.
    most: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "most", self.time(self.maximum) + self.time(1) // 10)

    def time(self, points: int) -> int:
        """Return how long some points take to come back."""
        return min(-(-points * MINUTE_NANOSECONDS // self.per_minute), MAX_NANOSECONDS)


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
        missing = round(max(0, self.full_at - self.now) * self.kind.per_minute / MINUTE_NANOSECONDS)
        return max(0, self.kind.maximum - missing)

    @property
    def restore_rate(self) -> float:
        """How many come back in a second."""
        return self.kind.per_minute / 60

    @property
    def reset_at(self) -> datetime:
        """When the bucket is full."""
        return EPOCH + timedelta(microseconds=min(self.full_at // 1000, _LAST))
