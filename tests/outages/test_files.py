"""A file store that is full, read-only or away: clients are told, and nothing is lost."""

import asyncio
import json
import logging
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from unittest.mock import ANY

import httpx
import pytest
from moto.server import ThreadedMotoServer

from tests.files.conftest import Bucket
from tests.live.conftest import Live
from tests.outages.conftest import NONE, assert_told, logged, running, unavailable
from tests.support.processes.launcher import run
from tests.support.rows import key
from tests.support.small_disk import small_disk
from tests.support.stored import stored_rows

pytestmark = pytest.mark.anyio

# What there is room for in a small file system, and what there is not.
SMALL, LARGE = bytes(1000), bytes(900_000)
UPLOAD = f"""mutation($file: Upload!) {{
    uploadAttachment(input: {{ticketId: "{key("volume")}", file: $file}}) {{
        attachment {{ name }} errors {{ code }} }} }}"""
Outage = Callable[[Path], AbstractContextManager[None]]


async def upload(live: Live, content: bytes) -> httpx.Response:
    headers = {"Authorization": live.token("keith")}
    form, file = {"ticket": str(key("volume"))}, {"file": ("a.bin", content)}
    path = "/api/v1/ticket-attachments/"
    return await live.client.post(path, data=form, files=file, headers=headers)


async def upload_by_graphql(live: Live, content: bytes) -> httpx.Response:
    headers = {
        "Authorization": live.token("keith"),
        "Accept": "application/graphql-response+json",
        "GraphQL-Require-Preflight": "1",
    }
    operation = {"query": UPLOAD, "variables": {"file": None}}
    form = {"operations": json.dumps(operation), "map": '{"0": ["variables.file"]}'}
    file = {"0": ("a.bin", content)}
    return await live.client.post("/graphql", data=form, files=file, headers=headers)


async def download(live: Live, file: str) -> httpx.Response:
    return await live.client.get(file, headers={"Authorization": live.token("keith")})


async def assert_uploads_fail(live: Live, content: bytes) -> None:
    assert_told(await upload(live, content), "file store")
    refused = await upload_by_graphql(live, content)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    (error,) = refused.json()["errors"]
    assert error["message"] == f"The file store is not available. {NONE}"
    assert error["extensions"] == {"code": "UNAVAILABLE", "retryAfter": 5, "requestId": ANY}


