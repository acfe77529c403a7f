"""A real server whose files are in an object store."""

import asyncio
from collections.abc import Callable

import httpx
import pytest

from tests.files.conftest import GROWTH, Bucket, Serve, high_water
from tests.support.rows import key
from tests.support.world import World

pytestmark = pytest.mark.anyio

# More than one part of a multipart upload.
LARGE = 12 * 1024 * 1024


# The suite sees by the next test that a file is stored while it comes.
@pytest.mark.proof
async def test_a_large_upload_takes_no_more_memory(
    sqlite_world: World, bucket: Bucket, serve: Serve
) -> None:
    world = sqlite_world
    headers = world.headers("keith")
    form = {"ticket": str(key("volume"))}
    with serve(world.settings.database_url, bucket.url, MAX_UPLOAD_MB="60") as served:
        async with httpx.AsyncClient(base_url=served.base, headers=headers, timeout=60) as http:

            async def upload(size: int) -> httpx.Response:
                files = {"file": ("a.bin", bytes(size))}
                return await http.post("/api/v1/ticket-attachments/", data=form, files=files)

            small = await upload(LARGE)
            await http.get(small.json()["file"])
            process = next(served.ids)
            before = high_water(process)
            large = await upload(60 * 1024 * 1024)
            assert large.status_code == 201
            assert len((await http.get(large.json()["file"])).content) == 60 * 1024 * 1024
            assert high_water(process) - before < GROWTH
            assert (await upload(61 * 1024 * 1024)).status_code == 413
    assert (len(bucket.keys()), bucket.unfinished()) == (2, [])


async def test_a_client_that_hangs_up_leaves_nothing(
    sqlite_world: World, bucket: Bucket, serve: Serve
) -> None:
    world = sqlite_world
    token = world.services.tokens.access(key("keith"))
    with serve(world.settings.database_url, bucket.url) as served:
        host, port = served.base.removeprefix("http://").split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(
            f"POST /api/v1/ticket-attachments/ HTTP/1.1\r\nHost: {host}\r\n"
            f"Authorization: Bearer {token}\r\nContent-Length: 20000000\r\n"
            "Content-Type: multipart/form-data; boundary=b\r\n\r\n"
            f'--b\r\nContent-Disposition: form-data; name="ticket"\r\n\r\n{key("volume")}\r\n'
            '--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'.encode()
        )
        writer.write(bytes(LARGE))
        await writer.drain()
        await until(lambda: len(bucket.unfinished()) == 1)
        writer.close()
        await writer.wait_closed()
        await until(lambda: bucket.unfinished() == [])
    assert bucket.keys() == []
    assert len((await world.dump())["attachments"]) == 3


async def until(reached: Callable[[], bool]) -> None:
    """Wait for what another process is about to do."""
    async with asyncio.timeout(60):
        while not reached():  # noqa: ASYNC110 - another process rings no bell
            await asyncio.sleep(0.02)
