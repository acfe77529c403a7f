"""Traces whose spans stay in this process."""

from collections.abc import Callable, Sequence

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from deskgraph.observability.traces import Traces


class Kept:
    """Traces, of which every one is sampled unless told otherwise, and their spans."""

    def __init__(
        self,
        sampled: float = 1.0,
        database: str = "sqlite",
        choose: Callable[[], float] = lambda: 0.5,
    ) -> None:
        self._exporter = InMemorySpanExporter()
        processor = SimpleSpanProcessor(self._exporter)
        self.traces = Traces(sampled, database, processor, choose)

    def take(self) -> Sequence[ReadableSpan]:
        """Return the spans that have ended since the last time, in the order of their ends."""
        found = self._exporter.get_finished_spans()
        self._exporter.clear()
        return found


def tree(spans: Sequence[ReadableSpan]) -> dict[str, list[str]]:
    """Return the names of the spans inside of each span, by its name; all are of one trace."""
    assert len({trace_of(one) for one in spans}) == 1
    names = {one.context.span_id: one.name for one in spans if one.context}
    found: dict[str, list[str]] = {}
    for one in spans:
        if one.parent is not None and not one.parent.is_remote:
            found.setdefault(names[one.parent.span_id], []).append(one.name)
    return found


def trace_of(span: ReadableSpan) -> str:
    """Return the id of a span's trace."""
    assert span.context is not None
    return f"{span.context.trace_id:032x}"
