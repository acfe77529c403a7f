"""Which requests and deliveries are traced, and where their spans go.

Imported only where traces are on. A request that is not sampled has the same record as without
traces.
"""

import asyncio
import random
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from threading import Thread

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanContext, SpanKind, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import Scope

from deskgraph.observability.request_log import QUIET, HttpRecord
from deskgraph.observability.spans import Outlet, Trace
from deskgraph.observability.traced_records import TracedDelivery, TracedRequest, TracedSocket
from deskgraph.webhooks.deliverer import NO_TRACE, DeliveryTrace
from deskgraph.webhooks.queue import Claimed
from resolvers.request_record import current_request

# A traceparent (W3C Trace Context) of a trace that its caller has not sampled.
_NOT_SAMPLED = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f][02468ace](?:-.*)?"
)
# How long sending the last spans may take when the process ends, in seconds.
CLOSE_SECONDS = 3.0


class Traces:
    """Samples, and makes the first span of each trace."""

    def __init__(
        self,
        sampled: float,
        database: str,
        processor: SpanProcessor | None = None,
        choose: Callable[[], float] = random.random,
    ) -> None:
        """Take the part of traces to sample, and the kind of database as OpenTelemetry names it.

        Without a processor, spans are sent by OTLP as the variables ``OTEL_*`` say. ``choose``
        returns a number below 1; what is below ``sampled`` is a trace.
        """
        self._sampled = sampled
        self._choose = choose
        self._database = database
        self._propagator = TraceContextTextMapPropagator()
        own = {"service.name": "deskgraph", "service.version": version("deskgraph")}
        # Not the other way round: what an operator sets comes before names of ours.
        resource = Resource.create(own).merge(OTELResourceDetector().detect())
        self._processor = processor or BatchSpanProcessor(OTLPSpanExporter())
        self._outlet = Outlet(self._processor, resource, own["service.version"])

    def record_of(self, scope: Scope) -> HttpRecord:
        """Return the record of a new request; the caller decides where it has a trace."""
        parent = None
        for name, value in scope["headers"]:
            if name == b"traceparent":
                if _NOT_SAMPLED.fullmatch(value):
                    return HttpRecord(scope)
                parent = self._parent(value)
                if parent is not None and not parent.trace_flags.sampled:
                    return HttpRecord(scope)
        if scope["type"] != "http":
            return TracedSocket(scope, lambda name: self._begin(name, SpanKind.SERVER, parent))
        if scope["path"] in QUIET:
            return HttpRecord(scope)
        trace = self._begin("HTTP", SpanKind.SERVER, parent)
        return HttpRecord(scope) if trace is None else TracedRequest(scope, trace)

    def _parent(self, value: bytes) -> SpanContext | None:
        """Return the span of a caller; one that cannot be understood is as if it were not there.

        ``tracestate`` and ``baggage`` are not taken: nobody knows what is in them.
        """
        carrier = {"traceparent": value.decode("latin-1")}
        found = get_current_span(self._propagator.extract(carrier, Context())).get_span_context()
        return found if found.is_valid else None

    def _begin(self, name: str, kind: SpanKind, parent: SpanContext | None) -> Trace | None:
        """Begin a trace, if its caller has sampled it, or else if it is sampled here."""
        if parent is None and self._choose() >= self._sampled:
            return None
        return Trace(self._outlet, name, kind, parent, self._database)

    @contextmanager
    def delivery(self, claimed: Claimed) -> Iterator[DeliveryTrace]:
        """Give a block in which a delivery is made, with the headers that tell of its trace."""
        trace = self._begin("webhook delivery", SpanKind.CLIENT, None)
        if trace is None:
            yield NO_TRACE
            return
        trace.root.about["deskgraph.webhook.id"] = str(claimed.webhook_id)
        trace.root.about["deskgraph.delivery.id"] = str(claimed.id)
        record = TracedDelivery(trace)
        token = current_request.set(record)
        try:
            yield record
        finally:
            current_request.reset(token)
            record.end()

    def end(self, record: HttpRecord) -> None:
        """End the trace of a request that has been answered, if it has one."""
        if isinstance(record, TracedRequest):
            record.end()

    async def close(self) -> None:
        """Send what is left; a collector that does not answer is waited for a moment only."""
        # No thread of the loop: that would be waited for, however long it takes.
        closing = Thread(target=self._processor.shutdown, daemon=True)
        closing.start()
        await asyncio.to_thread(closing.join, CLOSE_SECONDS)
