"""What the database, the file store, subscriptions and webhooks report, as metrics.

Imported only where metrics are on: ``prometheus_client`` reads the environment when it is imported.
"""

from collections.abc import Callable
from datetime import datetime

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
)

from deskgraph.middleware.refusals import REASONS
from deskgraph.observability.durations import BUCKETS, Durations
from deskgraph.storage.file_store import OPERATIONS
from deskgraph.webhooks.sender import RESULTS
from resolvers.services import Instruments

# In seconds.
LAG_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
POOLS = ("read", "write", "turn")
_PARTS = {"database": ("read", "write"), "file_store": OPERATIONS}
# Otherwise each counter has a second series: the time of its first count.
disable_created_metrics()  # type: ignore[no-untyped-call] # it has no types


def counter(registry: CollectorRegistry, name: str, help_text: str, *labels: str) -> Counter:
    """Return a new counter."""
    return Counter(f"deskgraph_{name}", help_text, labels, registry=registry)


def gauge(registry: CollectorRegistry, name: str, help_text: str, mode: str, *labels: str) -> Gauge:
    """Return a new gauge; ``mode`` is how those of several workers become one."""
    return Gauge(
        f"deskgraph_{name}",
        help_text,
        labels,
        registry=registry,
        multiprocess_mode=mode,  # type: ignore[arg-type] # a literal of theirs
    )


class PartMetrics(Instruments):
    """The reports of one process. Series whose labels are known begin at 0.

    Prometheus takes the first value of a series for no increase, and would miss the first failure.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.registry = CollectorRegistry()
        self.durations = Durations(self.registry)
        self._clock = clock
        self._waits = self._histogram(
            "connection_wait_seconds", "Waits for a connection to the database", BUCKETS, "pool"
        )
        self._failures = counter(
            self.registry,
            "unavailable",
            "Uses of a part that failed since it was away, full or read-only",
            *("part", "operation"),
        )
        self._lost = gauge(
            self.registry,
            "part_lost",
            "Whether reads or writes of a part fail",
            # Each worker knows of its own.
            "livemax",
            *("part", "operation"),
        )
        self._lag = self._histogram(
            "event_lag_seconds", "Age of events when subscribers get them", LAG_BUCKETS
        )
        self._attempts = counter(
            self.registry, "webhook_attempts", "Attempts to deliver to webhooks", "result"
        )
        self._refusals = counter(
            self.registry,
            "refused_unread",
            "Requests that were refused before they reached the application",
            "reason",
        )
        self._start_at_zero()

    def _histogram(
        self, name: str, help_text: str, buckets: tuple[float, ...], *labels: str
    ) -> Histogram:
        name = f"deskgraph_{name}"
        return Histogram(name, help_text, labels, buckets=buckets, registry=self.registry)

    def _start_at_zero(self) -> None:
        for pool in POOLS:
            self._waits.labels(pool)
        for part, operations in _PARTS.items():
            for operation in operations:
                self._failures.labels(part, operation)
            for use in ("read", "write"):
                self._lost.labels(part, use)
        for result in RESULTS:
            self._attempts.labels(result)
        for reason in REASONS.values():
            self._refusals.labels(reason)

    def waited(self, pool: str, seconds: float) -> None:
        """Count a wait for a connection."""
        self._waits.labels(pool).observe(seconds)

    def failed(self, part: str, operation: str) -> None:
        """Count a failure."""
        self._failures.labels(part, operation).inc()

    def turned(self, part: str, use: str, lost: bool) -> None:
        """Show whether a use of a part fails."""
        self._lost.labels(part, use).set(lost)

    def delivered(self, at: datetime) -> None:
        """Count an event that a subscriber gets now."""
        # The clock of another machine may be ahead.
        self._lag.observe(max(0.0, (self._clock() - at).total_seconds()))

    def attempted(self, result: str) -> None:
        """Count an attempt."""
        self._attempts.labels(result).inc()

    def refused(self, reason: str) -> None:
        """Count a refusal."""
        self._refusals.labels(reason).inc()

    def answered(self, operation: str | None, seconds: float) -> None:
        """Add the duration of an operation over a WebSocket, which has no status."""
        self.durations.add("websocket", self.durations.name_of(operation), "", seconds)
