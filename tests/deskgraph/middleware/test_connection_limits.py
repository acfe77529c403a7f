"""What a connection may send and how long it may take, over real sockets."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import pytest
from starlette.types import Receive, Scope, Send

from deskgraph.middleware import connection_limits
from deskgraph.middleware.connection_limits import ConnectionLimits, LimitedProtocol
from tests.support.processes.local_server import serving

pytestmark = pytest.mark.anyio
HEAD_BYTES = 32 * 1024
GET = b"GET /%s HTTP/1.1\r\nhost: desk\r\n"
POST = b"POST / HTTP/1.1\r\nhost: desk\r\n"
# Only what stands still is ended in a test: everything else has all the time it needs.
SHORT, LONG = 0.2, 60.0
# Longer than any test waits for anything.
MAX_SECONDS = 20

Connect = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the path and the body's size; ``/wait`` answers when its client goes away."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        message = await receive()
        await send({"type": "websocket.send", "text": message["text"]})
        await receive()
        return
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size += len(message["body"])
        more = message["more_body"]
    while scope["path"] == "/wait" and (await receive())["type"] != "http.disconnect":
        pass
    body = f"{scope['path']} {size}".encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def served(
    *, head_seconds: float = LONG, body_seconds: float = LONG, connections: int = 100
) -> AsyncIterator[Connect]:
    """Run a server, and give what connects to it."""
    limits = ConnectionLimits(head_seconds, body_seconds, connections, HEAD_BYTES)
    protocol = partial(LimitedProtocol, limits=limits, excess=set())
    writers: list[asyncio.StreamWriter] = []
    async with serving(
        echo,
        http=protocol,
        lifespan="off",
        log_level="critical",
        timeout_keep_alive=int(LONG),
        timeout_graceful_shutdown=1,
    ) as running:

        async def connect() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
            reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
            writers.append(writer)
            return reader, writer

        try:
            async with asyncio.timeout(MAX_SECONDS):
                yield connect
        finally:
            for writer in writers:
                writer.close()


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Read one answer; returns its status and its body."""
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head.split(b" ", 2)[1])
    sizes = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    return status, await reader.readexactly(int(sizes[0].split(b":")[1]))


async def ask(connect: Connect, sent: bytes) -> tuple[int, bytes]:
    """Send something over a new connection, and read the first answer."""
    reader, writer = await connect()
    writer.write(sent)
    return await answer(reader)


async def test_a_head_has_32_kilobytes_whatever_it_is_made_of() -> None:
    many = b"".join(b"x-%d: 1\r\n" % number for number in range(5000))
    async with served() as connect:
        fits = GET % b"a" + b"x-long: " + b"x" * 32_000 + b"\r\n\r\n"
        assert await ask(connect, fits) == (200, b"/a 0")
        for large in (
            GET % b"a" + b"x-long: " + b"x" * 33_000 + b"\r\n\r\n",
            GET % b"a" + many + b"\r\n",
            GET % (b"a" * 33_000) + b"\r\n",
            # Neither of these ends, so no parser has told of it yet.
            GET % b"a" + b"x-long: " + b"x" * 2_000_000,
            GET % (b"a" * 2_000_000),
            b"\r\n" * 40_000,
        ):
            status, _ = await ask(connect, large)
            assert status == 431, large[:30]


async def test_headers_after_a_chunked_body_count_as_well() -> None:
    chunked = POST + b"transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n"
    async with served() as connect:
        assert await ask(connect, chunked + b"x-after: 1\r\n\r\n") == (200, b"/ 3")
        reader, writer = await connect()
        writer.write(chunked + b"".join(b"x-%d: 1\r\n" % number for number in range(5000)))
        assert await reader.read() == b""


async def test_a_refused_client_that_goes_on_sending_still_reads_why() -> None:
    async with served() as connect:
        reader, writer = await connect()
        writer.write(GET % b"a")
        for _ in range(100):
            writer.write(b"x-more: " + b"x" * 1000 + b"\r\n")
            await writer.drain()
        assert await answer(reader) == (431, b'{"detail": "Request Header Fields Too Large."}')


async def test_a_page_of_another_origin_may_know_why_it_was_refused() -> None:
    async with served() as connect:
        reader, writer = await connect()
        writer.write(GET % b"a" + b"x-long: " + b"x" * 33_000 + b"\r\n\r\n")
        head, _, _ = (await reader.read()).partition(b"\r\n\r\n")
        assert b" 431 " in head
        assert b"access-control-allow-origin: *" in head.split(b"\r\n")


