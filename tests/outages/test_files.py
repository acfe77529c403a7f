"""A file store that is away: uploads and downloads are 503, and work again once it is back."""

from pathlib import Path

import httpx
import pytest

from tests.live.conftest import Live
from tests.outages.conftest import assert_told, logged
from tests.support.rows import key
from tests.support.stored import stored_rows

pytestmark = pytest.mark.anyio


async def test_a_file_store_that_fails_is_told_and_comes_back(
    on_sqlite: Live, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    client, world = on_sqlite.client, on_sqlite.world
    client.headers["Authorization"] = world.token("keith")

    async def upload() -> httpx.Response:
        files = {"file": ("log.txt", b"content", "text/plain")}
        data = {"ticket": str(key("offline"))}
        return await client.post("/api/v1/ticket-attachments/", files=files, data=data)

    first = await upload()
    assert first.status_code == 201
    address = httpx.URL(first.json()["file"]).path
    media, aside = tmp_path / "media", tmp_path / "aside"
    media.rename(aside)
    media.write_text("no folder")
    before = await stored_rows(world.database)

    assert_told(await upload(), "file store")
    assert_told(await client.get(address), "file store")
    assert await stored_rows(world.database) == before
    world.clock.move(seconds=5)
    ready = await client.get("/readyz")
    assert (ready.status_code, list(ready.json()["problems"])) == (503, ["file store"])

    media.unlink()
    aside.rename(media)
    assert (await upload()).status_code == 201
    assert (await client.get(address)).content == b"content"
    told = logged(caplog, "deskgraph.files")
    assert [line.split(":")[0] for line in told] == [
        "file store lost, writes fail",
        "file store lost, reads fail",
        "file store is back, writes work",
        "file store is back, reads work",
    ]
