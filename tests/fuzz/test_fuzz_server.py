"""The same requests through a real server: bytes on a connection, and what comes back on it."""

import asyncio
import contextlib
import re
import shutil
import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskgraph.app import create_app
from resolvers.auth.tokens import Tokens
from tests.fuzz.requests import Asked, paths, raw, requests
from tests.support import proofs
from tests.support.clock import Clock
from tests.support.processes.local_server import serving_in_a_thread
from tests.support.rows import key
from tests.support.settings import KEY, settings_for
from tests.support.world import open_world

# What no target of a request may hold; the rest goes out as it is, however odd.
_UNSENDABLE = re.compile(rb"[\x00-\x20\x7f]")
_NO_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


@pytest.fixture
def address(sqlite_url: str, tmp_path: Path) -> Iterator[tuple[str, int]]:
    """Give the address of a server with httptools over a world of its own."""
    settings = settings_for(sqlite_url, tmp_path / "media")
    asyncio.run(fill(sqlite_url, tmp_path / "media"))
    application = create_app(settings, clock=Clock())
    with serving_in_a_thread(application, http="httptools", log_level="critical") as running:
        yield "127.0.0.1", running.port
    shutil.rmtree(tmp_path / "media", ignore_errors=True)


async def fill(url: str, media: Path) -> None:
    """Insert the rows of the world."""
    async with open_world(url, media) as world:
        await world.reset()


def spoken(asked: Asked, tokens: Tokens, *, untidy: bool) -> bytes:
    """Write a request down; ``untidy`` leaves in what a server has to refuse by itself."""
    path, query = raw(asked.path), asked.query
    if not untidy:
        path = _UNSENDABLE.sub(b"", path).replace(b"?", b"").replace(b"#", b"")
        query = _UNSENDABLE.sub(b"", query)
    headers = [*asked.headers, (b"host", b"desk.test"), (b"connection", b"close")]
    if asked.who is not None:
        headers.append((b"authorization", b"Bearer " + tokens.access(key(asked.who)).encode()))
    headers.append((b"content-length", str(len(asked.body)).encode()))
    lines = [asked.method.encode() + b" " + path + (b"?" + query if query else b"") + b" HTTP/1.1"]
    for name, value in headers:
        lines.append(name + b": " + (value if untidy else _NO_VALUE.sub(b"", value)))
    return b"\r\n".join(lines) + b"\r\n\r\n" + asked.body


def heard(address: tuple[str, int], request: bytes) -> bytes:
    """Send bytes and return all that comes back until the server hangs up."""
    answer = b""
    with socket.create_connection(address, timeout=20) as connection:
        # A server that refuses early may hang up before all is sent.
        with contextlib.suppress(OSError):
            connection.sendall(request)
        with contextlib.suppress(ConnectionResetError):
            while piece := connection.recv(65536):
                answer += piece
    return answer


@pytest.mark.proof(small=True)
def test_bytes_of_every_kind(address: tuple[str, int]) -> None:
    tokens = Tokens(KEY, access_minutes=60, refresh_days=7, clock=Clock())
    templates = paths(create_app_routes())
    seen: Counter[int] = Counter()

    @proofs.examples(25, 150)
    @given(requests(templates), st.integers(0, 9))
    def ask(asked: Asked, dice: int) -> None:
        answer = heard(address, spoken(asked, tokens, untidy=dice == 0))
        # A target with a blank in it and the like: the server itself hangs up or says 400.
        assert answer or dice == 0
        if answer:
            assert answer.startswith(b"HTTP/1.1 "), answer[:200]
            status = int(answer.split(b" ", 2)[1])
            seen[status] += 1
            assert 200 <= status < 500, answer[:2000]

    ask()
    print(dict(seen))  # noqa: T201 - "make fuzz" shows it
    assert {200, 400, 401} <= set(seen)


def create_app_routes() -> list[object]:
    """Return the routes of an application that is never started."""
    return list(create_app(settings_for("sqlite:///none.db", Path("none"))).routes)
