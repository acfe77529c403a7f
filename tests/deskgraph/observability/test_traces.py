"""Which requests are traced, and what their spans have."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from opentelemetry.trace import SpanKind, StatusCode
from structlog.testing import CapturingLogger

from deskgraph.app import create_app
from deskgraph.observability import spans
from tests.deskgraph.observability.spans import Kept, trace_of, tree
from tests.live.conftest import Live, Socket
from tests.support.app_client import open_app
from tests.support.clock import Clock
from tests.support.limits import UNBOUNDED
from tests.support.processes.local_server import serving
from tests.support.rows import key
from tests.support.settings import settings_for
from tests.support.world import World

pytestmark = pytest.mark.anyio

TICKET = f"/api/v1/tickets/{key('volume')}/"
LIST = "GET /api/v1/tickets/"
KNOWN = {"query": "query Known { viewer { username } tickets(first: 1) { nodes { id } } }"}
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@dataclass(frozen=True)
class Desk:
    """A desk that is traced, its spans, and a client that is a technician."""

    client: httpx.AsyncClient
    world: World
    kept: Kept


@asynccontextmanager
async def traced(url: str, media: Path, kept: Kept, **more: Any) -> AsyncIterator[Desk]:
    """Open a desk with traces; ``more`` are arguments of ``create_app``."""
    async with open_app(settings_for(url, media), traces=kept.traces, **more) as (_, client, world):
        await world.reset()
        client.headers.update(world.headers("keith"))
        kept.take()
        yield Desk(client, world, kept)


@pytest.fixture
async def desk(anyio_backend: str, database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    kept = Kept(database="sqlite" if database_url.startswith("sqlite") else "postgresql")
    async with traced(database_url, tmp_path / "media", kept) as opened:
        yield opened


@pytest.fixture
async def on_sqlite(anyio_backend: str, sqlite_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with traced(sqlite_url, tmp_path / "media", Kept()) as opened:
        yield opened


async def test_a_request_of_rest_is_a_span_with_its_statements(
    desk: Desk, database_url: str
) -> None:
    answer = await desk.client.get("/api/v1/tickets/", params={"limit": 1})
    found = desk.kept.take()
    assert tree(found) == {LIST: ["SELECT"] * (len(found) - 1)}
    *statements, root = found
    assert root.kind is SpanKind.SERVER
    assert root.status.status_code is StatusCode.UNSET
    assert dict(root.attributes or {}) == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "http.response.body.size": len(answer.content),
        "http.route": "/api/v1/tickets/",
    }
    assert root.resource.attributes["service.name"] == "deskgraph"
    system = "sqlite" if database_url.startswith("sqlite") else "postgresql"
    for one in statements:
        about = one.attributes or {}
        assert one.kind is SpanKind.CLIENT
        assert about["db.system.name"] == system
        assert str(about["db.query.text"]).startswith("SELECT")
        assert root.start_time is not None
        assert root.end_time is not None
        assert one.start_time is not None
        assert one.end_time is not None
        assert root.start_time <= one.start_time <= one.end_time <= root.end_time


async def test_statements_of_an_operation_are_inside_of_its_span(on_sqlite: Desk) -> None:
    answer = await on_sqlite.client.post("/graphql", json=KNOWN)
    assert "errors" not in answer.json()
    found = on_sqlite.kept.take()
    inside = tree(found)
    assert inside["query"] == ["SELECT"] * 2
    assert inside["POST /graphql"][-1] == "query"
    [operation] = [one for one in found if one.name == "query"]
    assert dict(operation.attributes or {}) == {
        "graphql.operation.type": "query",
        "graphql.operation.name": "Known",
    }


@pytest.mark.parametrize("write", ["statements", "session"])
async def test_the_transaction_of_a_write_is_traced(desk: Desk, write: str) -> None:
    if write == "statements":
        answer = await desk.client.patch(TICKET, json={"subject": "New"})
    else:
        change = "mutation { logoutEverywhere { ok } }"
        answer = await desk.client.post("/graphql", json={"query": change})
    assert answer.status_code == 200
    names = [one.name for one in desk.kept.take()]
    assert "COMMIT" in names
    assert "UPDATE" in names
    if write == "statements":
        assert names.index("connect") < names.index("BEGIN") < names.index("COMMIT")


async def test_files_are_traced_without_their_names(on_sqlite: Desk) -> None:
    uploaded = await on_sqlite.client.post(
        "/api/v1/ticket-attachments/",
        data={"ticket": str(key("volume"))},
        files={"file": ("a-name.txt", b"content")},
    )
    assert uploaded.status_code == 201
    assert (await on_sqlite.client.get(uploaded.json()["file"])).content == b"content"
    found = on_sqlite.kept.take()
    names = [one.name for one in found]
    assert "file_store put" in names
    assert "file_store get" in names
    assert not [one for one in found if "a-name" in one.to_json()]


@pytest.mark.parametrize("sampled", [0.0, 1.0])
async def test_the_caller_decides_where_it_has_a_trace(
    anyio_backend: str, sqlite_url: str, tmp_path: Path, sampled: float
) -> None:
    kept = Kept(sampled)
    async with traced(sqlite_url, tmp_path, kept) as desk:
        for flags, count in (("01", 1), ("03", 1), ("00", 0), ("02", 0)):
            headers = {
                "traceparent": f"00-{TRACE}-{SPAN}-{flags}",
                "tracestate": "vendor=secret",
                "baggage": "user=secret",
            }
            await desk.client.get("/api/v1/tickets/", headers=headers)
            found = [one for one in kept.take() if one.kind is SpanKind.SERVER]
            assert len(found) == count
            for one in found:
                assert trace_of(one) == TRACE
                assert one.parent is not None
                assert f"{one.parent.span_id:016x}" == SPAN
                assert "secret" not in one.to_json()


@pytest.mark.parametrize(
    "header",
    [
        "",
        "x",
        f"00-{TRACE}-{SPAN}",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-00",
        f"00-{TRACE}-{'0' * 16}-00",
        f"ff-{TRACE}-{SPAN}-00",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        "\N{LATIN SMALL LETTER U WITH DIAERESIS}" * 55,
        "0" * 8000,
    ],
)
async def test_a_trace_of_a_caller_that_is_none_is_as_if_it_were_not_there(
    anyio_backend: str, sqlite_url: str, tmp_path: Path, header: str
) -> None:
    kept = Kept()
    async with traced(sqlite_url, tmp_path, kept) as desk:
        headers = {b"traceparent": header.encode("latin-1")}
        answer = await desk.client.get("/api/v1/tickets/", headers=headers)
    assert answer.status_code == 200
    [root] = [one for one in kept.take() if one.kind is SpanKind.SERVER]
    assert root.parent is None
    assert trace_of(root) != TRACE


async def test_a_part_of_the_requests_is_sampled(
    anyio_backend: str, sqlite_url: str, tmp_path: Path
) -> None:
    numbers = itertools.cycle([0.0, 0.09, 0.1, 0.5])
    kept = Kept(0.1, choose=lambda: next(numbers))
    async with traced(sqlite_url, tmp_path, kept) as desk:
        traced_ones = []
        for _ in range(8):
            await desk.client.get("/api/v1/tickets/")
            traced_ones.append(bool(kept.take()))
    assert traced_ones == [True, True, False, False] * 2


async def test_what_watches_the_server_is_not_traced(on_sqlite: Desk) -> None:
    for path in ("/healthz", "/readyz", "/metrics"):
        await on_sqlite.client.get(path)
    assert on_sqlite.kept.take() == ()


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("GET", "/nowhere/secret?token=secret", "GET"),
        ("GET", "/media/secret", "GET /media/{key}"),
        ("SECRET", "/api/v1/tickets/", "HTTP /api/v1/tickets/"),
    ],
)
async def test_a_request_is_named_by_its_route(
    on_sqlite: Desk, method: str, path: str, name: str
) -> None:
    await on_sqlite.client.request(method, path)
    found = on_sqlite.kept.take()
    assert found[-1].name == name
    assert not [one for one in found if "secret" in one.to_json().lower()]


async def test_an_error_has_its_type_and_not_its_message(on_sqlite: Desk) -> None:
    async with on_sqlite.world.database.engine.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE comments RENAME TO elsewhere")
    assert (await on_sqlite.client.get(TICKET)).status_code == 500
    *statements, root = on_sqlite.kept.take()
    failed = [one for one in statements if one.status.status_code is StatusCode.ERROR]
    assert [(one.attributes or {})["error.type"] for one in failed] == ["OperationalError"]
    assert root.status.status_code is StatusCode.ERROR
    for one in (*failed, root):
        assert one.events == ()
        assert one.status.description is None


async def test_a_trace_has_only_so_many_spans(
    on_sqlite: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spans, "MAX_SPANS", 4)
    batch = [KNOWN] * 5
    answers = (await on_sqlite.client.post("/graphql", json=batch)).json()
    assert [list(one) for one in answers] == [["data"]] * 5
    found = on_sqlite.kept.take()
    assert len(found) == 4
    # The request, its viewer, and each operation with two statements.
    assert (found[-1].attributes or {})["deskgraph.spans_left_out"] == 1 + 1 + 5 * 3 - 4


async def test_the_line_of_a_request_has_the_id_of_its_trace(
    anyio_backend: str, sqlite_url: str, tmp_path: Path
) -> None:
    lines = CapturingLogger()
    log = structlog.wrap_logger(
        lines, processors=[], wrapper_class=structlog.make_filtering_bound_logger("info")
    ).bind()
    numbers = iter([0.0, 0.9])
    kept = Kept(0.5, choose=lambda: next(numbers))
    async with traced(sqlite_url, tmp_path, kept, log=log) as desk:
        await desk.client.get("/api/v1/tickets/")
        [root] = [one for one in kept.take() if one.kind is SpanKind.SERVER]
        await desk.client.get("/api/v1/tickets/")
    first, second = (call.kwargs for call in lines.calls)
    assert first["trace_id"] == trace_of(root)
    assert "trace_id" not in second
    assert set(first) - set(second) == {"trace_id"}


LATER = {
    "query": "query Later { tickets(first: 1) { nodes { id } } }",
}


@pytest.fixture
async def live(anyio_backend: str, sqlite_url: str, tmp_path: Path) -> AsyncIterator[Live]:
    settings = settings_for(sqlite_url, tmp_path / "media", **UNBOUNDED)
    app = create_app(settings, clock=Clock(), traces=(kept := Kept()).traces)
    app.state.kept = kept
    async with (
        serving(app, log_config=None, log_level="warning") as running,
        httpx.AsyncClient(base_url=running.base, timeout=60, verify=False) as client,
    ):
        world = World(app.state.services, settings)
        await world.reset()
        kept.take()
        yield Live(running.base, world, client, [], app)


async def answered(socket: Socket, **asked: str) -> None:
    """Run an operation over a connection."""
    await socket.send(type="subscribe", id=asked["query"], payload=asked)
    assert (await socket.receive())["type"] == "next"
    assert (await socket.receive())["type"] == "complete"


async def test_each_operation_over_a_websocket_is_a_trace(live: Live) -> None:
    async with live.socket() as socket:
        for _ in range(2):
            await answered(socket, **LATER)
    found = live.app.state.kept.take()
    assert [one.name for one in found] == ["SELECT", "query"] * 2
    assert len({trace_of(one) for one in found}) == 2
    for first in (0, 2):
        assert tree(found[first : first + 2]) == {"query": ["SELECT"]}
    assert (found[-1].attributes or {})["graphql.operation.name"] == "Later"


async def test_the_caller_of_a_websocket_decides_for_its_operations(live: Live) -> None:
    for flags, count in (("00", 0), ("01", 1)):
        headers = {"traceparent": f"00-{TRACE}-{SPAN}-{flags}"}
        async with live.socket(additional_headers=headers) as socket:
            await answered(socket, **LATER)
        found = [one for one in live.app.state.kept.take() if one.name == "query"]
        assert [trace_of(one) for one in found] == [TRACE] * count


async def test_a_stream_is_one_trace_when_it_ends(live: Live) -> None:
    async with live.stream() as stream:
        await live.settled(1)
        await live.rename("volume", "New")
        await stream.next()
        names = {one.name for one in live.app.state.kept.take()}
        assert "POST /graphql" not in names
    await live.settled(0)
    async with asyncio.timeout(60):
        while not (found := live.app.state.kept.take()):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert found[-1].name == "POST /graphql"
