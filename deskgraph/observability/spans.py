"""The spans of one trace. Imported only where traces are on.

Spans are made here and by no instrumentation package: those put addresses with their query strings,
and messages of errors with values, into spans. A span has names and numbers of the program, the
names of GraphQL operations, and the text of SQL without its values.

A span of the SDK's tracer takes ten times as long to make as one that is made when it ends.
"""

from contextvars import ContextVar
from dataclasses import dataclass
from time import perf_counter_ns, time_ns

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import (
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    format_span_id,
    format_trace_id,
)

from resolvers.request_record import CONNECT

# How many spans a trace has at most: a stream reads for as long as its client wants.
MAX_SPANS = 256
# How much of a statement a span has, in characters: sending more takes longer than the statement.
MAX_STATEMENT = 1000
# What a statement may begin with; a span has no other name.
_KINDS = ("SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "BEGIN", "COMMIT", "LOCK")
_OTHER_KIND = "SQL"
_IDS = RandomIdGenerator()
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_FINE, _FAILED = Status(StatusCode.UNSET), Status(StatusCode.ERROR)

Attributes = dict[str, str | int]


@dataclass(slots=True)
class OpenSpan:
    """A span that has not ended; ``started`` is of ``perf_counter_ns``."""

    name: str
    kind: SpanKind
    about: Attributes
    context: SpanContext
    parent: SpanContext | None
    started: int


class _OneResource(Resource):
    """The resource of all spans; the hash of others writes their attributes as JSON each time.

    The exporter takes the hash for each span, which is a third of what sending one costs.
    """

    def __hash__(self) -> int:
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other


class Outlet:
    """Where spans go when they have ended."""

    def __init__(self, processor: SpanProcessor, resource: Resource, version: str) -> None:
        self._processor = processor
        self._resource = _OneResource(resource.attributes, resource.schema_url)
        self._scope = InstrumentationScope("deskgraph", version)

    def send(self, span: OpenSpan, offset: int, *, failed: bool) -> None:
        """End a span now; ``offset`` turns ``perf_counter_ns`` into the time of day."""
        self._processor.on_end(
            ReadableSpan(
                span.name,
                span.context,
                span.parent,
                self._resource,
                span.about,
                kind=span.kind,
                status=_FAILED if failed else _FINE,
                start_time=offset + span.started,
                end_time=offset + perf_counter_ns(),
                instrumentation_scope=self._scope,
            )
        )


class Trace:
    """A trace: its first span, and those inside."""

    def __init__(
        self, outlet: Outlet, name: str, kind: SpanKind, parent: SpanContext | None, database: str
    ) -> None:
        """Take the caller's span, if any, and the kind of database as OpenTelemetry names it."""
        self._outlet = outlet
        self._database = database
        self._count = 1
        self._offset = time_ns() - perf_counter_ns()
        self._trace_id = _IDS.generate_trace_id() if parent is None else parent.trace_id
        self.root = OpenSpan(name, kind, {}, self._new_context(), parent, perf_counter_ns())

    def _new_context(self) -> SpanContext:
        return SpanContext(self._trace_id, _IDS.generate_span_id(), False, _SAMPLED)

    @property
    def trace_id(self) -> str:
        """The id as logs have it."""
        return format_trace_id(self._trace_id)

    @property
    def traceparent(self) -> str:
        """The header that tells another server of the first span (W3C Trace Context)."""
        return f"00-{self.trace_id}-{format_span_id(self.root.context.span_id)}-01"

    def begin(self, name: str, kind: SpanKind, about: Attributes, started: int) -> OpenSpan | None:
        """Begin a span inside of the current one; None if the trace has too many already."""
        self._count += 1
        if self._count > MAX_SPANS:
            return None
        here = current_span.get()
        parent = self.root if here is None or here[0] is not self else here[1]
        return OpenSpan(name, kind, about, self._new_context(), parent.context, started)

    def end(self, span: OpenSpan, error: object) -> None:
        """End a span; of an error it has the type, because the message may have values."""
        if isinstance(error, type):
            span.about["error.type"] = error.__name__
        self._outlet.send(span, self._offset, failed=error is not None)

    def add_sql(self, texts: tuple[str, ...], started: int, error: object) -> None:
        """Add the span of statements that have just ended."""
        text = texts[0] if len(texts) == 1 else ";\n".join(texts)
        about: Attributes = {"db.system.name": self._database}
        if text == CONNECT:
            name = CONNECT
        else:
            word = text.lstrip("( \n").partition(" ")[0].upper()
            name = word if word in _KINDS else _OTHER_KIND
            about["db.query.text"] = text[:MAX_STATEMENT]
        span = self.begin(name, SpanKind.CLIENT, about, started)
        if span is not None:
            self.end(span, error)

    def finish(self, *, failed: bool) -> None:
        """End the first span."""
        if self._count > MAX_SPANS:
            self.root.about["deskgraph.spans_left_out"] = self._count - MAX_SPANS
        self._outlet.send(self.root, self._offset, failed=failed)


# The trace that this task adds to and the span that it is in, where that is not the first one.
current_span: ContextVar[tuple[Trace, OpenSpan] | None] = ContextVar("current_span", default=None)
