"""Files of any size go through the server with constant memory."""

import hashlib
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from server.app import utc_now
from tests.files.conftest import Serve
from tests.viewers.world import World, key, open_world

pytestmark = pytest.mark.anyio

PATH = "/api/v1/ticket-attachments/"
MIB = 1024 * 1024
SIZE = 300 * MIB
GROWTH = 30 * MIB
HEADERS = {"Content-Type": "multipart/form-data; boundary=b"}


@pytest.fixture
async def world(anyio_backend: str, sqlite_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(sqlite_url, tmp_path / "media") as opened:
        await opened.reset()
        opened.clock.now = utc_now()
        yield opened


class Content:
    """Bytes that are made while they are sent."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.hash = hashlib.sha256()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for number in range(self.size // MIB):
            piece = number.to_bytes(4, "big") * (MIB // 4)
            self.hash.update(piece)
            yield piece


async def form(content: Content, *, ticket_first: bool) -> AsyncIterator[bytes]:
    ticket = f'--b\r\nContent-Disposition: form-data; name="ticket"\r\n\r\n{key("volume")}\r\n'
    if ticket_first:
        yield ticket.encode()
    yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="film.bin"\r\n\r\n'
    async for piece in content:
        yield piece
    yield b"\r\n"
    if not ticket_first:
        yield ticket.encode()
    yield b"--b--\r\n"


def high_water(process: int) -> int:
    """Return the most memory that a process has had, in bytes."""
    status = Path(f"/proc/{process}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found
    return int(found[1]) * 1024


@pytest.mark.parametrize("ticket_first", [True, False], ids=["ticket first", "file first"])
async def test_a_large_file_goes_in_and_out(world: World, serve: Serve, ticket_first: bool) -> None:
    headers = {"Authorization": f"Bearer {world.desk.tokens.access(key('keith'))}"}
    settings = world.settings
    with serve(settings.database_url, settings.files_url, MAX_UPLOAD_MB="300") as served:
        async with httpx.AsyncClient(base_url=served.base, headers=headers, timeout=60) as client:

            async def upload(size: int) -> tuple[httpx.Response, str]:
                content = Content(size)
                body = form(content, ticket_first=ticket_first)
                response = await client.post(PATH, content=body, headers=HEADERS)
                return response, content.hash.hexdigest()

            # Everything that an upload needs is loaded by then.
            small, _ = await upload(2 * MIB)
            assert (await client.get(small.json()["file"])).status_code == 200
            process = next(served.ids)
            before = high_water(process)

            added, sha256 = await upload(SIZE)
            assert (added.status_code, added.json()["size"]) == (201, SIZE)
            assert high_water(process) - before < GROWTH

            received = hashlib.sha256()
            async with client.stream("GET", added.json()["file"]) as download:
                assert download.headers["etag"] == f'"{sha256}"'
                async for piece in download.aiter_bytes():
                    received.update(piece)
            assert received.hexdigest() == sha256
            assert high_water(process) - before < GROWTH

            rows = await world.dump()
            refused, _ = await upload(SIZE + MIB)
            assert refused.status_code == 413
            assert high_water(process) - before < GROWTH
            assert await world.dump() == rows
            assert (await client.delete(f"{PATH}{added.json()['id']}/")).status_code == 204