async def assert_ready(live: Live, *, ready: bool) -> None:
    live.world.clock.move(seconds=2)
    answer = await live.client.get("/readyz")
    problem = {"file store": "The file store cannot be written."}
    assert answer.json().get("problems") == (None if ready else problem)
    assert answer.status_code == (200 if ready else 503)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Give a small file system of its own; only root may mount one."""
    with small_disk(tmp_path / "disk", "512k") as folder:
        yield folder


@pytest.fixture
async def on_disk(
    anyio_backend: str, sqlite_url: str, disk: Path, caplog: pytest.LogCaptureFixture
) -> AsyncIterator[Live]:
    """Give a desk whose files are on that file system."""
    async with running(sqlite_url, disk) as live:
        caplog.clear()
        yield live


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """Leave no room, not for the small file that a check of readiness writes, either."""
    filler = disk / "filler"
    with pytest.raises(OSError, match="No space left"):
        filler.write_bytes(LARGE)
    yield
    filler.unlink()


@contextmanager
def read_only(disk: Path) -> Iterator[None]:
    assert run(["mount", "-o", "remount,ro", disk]).returncode == 0
    yield
    assert run(["mount", "-o", "remount,rw", disk]).returncode == 0


@pytest.mark.parametrize("outage", [full, read_only])
async def test_a_folder_that_cannot_be_written_is_still_read(
    on_disk: Live, disk: Path, outage: Outage, caplog: pytest.LogCaptureFixture
) -> None:
    live = on_disk
    stored = (await upload(live, SMALL)).json()
    before = await live.world.dump()

    with outage(disk):
        await assert_uploads_fail(live, SMALL)
        assert (await download(live, stored["file"])).content == SMALL
        await assert_ready(live, ready=False)
        assert await unavailable(live) == {("file_store", "put"), ("file_store", "check")}

    assert await live.world.dump() == before
    await assert_ready(live, ready=True)
    assert (await upload(live, SMALL)).status_code == 201
    said = [line.split(":")[0] for line in logged(caplog, "deskgraph.files")]
    assert said == ["file store lost, writes fail", "file store is back, writes work"]


async def test_a_file_that_fills_the_disk_leaves_nothing(on_disk: Live) -> None:
    live = on_disk
    before = await live.world.dump()

    await assert_uploads_fail(live, LARGE)

    assert await live.world.dump() == before
    assert (await upload(live, SMALL)).status_code == 201


async def test_a_folder_that_is_gone_has_not_lost_its_files(
    anyio_backend: str, sqlite_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    media, elsewhere = tmp_path / "media", tmp_path / "elsewhere"
    async with running(sqlite_url, media) as live:
        stored = (await upload(live, SMALL)).json()
        before = await live.world.dump()
        media.rename(elsewhere)
        gone = await download(live, stored["file"])
        await assert_uploads_fail(live, SMALL)
        await assert_ready(live, ready=False)
        assert not media.exists()
        # No folder may be made here, as where nothing is mounted.
        media.write_text("")
        await assert_uploads_fail(live, SMALL)
        again = await download(live, stored["file"])
        media.unlink()
        elsewhere.rename(media)

        assert_told(gone, "file store")
        assert_told(again, "file store")
        operations = {("file_store", operation) for operation in ("get", "put", "check")}
        assert await unavailable(live) == operations
        assert (await download(live, stored["file"])).content == SMALL
        assert await live.world.dump() == before
        (media / live.world.files()[0]).unlink()
    logged(caplog, "deskgraph.files")


class Store:
    """An object store at one address, which can be stopped, and its bucket."""

    def __init__(self) -> None:
        self._server = self._started(0)
        self.port = self._server.get_host_and_port()[1]
        self.bucket = Bucket(f"http://127.0.0.1:{self.port}", f"bucket-{secrets.token_hex(4)}")

    def _started(self, port: int) -> ThreadedMotoServer:
        server = ThreadedMotoServer("127.0.0.1", port, verbose=False)
        server.start()
        return server

    def stop(self) -> None:
        self._server.stop()

    def start(self) -> None:
        """Start it with what it had."""
        self._server = self._started(self.port)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "something")
    made = Store()
    yield made
    made.bucket.client.close()
    made.stop()


class Failing(BaseHTTPRequestHandler):
    """Answers every request with 503, as a store that is overloaded does."""

    def handle_one_request(self) -> None:
        self.raw_requestline = self.rfile.readline()
        if self.raw_requestline and self.parse_request():
            self.send_error(503)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


class BreakingOff(BaseHTTPRequestHandler):
    """Begins to send a file, and hangs up."""

    def do_GET(self) -> None:
        self.send_response(206 if "Range" in self.headers else 200)
        self.send_header("Content-Length", str(len(LARGE)))
        self.send_header("Content-Range", f"bytes 0-{len(LARGE) - 1}/{len(LARGE)}")
        self.send_header("ETag", '"tag"')
        self.send_header("Last-Modified", "Sat, 01 Nov 2025 12:00:00 GMT")
        self.end_headers()
        self.wfile.write(LARGE[:300_000])

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def away(_port: int) -> Iterator[None]:
    yield


@contextmanager
def failing(port: int, handler: type[BaseHTTPRequestHandler] = Failing) -> Iterator[None]:
    with ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("instead", [away, pytest.param(failing, marks=pytest.mark.proof)])
async def test_an_object_store_that_is_away_is_told_and_comes_back(
    anyio_backend: str,
    sqlite_url: str,
    tmp_path: Path,
    store: Store,
    instead: Callable[[int], AbstractContextManager[None]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with running(sqlite_url, tmp_path / "media", files_url=store.bucket.url) as live:
        stored = (await upload(live, SMALL)).json()
        rows, keys = await stored_rows(live.world.database), store.bucket.keys()
        caplog.clear()

        await asyncio.to_thread(store.stop)
        with instead(store.port):
            await assert_uploads_fail(live, SMALL)
            assert_told(await download(live, stored["file"]), "file store")
            await assert_ready(live, ready=False)
        store.start()

        assert (await stored_rows(live.world.database), store.bucket.keys()) == (rows, keys)
        await assert_ready(live, ready=True)
        assert (await download(live, stored["file"])).content == SMALL
        assert (await upload(live, SMALL)).status_code == 201
        said = logged(caplog, "deskgraph.files")
    assert sorted(line.split(":")[0] for line in said) == [
        "file store is back, reads work",
        "file store is back, writes work",
        "file store lost, reads fail",
        "file store lost, writes fail",
    ]
    assert not any(keys[0] in line or str(store.port) in line for line in said)


async def test_a_download_that_the_store_breaks_off_is_not_taken_for_a_whole_one(
    anyio_backend: str,
    sqlite_url: str,
    tmp_path: Path,
    store: Store,
    caplog: pytest.LogCaptureFixture,
) -> None:
    url = f"{store.bucket.url}&redirect=false"
    async with running(sqlite_url, tmp_path / "media", files_url=url) as live:
        stored = (await upload(live, LARGE)).json()
        await asyncio.to_thread(store.stop)
        with failing(store.port, BreakingOff), pytest.raises(httpx.RemoteProtocolError):
            await download(live, stored["file"])
        store.start()
        assert (await download(live, stored["file"])).content == LARGE
        assert any(
            "an answer was broken off" in line for line in logged(caplog, "deskgraph.server")
        )
