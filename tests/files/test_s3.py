"""The files in an object store: the same as in a folder, and links that go straight to it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from deskgraph.app import utc_now
from deskgraph.storage.file_store import FileStore, open_files
from deskgraph.storage.orphan_cleanup import clean_up_orphans
from deskgraph.storage.store_urls import open_place
from models import Attachment
from resolvers.commands import attachments
from resolvers.errors import TooLarge
from resolvers.signing import day_of
from rest_compat import rest_routes
from rest_compat.http.downloads import disposition
from tests.files.conftest import Bucket
from tests.support.rows import key
from tests.support.world import World

pytestmark = pytest.mark.anyio

KEY = "tickets/attachments/2025/11/token/photo.png"
# More than one part of a multipart upload.
LARGE = 12 * 1024 * 1024
SECRET = "something"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


@pytest.fixture
def store(bucket: Bucket) -> FileStore:
    return open_files(bucket.url)


async def pieces(*chunks: bytes, error: Exception | None = None) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
    if error is not None:
        raise error


async def read(store: FileStore, span: tuple[int, int] | None = None) -> bytes:
    return b"".join([chunk async for chunk in await store.get(KEY, span)])


@pytest.mark.parametrize("size", [0, 1, LARGE])
async def test_what_is_stored_comes_back(store: FileStore, bucket: Bucket, size: int) -> None:
    content = (bytes(range(256)) * (size // 256 + 1))[:size]
    step = 300_000
    chunks = [content[at : at + step] for at in range(0, size, step)]
    await store.put(KEY, pieces(*chunks), name="Zoné  1.png", content_type="image/png")

    assert (bucket.keys(), bucket.unfinished()) == ([KEY], [])
    assert await read(store) == content
    assert await store.exists(KEY)
    if size > 1:
        assert await read(store, (size - 20, size - 5)) == content[-20:-5]

    await store.delete(KEY)
    await store.delete(KEY)
    assert bucket.keys() == []
    assert not await store.exists(KEY)
    with pytest.raises(FileNotFoundError):
        await store.get(KEY)


@pytest.mark.parametrize("size", [0, 1, LARGE])
async def test_an_upload_that_is_cut_off_leaves_nothing(
    store: FileStore, bucket: Bucket, size: int
) -> None:
    with pytest.raises(TooLarge):
        await store.put(KEY, pieces(bytes(size), error=TooLarge(5)))
    assert (bucket.keys(), bucket.unfinished()) == ([], [])


async def test_so_does_one_that_is_cancelled(store: FileStore, bucket: Bucket) -> None:
    waiting = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield bytes(LARGE)
        waiting.set()
        await asyncio.Event().wait()

    putting = asyncio.create_task(store.put(KEY, endless()))
    await waiting.wait()
    assert len(bucket.unfinished()) == 1
    putting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await putting
    assert (bucket.keys(), bucket.unfinished()) == ([], [])


class Client:
    """The REST API over a world whose files are in a bucket."""

    def __init__(self, world: World, http: httpx.AsyncClient) -> None:
        self.world = world
        self.http = http
        self.bearer = world.headers("keith")

    async def upload(self, name: str, content: bytes) -> Attachment:
        attachment_id = await attachments.add_attachment(
            self.world.context("keith"), key("volume"), name, pieces(content)
        )
        return await self.world.get(Attachment, attachment_id)

    def signed(self, stored: str) -> str:
        expires = str(int(self.world.clock().timestamp()) + 60)
        day = day_of(self.world.clock())
        signature = self.world.services.signer.media_signature(stored, expires, day)
        return f"/media/{stored}?expires={expires}&signature={signature}"

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.http.get(path, headers=headers)


@asynccontextmanager
async def clients(world: World, url: str) -> AsyncIterator[Client]:
    world.services = replace(world.services, files=open_files(url))
    app = Starlette(routes=rest_routes(world.services))
    # What a redirect leads to is asked for by the tests, of the store itself.
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://desk.test") as http:
        yield Client(world, http)


@pytest.fixture
async def client(sqlite_world: World, bucket: Bucket) -> AsyncIterator[Client]:
    async with clients(sqlite_world, bucket.url) as opened:
        yield opened


async def test_bearers_get_the_file_through_the_server(client: Client, bucket: Bucket) -> None:
    stored = await client.upload("photo.png", PNG)
    path = f"/media/{stored.key}"
    assert bucket.keys() == [stored.key]

    whole = await client.get(path, **client.bearer)
    assert (whole.status_code, whole.content) == (200, PNG)
    part = await client.get(path, Range="bytes=-4", **client.bearer)
    assert (part.status_code, part.content) == (206, PNG[-4:])
    assert part.headers["content-range"] == f"bytes {len(PNG) - 4}-{len(PNG) - 1}/{len(PNG)}"
    assert (await client.get(path)).status_code == 401

    bucket.client.delete_object(Bucket=bucket.name, Key=f"desk/{stored.key}")
    for method in ("GET", "HEAD"):
        gone = await client.http.request(method, path, headers=client.bearer)
        assert gone.status_code == 404


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("photo.png", PNG, "image/png"),
        ("Zoné  1.html", b"<script>alert(1)</script>", "text/plain"),
        ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "text/plain"),
    ],
)
async def test_signed_links_lead_straight_to_the_store(
    client: Client, name: str, content: bytes, kind: str
) -> None:
    stored = await client.upload(name, content)
    link = client.signed(stored.key)

    redirect = await client.get(link)
    assert (redirect.status_code, redirect.content) == (307, b"")
    assert redirect.headers["cache-control"] == "no-store"
    target = redirect.headers["location"]
    assert SECRET not in target
    assert "X-Amz-Expires=60&" in target

    async with httpx.AsyncClient() as browser:
        file = await browser.get(target)
        assert (file.status_code, file.content) == (200, content)
        assert file.headers["content-disposition"] == disposition(name)
        assert file.headers["content-type"].split(";")[0] == kind
        part = await browser.get(target, headers={"Range": "bytes=1-3"})
        assert (part.status_code, part.content) == (206, content[1:4])

    # What a signature of the store is not for is answered here.
    head = await client.http.head(link)
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(content)))
    unchanged = await client.get(link, **{"If-None-Match": f'"{stored.sha256}"'})
    assert unchanged.status_code == 304
    for altered in (link[:-1] + "x", link.replace("expires=1", "expires=2")):
        assert (await client.get(altered)).status_code == 404
    client.world.clock.move(seconds=61)
    assert (await client.get(link)).status_code == 404


async def test_a_renamed_file_has_its_new_name_again_through_the_server(client: Client) -> None:
    stored = await client.upload("photo.png", PNG)
    keith = client.world.context("keith")
    await attachments.update_attachment(keith, stored.id, {"name": "lobby.png"})

    file = await client.get(client.signed(stored.key))
    assert (file.status_code, file.content) == (200, PNG)
    assert file.headers["content-disposition"] == 'attachment; filename="lobby.png"'
    await attachments.update_attachment(keith, stored.id, {"name": "photo.png"})
    assert (await client.get(client.signed(stored.key))).status_code == 307


async def test_what_would_not_be_a_download_at_the_store_goes_through_the_server(
    client: Client, bucket: Bucket
) -> None:
    stored = await client.upload("page.html", b"<h1>Hello</h1>")
    bucket.client.put_object(
        Bucket=bucket.name,
        Key=f"desk/{stored.key}",
        Body=b"<h1>Hello</h1>",
        ContentType="text/html",
    )
    file = await client.get(client.signed(stored.key))
    assert file.status_code == 200
    assert file.headers["content-disposition"] == 'attachment; filename="page.html"'
    assert "html" not in file.headers["content-type"]


async def test_links_of_a_store_that_clients_do_not_reach_can_be_turned_off(
    sqlite_world: World, bucket: Bucket
) -> None:
    async with clients(sqlite_world, f"{bucket.url}&redirect=false") as client:
        stored = await client.upload("photo.png", PNG)
        file = await client.get(client.signed(stored.key))
        assert (file.status_code, file.content) == (200, PNG)


async def test_deleting_removes_the_file_and_a_failing_store_leaves_it_to_the_sweep(
    client: Client, bucket: Bucket, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    first, second = await client.upload("a", b"a"), await client.upload("b", b"b")
    keith = client.world.context("keith", undo_hours=0)
    await attachments.delete_attachment(keith, first.id)
    assert bucket.keys() == [second.key]

    files: Any = client.world.services.files
    with monkeypatch.context() as patch:
        patch.setattr(
            files, "store", open_place("s3://desk?endpoint=http://127.0.0.1:9&allow_http=1").store
        )
        await attachments.delete_attachment(keith, second.id)
    assert "a deleted file is still in the store" in caplog.text
    assert "127.0.0.1" not in caplog.text
    assert bucket.keys() == [second.key]

    async def swept(before: datetime, *, remove: bool) -> list[str]:
        found = clean_up_orphans(client.world.database, files, before=before, remove=remove)
        return [finding.key async for finding in found if finding.kind == "orphan"]

    now = utc_now()
    assert await swept(now - timedelta(hours=1), remove=True) == []
    assert await swept(now + timedelta(hours=1), remove=False) == [second.key]
    assert bucket.keys() == [second.key]
    assert await swept(now + timedelta(hours=1), remove=True) == [second.key]
    assert bucket.keys() == []


async def test_a_sweep_keeps_what_rows_name(client: Client, bucket: Bucket) -> None:
    stored = await client.upload("a", b"a")
    bucket.client.put_object(Bucket=bucket.name, Key="desk/other", Body=b"x")
    bucket.client.put_object(Bucket=bucket.name, Key="tickets/attachments/other", Body=b"x")
    files: Any = client.world.services.files
    later = utc_now() + timedelta(hours=1)
    found = [
        one
        async for one in clean_up_orphans(client.world.database, files, before=later, remove=True)
    ]
    # The files of the world are in a folder.
    assert [one.kind for one in found] == ["missing"] * 3
    assert sorted(bucket.keys()) == ["other", stored.key, "tickets/attachments/other"]
