"""Requests as metrics, and what Prometheus reads at ``/metrics``. Imported only where these are on.

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

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from deskgraph.observability.backlog import backlog
from deskgraph.observability.durations import OTHER
from deskgraph.observability.metrics_folder import FOLDER, remove_dead_workers
from deskgraph.observability.part_metrics import PartMetrics, counter, gauge
from deskgraph.observability.request_log import HttpRecord
from resolvers.errors import Unavailable
from resolvers.services import Services

# How long the database has to tell what waits: scrapers wait for 10 seconds.
BACKLOG_SECONDS = 2.0
_NAMES = ("api", "name")
LOGIN_RESULTS = ("succeeded", "failed")
# As ``resolvers.rate_limits`` names its buckets.
BUCKET_NAMES = ("user", "address", "login", "logins", "name", "password")


class Metrics:
    """The counts of one process; ``parts`` has those that are no requests."""

    def __init__(self, services: Services, parts: PartMetrics) -> None:
        if FOLDER in os.environ:
            # This worker may take the place of one that died.
            remove_dead_workers(Path(os.environ[FOLDER]))
        self._services = services
        self._registry = parts.registry
        self._durations = parts.durations
        self._plan_hits = self._plan_misses = 0
        self._count_requests()
        self._show_state()

    def _count_requests(self) -> None:
        """Make what counts requests, and how each of them went."""
        registry = self._registry
        self._requests = counter(registry, "requests", "Requests", *_NAMES, "status")
        self._sql = counter(registry, "sql_seconds", "Time of the SQL of requests", *_NAMES)
        self._logins = counter(registry, "logins", "Attempts to log in", "result")
        self._refusals = counter(registry, "rate_refusals", "Refusals for rate", "bucket")
        for result in LOGIN_RESULTS:
            self._logins.labels(result)
        for bucket in BUCKET_NAMES:
            self._refusals.labels(bucket)

    def _show_state(self) -> None:
        """Make what shows the state of the processes."""
        registry = self._registry
        self._plans = counter(registry, "plan_lookups", "Lookups of compiled statements", "result")
        self._plan_count = gauge(registry, "plans", "Compiled statements that are kept", "livesum")
        self._subscribers = gauge(registry, "subscribers", "Subscriptions to events", "livesum")
        self._waiting = gauge(registry, "webhook_queue", "Deliveries that wait", "mostrecent")
        self._oldest = gauge(
            registry,
            "webhook_oldest_seconds",
            "Age of the oldest delivery that waits",
            "mostrecent",
        )
        self._jobs = gauge(registry, "bulk_jobs", "Bulk jobs that have not ended", "mostrecent")
        self._idle = gauge(
            registry,
            "bulk_idle_seconds",
            "Time since an open bulk job was started or had a batch done",
            "mostrecent",
        )
        build = gauge(registry, "build_info", "The version, as a label", "max", "version")
        build.labels(version("deskgraph")).set(1)
        # Of several workers it is the last one that has started, as one that died and was replaced.
        started = gauge(registry, "start_time_seconds", "When a process last started", "max")
        started.set(self._services.clock().timestamp())

    def count(self, record: HttpRecord) -> None:
        """Count a request that has been answered."""
        api, name = self._name_of(record)
        self._requests.labels(api, name, record.final_status).inc()
        if record.is_http and not record.follows:
            # A connection or a stream lasts as long as its client wants.
            status = f"{record.final_status // 100}xx"
            self._durations.add(api, name, status, record.duration_ns / 1e9)
        self._sql.labels(api, name).inc(record.sql_ns / 1e9)
        if record.login is not None:
            self._logins.labels(record.login).inc()
        if record.refused is not None:
            self._refusals.labels(record.refused).inc()
        self._note_state()

    def _name_of(self, record: HttpRecord) -> tuple[str, str]:
        """Return the API and the name of a request, of which there are only so many."""
        route = record.route or OTHER
        if route != "/graphql":
            return ("rest" if route.startswith("/api/") else OTHER), route
        api = "graphql" if record.is_http else "websocket"
        return api, self._durations.name_of(record.operation)

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
        # A database that is away or busy does not keep the other counts from being read.
        with suppress(Unavailable, TimeoutError):
            async with asyncio.timeout(BACKLOG_SECONDS):
                found = await backlog(self._services)
            self._waiting.set(found.deliveries)
            self._oldest.set(found.delivery_seconds)
            self._jobs.set(found.jobs)
            self._idle.set(found.job_seconds)
        if FOLDER not in os.environ:
            return generate_latest(self._registry)
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


class MetricsPort:
    """Answers what comes to the port of the metrics, where there is nothing else."""

    def __init__(self, app: ASGIApp, route: Route, port: int) -> None:
        """Take the application of all other ports."""
        self._app = app
        self._shown = Starlette(routes=[route])
        self._port = port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request, by the port that its connection came to: no header can name one."""
        server = scope.get("server")
        mine = server is not None and server[1] == self._port
        await (self._shown if mine else self._app)(scope, receive, send)