@pytest.mark.parametrize("status", [400, 431, 503])
@pytest.mark.parametrize(("brought", "kept"), [(b"proxy-1", True), (b"no id", False), (b"", False)])
async def test_a_refusal_has_the_id_of_its_request(status: int, brought: bytes, kept: bool) -> None:
    header = b"x-request-id: " + brought + b"\r\n" if brought else b""
    ends = {400: b"a: 1\r\nno header", 431: b"x-long: " + b"x" * 33_000, 503: b""}
    async with served(connections=1 if status == 503 else 100) as connect:
        await connect()
        reader, writer = await connect()
        writer.write(GET % b"a" + header + ends[status] + b"\r\n\r\n")
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0].startswith(b"HTTP/1.1 %d " % status)
    assert body.startswith(b'{"detail": "')
    [found] = [line for line in lines if line.startswith(b"x-request-id: ")]
    value = found.partition(b": ")[2]
    assert value == brought if kept else re.fullmatch(rb"[0-9a-f]{16}", value)
    # Pages of other origins may read it.
    assert b"access-control-expose-headers: X-Request-ID" in lines


async def test_a_request_that_was_not_read_has_not_the_id_of_the_one_before() -> None:
    async with served() as connect:
        reader, writer = await connect()
        writer.write(GET % b"first" + b"x-request-id: first\r\n\r\n")
        assert await answer(reader) == (200, b"/first 0")
        writer.write(b"\r\n" * 40_000)
        refused = await reader.read()
    assert b" 431 " in refused
    assert b"x-request-id: first" not in refused


async def test_a_body_that_is_none_is_refused_after_its_head() -> None:
    async with served() as connect:
        reader, writer = await connect()
        writer.write(POST + b"transfer-encoding: chunked\r\n\r\nno size\r\n")
        assert b" 400 " in await reader.read()


async def test_a_large_body_is_no_head() -> None:
    body = b"x" * 3_000_000
    pieces = b"".join(b"%x\r\n" % 40_000 + b"y" * 40_000 + b"\r\n" for _ in range(50))
    async with served() as connect:
        sized = POST + b"content-length: %d\r\n\r\n" % len(body) + body
        chunked = POST + b"transfer-encoding: chunked\r\n\r\n" + pieces + b"0\r\n\r\n"
        reader, writer = await connect()
        # One after the other without waiting, as pipelining clients do.
        writer.write(sized + chunked + GET % b"last" + b"\r\n")
        assert await answer(reader) == (200, b"/ 3000000")
        assert await answer(reader) == (200, b"/ 2000000")
        assert await answer(reader) == (200, b"/last 0")


async def test_a_head_that_does_not_come_to_its_end_ends_the_connection() -> None:
    async with served(head_seconds=SHORT) as connect:
        for begun in (b"", b"GE", GET % b"a", GET % b"a" + b"x-slow: 1", b"\r\n"):
            reader, writer = await connect()
            writer.write(begun)
            assert await reader.read() == b"", begun


async def test_a_head_that_trickles_in_has_no_longer_than_others() -> None:
    async with served(head_seconds=SHORT) as connect:
        reader, writer = await connect()
        writer.write(GET % b"a")
        ended = asyncio.create_task(reader.read())
        while not ended.done():
            writer.write(b"x-slow: 1\r\n")
            await asyncio.wait([ended], timeout=SHORT / 10)
        assert ended.exception() is not None or ended.result() == b""


async def test_a_second_head_has_a_deadline_too_and_an_answer_is_not_cut_short() -> None:
    async with served(head_seconds=SHORT) as connect:
        reader, writer = await connect()
        writer.write(GET % b"first" + b"\r\n" + b"GET /sec")
        assert await answer(reader) == (200, b"/first 0")
        assert await reader.read() == b""

        reader, writer = await connect()
        writer.write(GET % b"wait" + b"\r\n" + b"GET /sec")
        waiting = asyncio.create_task(reader.read())
        await asyncio.wait([waiting], timeout=3 * SHORT)
        assert not waiting.done()
        waiting.cancel()


async def test_a_connection_without_a_request_may_stay_between_requests() -> None:
    async with served(head_seconds=SHORT, body_seconds=SHORT) as connect:
        reader, writer = await connect()
        writer.write(GET % b"first" + b"\r\n")
        assert await answer(reader) == (200, b"/first 0")
        idle = asyncio.create_task(reader.read(1))
        await asyncio.wait([idle], timeout=3 * SHORT)
        assert not idle.done()
        writer.write(GET % b"second" + b"\r\n")
        assert await idle == b"H"


