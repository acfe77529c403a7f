"""The records of what is traced: they make the spans. Imported only where traces are on."""

from collections.abc import Callable
from time import perf_counter_ns
from types import TracebackType
from typing import Any

from opentelemetry.trace import SpanKind
from starlette.types import Scope

from deskgraph.observability.request_log import HttpRecord
from deskgraph.observability.spans import Attributes, Trace, current_span
from deskgraph.webhooks.deliverer import DeliveryTrace
from deskgraph.webhooks.sender import AttemptResult
from resolvers.request_record import NO_SPAN, About, RequestRecord, SpanBlock

METHODS = frozenset(
    ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "QUERY")
)
# Begins a trace with a first span of this name; None where it is not sampled.
Sample = Callable[[str], Trace | None]


def _known(about: About) -> Attributes:
    return {name: value for name, value in about.items() if value is not None}


class _Block:
    """A block that is a span."""

    __slots__ = ("_about", "_name", "_span", "_token", "_trace")

    def __init__(self, trace: Trace, name: str, about: Attributes) -> None:
        self._trace, self._name, self._about = trace, name, about

    def __enter__(self) -> None:
        started = perf_counter_ns()
        self._span = self._trace.begin(self._name, SpanKind.INTERNAL, self._about, started)
        if self._span is not None:
            self._token = current_span.set((self._trace, self._span))

    def __exit__(
        self, kind: type[BaseException] | None, _error: object, _stack: TracebackType | None
    ) -> None:
        if self._span is not None:
            current_span.reset(self._token)
            self._trace.end(self._span, kind)


class TracedRequest(HttpRecord):
    """A request over HTTP that is sampled."""

    __slots__ = ("_trace",)

    def __init__(self, scope: Scope, trace: Trace) -> None:
        super().__init__(scope)
        self._trace = trace

    def identity(self) -> dict[str, Any]:
        """Return which request this is, with its trace."""
        return {**super().identity(), "trace_id": self._trace.trace_id}

    def sql_ended(self, texts: tuple[str, ...], started: int, error: object) -> None:
        """Count statements, and add their span."""
        super().sql_ended(texts, started, error)
        self._trace.add_sql(texts, started, error)

    def block(self, name: str, about: About, *, operation: bool) -> SpanBlock:
        """Return a block that is a span."""
        return _Block(self._trace, name, _known(about))

    def end(self) -> None:
        """End the trace."""
        root, status = self._trace.root, self.final_status
        given = self._scope["method"]
        root.about["http.request.method"] = given if given in METHODS else "_OTHER"
        root.about["http.response.status_code"] = status
        root.about["http.response.body.size"] = self.bytes
        root.name = given if given in METHODS else "HTTP"
        if (route := self.route) is not None:
            root.about["http.route"] = route
            root.name += f" {route}"
        self._trace.finish(failed=status >= 500)


class TracedDelivery(RequestRecord, DeliveryTrace):
    """A delivery of a webhook that is sampled."""

    def __init__(self, trace: Trace) -> None:
        super().__init__("")
        self.headers = {"traceparent": trace.traceparent}
        self._trace = trace
        self._failed = True

    def sql_ended(self, texts: tuple[str, ...], started: int, error: object) -> None:
        """Add the span of statements."""
        self._trace.add_sql(texts, started, error)

    def note(self, outcome: AttemptResult) -> None:
        """Note what came of it."""
        about = self._trace.root.about
        about["deskgraph.webhook.result"] = outcome.result
        if outcome.status is not None:
            about["http.response.status_code"] = outcome.status
        self._failed = not outcome.arrived

    def end(self) -> None:
        """End the trace."""
        self._trace.finish(failed=self._failed)


class TracedSocket(HttpRecord):
    """A WebSocket, of which each operation may be a trace: the connection lasts for hours."""

    __slots__ = ("_sample",)

    def __init__(self, scope: Scope, sample: Sample) -> None:
        super().__init__(scope)
        self._sample = sample

    def identity(self) -> dict[str, Any]:
        """Return which connection this is, with the trace of the operation."""
        here = current_span.get()
        found = super().identity()
        return found if here is None else {**found, "trace_id": here[0].trace_id}

    def sql_ended(self, texts: tuple[str, ...], started: int, error: object) -> None:
        """Count statements, and add their span to that of the operation."""
        super().sql_ended(texts, started, error)
        if (here := current_span.get()) is not None:
            here[0].add_sql(texts, started, error)

    def block(self, name: str, about: About, *, operation: bool) -> SpanBlock:
        """Return a block that is a span, or, for an operation that is sampled, a trace."""
        if (here := current_span.get()) is not None:
            return _Block(here[0], name, _known(about))
        trace = self._sample(name) if operation else None
        if trace is None:
            return NO_SPAN
        trace.root.about.update(_known(about))
        return _Operation(trace)


class _Operation:
    """A block that is a trace."""

    __slots__ = ("_token", "_trace")

    def __init__(self, trace: Trace) -> None:
        self._trace = trace

    def __enter__(self) -> None:
        self._token = current_span.set((self._trace, self._trace.root))

    def __exit__(
        self, kind: type[BaseException] | None, _error: object, _stack: TracebackType | None
    ) -> None:
        current_span.reset(self._token)
        self._trace.finish(failed=kind is not None)
