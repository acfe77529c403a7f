"""What watches an application: nothing, unless metrics or traces are on.

What they need is imported only then, because it takes memory and time.
"""

from collections.abc import Callable
from datetime import datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING

from starlette.middleware import Middleware
from starlette.routing import Route
from starlette.types import Scope

from deskgraph.database.urls import parse_url
from deskgraph.observability.request_log import HttpRecord
from deskgraph.settings import PREFIX, Settings, SettingsError
from deskgraph.webhooks.deliverer import TraceDelivery, untraced
from resolvers.services import Instruments, Services

if TYPE_CHECKING:
    from deskgraph.observability.traces import Traces

# The modules of the extra ``otel`` that traces need.
_OTEL = ("opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http.trace_exporter")
Count = Callable[[HttpRecord], None]


class Observation:
    """What the parts of an application report to, and what is shown of it.

    Raises ``SettingsError`` where traces cannot be made.
    """

    def __init__(
        self, settings: Settings, clock: Callable[[], datetime], traces: "Traces | None" = None
    ) -> None:
        """Take what makes traces, or None for what the settings say."""
        self.instruments = Instruments()
        # What makes the record of a request, and what is called when it has been answered.
        self.record_of: Callable[[Scope], HttpRecord] = HttpRecord
        self.count: Count | None = None
        self.traced: TraceDelivery = untraced
        # What serves the metrics: on the port of everything else, or before that on their own.
        self.routes: list[Route] = []
        self.middleware: list[Middleware] = []
        self._settings = settings
        if settings.metrics != "off":
            from deskgraph.observability.part_metrics import PartMetrics

            self.instruments = PartMetrics(clock)
        self._traces = traces or _traces_of(settings)
        if self._traces is not None:
            self.record_of = self._traces.record_of
            self.count = self._traces.end
            self.traced = self._traces.delivery

    def watch(self, services: Services) -> None:
        """Count the requests to these services from now on."""
        if self._settings.metrics == "off":
            return
        from deskgraph.observability.metrics import Metrics, MetricsPort, metrics_route
        from deskgraph.observability.part_metrics import PartMetrics

        assert isinstance(self.instruments, PartMetrics)
        metrics = Metrics(services, self.instruments)
        self.count = _both(metrics.count, self.count)
        token = None if self._settings.metrics == "on" else self._settings.metrics
        route = metrics_route(metrics, token)
        if self._settings.metrics_port is None:
            self.routes.append(route)
        else:
            self.middleware.append(Middleware(MetricsPort, route, self._settings.metrics_port))

    async def close(self) -> None:
        """Send the spans that are left."""
        if self._traces is not None:
            await self._traces.close()


def check_traces(settings: Settings) -> None:
    """Raise ``SettingsError`` if traces are on and the extra is not installed."""
    if settings.traces == "off":
        return
    try:
        found = all(find_spec(name) for name in _OTEL)
    except ModuleNotFoundError:
        found = False
    if not found:
        raise SettingsError(
            f"{PREFIX}TRACES is on, but OpenTelemetry is not installed: "
            "install deskgraph with its extra otel, as in deskgraph[otel]."
        )


def _traces_of(settings: Settings) -> "Traces | None":
    """Return what makes the traces of the settings, if they are on."""
    if settings.traces == "off":
        return None
    check_traces(settings)
    from deskgraph.observability.traces import Traces

    database = parse_url(settings.database_url).get_backend_name()
    try:
        return Traces(settings.traces_sampled, database)
    except ValueError as error:
        # Of a variable that has no number, or another one than there may be.
        raise SettingsError(f"A variable OTEL_… of the environment is wrong: {error}.") from None


def _both(one: Count, other: Count | None) -> Count:
    if other is None:
        return one

    def count(record: HttpRecord) -> None:
        one(record)
        other(record)

    return count
