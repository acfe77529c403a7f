"""Files of any size go through the server with constant memory."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPConnection, HTTPResponse
from typing import Any

import pytest

from tests.files.conftest import GROWTH, Serve, high_water
from tests.support import proofs
from tests.support.rows import key
from tests.support.world import World

pytestmark = pytest.mark.anyio

PATH = "/api/v1/ticket-attachments/"
MIB = 1024 * 1024
SIZE = (300 if proofs.LONG else 64) * MIB


class Client:
    """A client that is quicker than the server: httpx would take most of the test's time."""

    def __init__(self, base: str, token: str) -> None:
        self.connection = HTTPConnection(base.removeprefix("http://"), timeout=60)
        self.headers = {"Authorization": f"Bearer {token}"}

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> HTTPResponse:
        self.connection.request(method, path, body, self.headers | headers)
        return self.connection.getresponse()

    def upload(self, size: int, *, ticket_first: bool) -> tuple[int, dict[str, Any], str]:
        """Upload bytes that are made while they are sent; return status, answer and hash."""
        digest = hashlib.sha256()
        body = form(size, digest, ticket_first=ticket_first)
        kind = {"Content-Type": "multipart/form-data; boundary=b"}
        response = self.ask("POST", PATH, body, **kind)
        return response.status, json.loads(response.read()), digest.hexdigest()

    def download(self, path: str) -> tuple[str | None, str]:
        """Return a file's tag and the hash of what came."""
        response, digest = self.ask("GET", path), hashlib.sha256()
        while piece := response.read(MIB):
            digest.update(piece)
        return response.headers["ETag"], digest.hexdigest()


def form(size: int, digest: "hashlib._Hash", *, ticket_first: bool) -> Iterator[bytes]:
    ticket = f'--b\r\nContent-Disposition: form-data; name="ticket"\r\n\r\n{key("volume")}\r\n'
    if ticket_first:
        yield ticket.encode()
    yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="film.bin"\r\n\r\n'
    for number in range(size // MIB):
        piece = number.to_bytes(4, "big") * (MIB // 4)
        digest.update(piece)
        yield piece
    yield b"\r\n"
    if not ticket_first:
        yield ticket.encode()
    yield b"--b--\r\n"


@pytest.mark.parametrize(
    "ticket_first",
    [
        pytest.param(True, id="ticket first", marks=pytest.mark.proof(small=True)),
        pytest.param(False, id="file first", marks=pytest.mark.proof),
    ],
)
async def test_a_large_file_goes_in_and_out(
    sqlite_world: World, serve: Serve, ticket_first: bool
) -> None:
    world = sqlite_world
    token, settings = world.services.tokens.access(key("keith")), world.settings
    with (
        serve(settings.database_url, settings.files_url, MAX_UPLOAD_MB=str(SIZE // MIB)) as served,
        ExitStack() as stack,
    ):
        client = Client(served.base, token)
        stack.callback(client.connection.close)
        # Everything that an upload needs is loaded by then.
        _, small, sha256 = client.upload(2 * MIB, ticket_first=ticket_first)
        assert client.download(small["file"]) == (f'"{sha256}"', sha256)
        process = next(served.ids)
        before = high_water(process)

        status, large, sha256 = client.upload(SIZE, ticket_first=ticket_first)
        assert (status, large["size"]) == (201, SIZE)
        assert high_water(process) - before < GROWTH

        assert client.download(large["file"]) == (f'"{sha256}"', sha256)
        assert high_water(process) - before < GROWTH

        if ticket_first:
            stored = await world.dump()
            status, _, _ = client.upload(SIZE + MIB, ticket_first=ticket_first)
            assert status == 413
            assert high_water(process) - before < GROWTH
            assert await world.dump() == stored
        deleted = client.ask("DELETE", f"{PATH}{large['id']}/")
        assert (deleted.status, deleted.read()) == (204, b"")
