"""What Prometheus reads at ``/metrics``. Imported only where metrics are on.

With several workers each writes its counts into files of a folder, which the parent has made, and
the one that is asked adds them up (``prometheus_client.multiprocess``).
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from hmac import compare_digest
from importlib.metadata import version
from pathlib import Path

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
)
from prometheus_client.exposition import generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from deskgraph.observability.metrics_folder import FOLDER, remove_dead_workers
from deskgraph.observability.request_log import HttpRecord
from deskgraph.observability.webhook_backlog import backlog
from resolvers.errors import Unavailable
from resolvers.services import Services

# Names of operations are the clients': as many are told apart, and others count as "other".
MAX_OPERATIONS = 200
OTHER = "other"
# In seconds.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_NAMES = ("api", "name")
# Otherwise each counter has a second series: the time of its first count.
disable_created_metrics()  # type: ignore[no-untyped-call] # it has no types


class Metrics:
    """The counts of one process."""

    def __init__(self, services: Services) -> None:
        if FOLDER in os.environ:
            # This worker may take the place of one that died.
            remove_dead_workers(Path(os.environ[FOLDER]))
        self._services = services
        self.registry = CollectorRegistry()
        self._operations: set[str] = set()
        self._plan_hits = self._plan_misses = 0
        self._requests = self._counter("requests", "Requests", *_NAMES, "status")
        self._seconds = Histogram(
            "deskgraph_request_seconds",
            "Time from the start of a request to the end of its response",
            _NAMES,
            buckets=BUCKETS,
            registry=self.registry,
        )
        self._sql = self._counter("sql_seconds", "Time of the SQL of requests", *_NAMES)
        self._logins = self._counter("logins", "Attempts to log in", "result")
        self._refusals = self._counter("rate_refusals", "Refusals for rate", "bucket")
        self._plans = self._counter("plan_lookups", "Lookups of compiled statements", "result")
        self._plan_count = self._gauge("plans", "Compiled statements that are kept", "livesum")
        self._subscribers = self._gauge("subscribers", "Subscriptions to events", "livesum")
        self._waiting = self._gauge("webhook_queue", "Deliveries that wait", "mostrecent")
        self._oldest = self._gauge(
            "webhook_oldest_seconds", "Age of the oldest delivery that waits", "mostrecent"
        )
        build = self._gauge("build_info", "The version, as a label", "max", "version")
        build.labels(version("deskgraph")).set(1)

    def _counter(self, name: str, help_text: str, *labels: str) -> Counter:
        return Counter(f"deskgraph_{name}", help_text, labels, registry=self.registry)

    def _gauge(self, name: str, help_text: str, mode: str, *labels: str) -> Gauge:
        return Gauge(
            f"deskgraph_{name}",
            help_text,
            labels,
            registry=self.registry,
            multiprocess_mode=mode,  # type: ignore[arg-type] # a literal of theirs
        )

    def count(self, record: HttpRecord) -> None:
        """Count a request that has been answered."""
        api, name = self._name_of(record)
        self._requests.labels(api, name, record.final_status).inc()
        if api != "websocket":
            # A connection lasts as long as its client wants.
            self._seconds.labels(api, name).observe(record.duration_ns / 1e9)
        self._sql.labels(api, name).inc(record.sql_ns / 1e9)
        if record.login is not None:
            self._logins.labels(record.login).inc()
        if record.refused is not None:
            self._refusals.labels(record.refused).inc()
        self._note_state()

    def _name_of(self, record: HttpRecord) -> tuple[str, str]:
        """Return the API and the name of a request, of which there are only so many."""
        route, operation = record.route or OTHER, record.operation or ""
        if route != "/graphql":
            return ("rest" if route.startswith("/api/") else OTHER), route
        api = "graphql" if record.is_http else "websocket"
        if operation not in self._operations:
            if len(self._operations) >= MAX_OPERATIONS:
                return api, OTHER
            self._operations.add(operation)
        return api, operation

    def _note_state(self) -> None:
        plans = self._services.plans
        self._plans.labels("hit").inc(plans.hits - self._plan_hits)
        self._plans.labels("miss").inc(plans.misses - self._plan_misses)
        self._plan_hits, self._plan_misses = plans.hits, plans.misses
        self._plan_count.set(len(plans))
        self._subscribers.set(self._services.broker.subscriber_count)

    async def exposition(self) -> bytes:
        """Return the counts of all processes in Prometheus' format."""
        self._note_state()
        # A database that is away does not keep the other counts from being read.
        with suppress(Unavailable):
            waiting, oldest = await backlog(self._services)
            self._waiting.set(waiting)
            self._oldest.set(oldest)
        if FOLDER not in os.environ:
            return generate_latest(self.registry)
        whole = CollectorRegistry()
        MultiProcessCollector(whole)  # type: ignore[no-untyped-call] # it has no types
        return await asyncio.to_thread(generate_latest, whole)


def metrics_route(metrics: Metrics, token: str | None) -> Route:
    """Return ``/metrics``, which takes the token, if there is one, as a bearer token."""

    async def show(request: Request) -> Response:
        given = request.headers.get("authorization", "").encode("latin-1")
        if token is not None and not compare_digest(given, f"Bearer {token}".encode()):
            challenge = {"WWW-Authenticate": "Bearer", "Cache-Control": "no-store"}
            return PlainTextResponse("A token is needed.\n", 401, challenge)
        kept = {"Cache-Control": "no-store"}
        return Response(await metrics.exposition(), 200, kept, CONTENT_TYPE_LATEST)

    endpoint: Callable[[Request], Awaitable[Response]] = show
    return Route("/metrics", endpoint, methods=["GET"])
