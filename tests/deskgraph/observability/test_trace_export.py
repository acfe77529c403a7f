"""Traces as an operator has them: the settings, the extra, and what a collector gets."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import SpanProcessor

from deskgraph.app import create_app
from deskgraph.observability import traces
from deskgraph.observability.traces import Traces
from deskgraph.settings import PREFIX, SettingsError, load_settings
from tests.deskgraph.conftest import Run, assert_refused
from tests.support.app_client import open_app
from tests.support.paths import ROOT
from tests.support.processes.environment import child_environment
from tests.support.processes.launcher import DEADLINE_SECONDS, run
from tests.support.settings import settings_for

KEY = "planted-key-of-the-collector"
TRACE = "0af7651916cd43dd8448eb211c80319c"


@contextmanager
def collecting(port: int = 0) -> Iterator[tuple[str, list[tuple[str, str, bytes]]]]:
    """Run a collector; give its address, and the path, the key and the body of each request."""
    received: list[tuple[str, str, bytes]] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append((self.path, self.headers.get("x-key", ""), body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", port), Collector) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", received
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.anyio
async def test_a_collector_gets_the_spans_at_the_end_at_the_latest(
    anyio_backend: str, sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with collecting() as (address, received):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", f"x-key={KEY}")
        monkeypatch.setenv("OTEL_SERVICE_NAME", "desk-of-a-test")
        settings = settings_for(sqlite_url, tmp_path, traces="on", traces_sampled=0)
        async with open_app(settings) as (_, client, world):
            headers = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
            await world.reset()
            await client.get("/api/v1/tickets/", headers=headers | world.headers("keith"))
            await client.get("/api/v1/users/", headers=world.headers("keith"))
    assert {one[:2] for one in received} == {("/v1/traces", KEY)}
    sent = [ExportTraceServiceRequest.FromString(body) for _, _, body in received]
    resources = [resource for one in sent for resource in one.resource_spans]
    about = {each.key: each.value.string_value for each in resources[0].resource.attributes}
    assert about["service.name"] == "desk-of-a-test"
    assert about["service.version"]
    spans = [span for one in resources for scope in one.scope_spans for span in scope.spans]
    assert {span.trace_id.hex() for span in spans} == {TRACE}
    assert "GET /api/v1/tickets/" in {span.name for span in spans}


@pytest.mark.anyio
async def test_a_collector_that_does_not_answer_holds_up_no_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(traces, "CLOSE_SECONDS", 0.01)
    ended = threading.Event()

    class Hanging(SpanProcessor):
        def shutdown(self) -> None:
            ended.wait(DEADLINE_SECONDS)

    await Traces(1.0, "sqlite", Hanging()).close()
    assert not ended.is_set()
    ended.set()


PROGRAM = """
import sys
from pathlib import Path
from deskgraph.app import create_app
from deskgraph.cli import serving
from deskgraph.settings import load_settings
create_app(load_settings())
print([name for name in sys.modules if name.startswith(("opentelemetry", "prometheus"))])
"""


def test_without_traces_nothing_of_opentelemetry_is_imported(tmp_path: Path) -> None:
    environment = child_environment(SECRET_KEY="k" * 32) | {"PYTHONPATH": str(ROOT)}
    done = run([sys.executable, "-c", PROGRAM], cwd=tmp_path, env=environment)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_traces_without_the_extra_are_refused_before_anything_starts(
    run: Run, sqlite_desk: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{PREFIX}TRACES", "on")
    for name in [name for name in sys.modules if name.startswith("opentelemetry")]:
        monkeypatch.delitem(sys.modules, name)
    # As if it were not installed.
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    assert_refused(run("serve", "--port", "0"), "OpenTelemetry is not installed", "deskgraph[otel]")
    with pytest.raises(SettingsError, match="OpenTelemetry is not installed"):
        create_app(load_settings())


@pytest.mark.parametrize(
    ("name", "value"), [("TRACES", "yes"), ("TRACES_SAMPLED", "1.1"), ("TRACES_SAMPLED", "nan")]
)
def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"{PREFIX}{name}", value)
    with pytest.raises(SettingsError, match=f"^{PREFIX}{name}: "):
        load_settings()


def test_a_wrong_variable_of_opentelemetry_is_said(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "0")
    with pytest.raises(SettingsError, match=r"^A variable OTEL_… .* wrong: max_queue_size"):
        create_app(settings_for(sqlite_url, tmp_path, traces="on"))
