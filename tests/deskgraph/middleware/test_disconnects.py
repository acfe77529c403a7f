"""Clients that go away, seen from an app behind a real server."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Receive, Scope, Send

from deskgraph.middleware import disconnects
from deskgraph.middleware.disconnects import Disconnects
from tests.support.processes.local_server import serving

pytestmark = pytest.mark.anyio

GET = b"GET /%s HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /%s HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n"


class App:
    """Does with a request what its path says, and tells what came of it."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()
        self.ended: asyncio.Queue[object] = asyncio.Queue()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            self.ended.put_nowait(await self._handle(scope["path"], receive, send))
        except BaseException as error:
            self.ended.put_nowait(type(error))
            raise

    async def _handle(self, path: str, receive: Receive, send: Send) -> object:
        if "read" in path:
            await body_of(receive)
        if "stream" in path:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        self.begun.set()
        if "listen" in path:
            return (await receive())["type"]
        await self.go_on.wait()
        found = await body_of(receive) if "late" in path else b""
        if "stream" not in path:
            head = [(b"content-length", b"%d" % len(found))]
            await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": found})
        return found


async def body_of(receive: Receive) -> bytes:
    return await Request({"type": "http"}, receive).body()


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def head(self) -> bytes:
        async with asyncio.timeout(60):
            return await self.reader.readuntil(b"\r\n\r\n")

    async def leave(self) -> None:
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()


class Served:
    """The app, its address, and a client."""

    def __init__(self, app: App, port: int) -> None:
        self.app = app
        self._port = port
        self._clients: list[Client] = []

    async def client(self, sent: bytes) -> Client:
        """Connect, send something, and wait until the app is at it."""
        client = Client(*await asyncio.open_connection("127.0.0.1", self._port))
        self._clients.append(client)
        client.writer.write(sent)
        async with asyncio.timeout(60):
            await self.app.begun.wait()
        # The grace of the tests is nothing: from here on it is listened.
        await asyncio.sleep(0)
        return client

    async def ended(self) -> object:
        async with asyncio.timeout(60):
            return await self.app.ended.get()

    async def close(self) -> None:
        for client in self._clients:
            await client.leave()


@pytest.fixture
async def served(anyio_backend: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    """Give a server that listens for disconnects at once."""
    monkeypatch.setattr(disconnects, "GRACE_SECONDS", 0)
    app = App()
    async with serving(Disconnects(app), log_config=None, lifespan="off") as running:
        found = Served(app, running.port)
        yield found
        await found.close()
        app.go_on.set()
    # Nothing of a request is left but the tests' own task and pytest's.
    assert [task for task in asyncio.all_tasks() if "_Watch" in repr(task)] == []


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    assert [one for one in caplog.records if one.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("sent", [GET % b"", GET % b"read", POST % b"read" + b"0123456789"])
async def test_a_request_without_a_client_is_cancelled(served: Served, sent: bytes) -> None:
    client = await served.client(sent)
    await client.leave()
    assert await served.ended() is asyncio.CancelledError


async def test_what_comes_after_a_request_without_a_client_is_not_cancelled() -> None:
    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        await asyncio.Event().wait()

    async def leave() -> Message:
        return {"type": "http.disconnect"}

    async def send(_message: Message) -> None:
        raise AssertionError

    task = asyncio.current_task()
    assert task is not None
    async with asyncio.timeout(60):
        await Disconnects(app)({"type": "http", "headers": []}, leave, send)
        assert task.cancelling() == 0
        # As the next request of the connection would.
        await asyncio.sleep(0)


async def test_a_request_that_is_cancelled_otherwise_stays_so() -> None:
    begun = asyncio.Event()

    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        begun.set()
        await asyncio.Event().wait()

    async def stay() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(_message: Message) -> None:
        raise AssertionError

    task = asyncio.ensure_future(Disconnects(app)({"type": "http", "headers": []}, stay, send))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelling() == 1


async def test_a_client_that_stays_gets_its_answer_and_the_next(served: Served) -> None:
    client = await served.client(GET % b"")
    served.app.go_on.set()
    for _ in range(3):
        assert (await client.head()).startswith(b"HTTP/1.1 200")
        assert await served.ended() == b""
        client.writer.write(GET % b"")


async def test_requests_that_come_at_once_are_answered_in_turn(served: Served) -> None:
    client = await served.client((GET % b"") * 3)
    served.app.go_on.set()
    for _ in range(3):
        assert (await client.head()).startswith(b"HTTP/1.1 200")
        assert await served.ended() == b""


@pytest.mark.parametrize(
    ("sent", "rest", "body"),
    [(POST % b"late", b"0123456789", b"0123456789"), (GET % b"late", b"", b"")],
)
async def test_a_body_is_left_to_the_app(
    served: Served, sent: bytes, rest: bytes, body: bytes
) -> None:
    client = await served.client(sent)
    client.writer.write(rest)
    # The body is there by now, and so is the task that might take it.
    for _ in range(20):
        await asyncio.sleep(0)
    served.app.go_on.set()
    assert await served.ended() == body
    assert (await client.head()).startswith(b"HTTP/1.1 200")


async def test_a_client_that_leaves_in_its_body_is_no_error(served: Served) -> None:
    client = await served.client(POST % b"late" + b"01234")
    await client.leave()
    served.app.go_on.set()
    assert await served.ended() is ClientDisconnect


async def test_a_response_that_has_started_is_not_cancelled(served: Served) -> None:
    client = await served.client(GET % b"stream")
    await client.head()
    await client.leave()
    for _ in range(20):
        await asyncio.sleep(0)
    served.app.go_on.set()
    assert await served.ended() == b""


async def test_an_app_that_listens_itself_is_told(served: Served) -> None:
    client = await served.client(POST % b"read/listen" + b"0123456789")
    await client.leave()
    assert await served.ended() == "http.disconnect"
