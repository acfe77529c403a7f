"""How long requests took, as a metric. Imported only where metrics are on."""

from prometheus_client import CollectorRegistry, Histogram

# In seconds.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
# Names of operations are the clients': as many are told apart, and others count as "other".
MAX_OPERATIONS = 200
OTHER = "other"


class Durations:
    """The durations of one process, and the names of operations that it tells apart."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._names: set[str] = set()
        self._seconds = Histogram(
            "deskgraph_request_seconds",
            "Time from the start of a request to the end of its response",
            ("api", "name", "status"),
            buckets=BUCKETS,
            registry=registry,
        )

    def name_of(self, operation: str | None) -> str:
        """Return the name of an operation, of which there are only so many."""
        name = operation or ""
        if name not in self._names:
            if len(self._names) >= MAX_OPERATIONS:
                return OTHER
            self._names.add(name)
        return name

    def add(self, api: str, name: str, status: str, seconds: float) -> None:
        """Add a duration; ``status`` is a class of them, as each series has many buckets."""
        self._seconds.labels(api, name, status).observe(seconds)