async def test_a_body_that_stalls_ends_the_connection() -> None:
    async with served(body_seconds=SHORT) as connect:
        for begun in (
            POST + b"content-length: 10\r\n\r\n",
            POST + b"content-length: 10\r\n\r\nhalf",
            POST + b"transfer-encoding: chunked\r\n\r\n5\r\nhalf",
        ):
            reader, writer = await connect()
            writer.write(begun)
            assert await reader.read() == b"", begun


async def test_a_body_that_comes_slowly_does_not_stall() -> None:
    async with served(body_seconds=4 * SHORT) as connect:
        reader, writer = await connect()
        writer.write(POST + b"content-length: 10\r\n\r\n")
        for _ in range(10):
            await asyncio.sleep(SHORT / 2)
            writer.write(b"x")
        assert await answer(reader) == (200, b"/ 10")


async def test_a_connection_too_many_is_answered_503_and_takes_nobodys_place() -> None:
    upgrade = (
        GET % b"socket" + b"connection: Upgrade\r\nupgrade: websocket\r\n"
        b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    plain = GET % b"plain" + b"\r\n"
    async with served(connections=2) as connect:
        # A WebSocket and a request that is being answered.
        socket, opening = await connect()
        opening.write(upgrade)
        assert b" 101 " in await socket.readuntil(b"\r\n\r\n")
        first, writer = await connect()
        writer.write(plain)
        assert await answer(first) == (200, b"/plain 0")

        refused = (503, b'{"detail": "Service Unavailable."}')
        assert await ask(connect, plain) == refused
        assert await ask(connect, upgrade) == refused

        writer.write(plain)
        assert await answer(first) == (200, b"/plain 0")
        writer.close()
        await writer.wait_closed()
        # The server may not have noticed yet.
        while (found := await ask(connect, plain)) == refused:
            pass
        assert found == (200, b"/plain 0")


async def test_those_that_wait_to_be_refused_are_bounded_too() -> None:
    async with served(connections=2) as connect:
        held = [await connect() for _ in range(4)]
        reader, _ = await connect()
        # Nothing was sent, and there is an answer.
        assert (await answer(reader))[0] == 503
        assert len(held) == 4


async def test_a_websocket_has_no_deadline_of_a_request() -> None:
    async with served(head_seconds=SHORT, body_seconds=SHORT) as connect:
        reader, writer = await connect()
        writer.write(
            GET % b"socket" + b"connection: Upgrade\r\nupgrade: websocket\r\n"
            b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
        idle = asyncio.create_task(reader.readexactly(4))
        await asyncio.wait([idle], timeout=3 * SHORT)
        assert not idle.done()
        # "hi" in one frame, masked with zeros (RFC 6455, section 5.2).
        writer.write(b"\x81\x82\x00\x00\x00\x00hi")
        assert await idle == b"\x81\x02hi"


async def test_a_server_that_stops_answers_what_has_begun_to_come_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection_limits, "FIRST_REQUEST_SECONDS", LONG)
    limits = ConnectionLimits(LONG, LONG, 100, HEAD_BYTES)
    protocol = partial(LimitedProtocol, limits=limits, excess=set())
    options = {"lifespan": "off", "timeout_keep_alive": int(LONG), "log_level": "critical"}
    async with asyncio.timeout(MAX_SECONDS), serving(echo, http=protocol, **options) as running:
        fresh, begun, used = [
            await asyncio.open_connection("127.0.0.1", running.port) for _ in range(3)
        ]
        begun[1].write(GET % b"begun")
        used[1].write(GET % b"used" + b"\r\n")
        assert b"200 OK" in await used[0].readuntil(b"/used 0")
        while len(running.server.server_state.connections) < 3:  # noqa: ASYNC110
            await asyncio.sleep(0)
        running.server.should_exit = True
        # A connection that has had its answers is closed, the others are waited for.
        assert await used[0].read() == b""
        fresh[1].write(GET % b"fresh" + b"\r\n")
        begun[1].write(b"\r\n")
        for (reader, _), path in ((fresh, b"/fresh"), (begun, b"/begun")):
            answer = await reader.read()
            assert b"connection: close" in answer
            assert answer.endswith(path + b" 0")
        for _, writer in (fresh, begun, used):
            writer.close()


async def test_a_server_that_stops_waits_for_no_client_that_asks_for_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection_limits, "FIRST_REQUEST_SECONDS", 0.01)
    async with served() as connect:
        reader, _ = await connect()
    # The server has ended with the block.
    assert await reader.read() == b""
