"""The file store: streams in and out, and nothing stays behind of what fails."""

import asyncio
import errno
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deskgraph.storage.file_store import FileStore, open_files
from resolvers.errors import TooLarge, Unavailable

pytestmark = pytest.mark.anyio

KEY = "tickets/attachments/2025/11/key/photo.png"
# More than one part of a multipart upload.
LARGE = 12 * 1024 * 1024


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "media"


@pytest.fixture
def store(folder: Path) -> FileStore:
    return open_files(f"file://{folder}")


async def pieces(*chunks: bytes, error: Exception | None = None) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
    if error is not None:
        raise error


async def read(store: FileStore, key: str = KEY) -> tuple[int, bytes]:
    content = b"".join([chunk async for chunk in await store.get(key)])
    return len(content), content


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def inside(folder: Path) -> list[Path]:
    return list(folder.iterdir())


@pytest.mark.parametrize("size", [0, 1, 300_000, LARGE])
async def test_what_is_stored_comes_back(store: FileStore, folder: Path, size: int) -> None:
    content = bytes(range(256)) * (size // 256 + 1)
    step = 100_000
    chunks = [content[:size][at : at + step] for at in range(0, size, step)]

    await store.put(KEY, pieces(*chunks))

    assert await read(store) == (size, content[:size])
    assert files(folder) == [folder / KEY]


@pytest.mark.parametrize("size", [0, 1, LARGE])
async def test_a_stream_that_fails_leaves_nothing_and_says_why(
    store: FileStore, folder: Path, size: int
) -> None:
    with pytest.raises(TooLarge) as raised:
        await store.put(KEY, pieces(bytes(size), error=TooLarge(5)))

    assert raised.value.limit == 5
    assert files(folder) == []
    with pytest.raises(FileNotFoundError):
        await store.get(KEY)


async def test_a_deleted_file_is_gone_and_may_be_deleted_again(
    store: FileStore, folder: Path
) -> None:
    await store.put(KEY, pieces(b"x"))
    await store.delete(KEY)
    await store.delete(KEY)

    with pytest.raises(FileNotFoundError):
        await store.get(KEY)
    assert files(folder) == []


async def test_neighbours_of_a_deleted_file_stay(store: FileStore) -> None:
    other = KEY.replace("/key/", "/other/")
    await store.put(KEY, pieces(b"x"))
    await store.put(other, pieces(b"y"))
    await store.delete(KEY)

    assert await read(store, other) == (1, b"y")


@pytest.mark.parametrize("key", ["../secret.txt", "a/../../secret.txt", "/etc/hostname"])
async def test_no_key_leads_out_of_the_folder(store: FileStore, folder: Path, key: str) -> None:
    (folder.parent / "secret.txt").write_text("secret")
    with pytest.raises(Exception, match=r".") as raised:
        await store.get(key)
    assert "secret" not in str(raised.value).replace("secret.txt", "")


async def test_stores_in_memory_work_alike() -> None:
    store = open_files("memory:///")
    await store.put(KEY, pieces(b"a", b"b"))
    assert await read(store) == (2, b"ab")
    await store.delete(KEY)
    await store.delete(KEY)
    with pytest.raises(FileNotFoundError):
        await store.get(KEY)


async def test_a_part_is_read_from_where_it_begins(store: FileStore) -> None:
    content = bytes(range(256)) * 10_000
    await store.put(KEY, pieces(content))
    for span in [(0, 1), (1000, 2_000_000), (len(content) - 1, len(content))]:
        found = b"".join([chunk async for chunk in await store.get(KEY, span)])
        assert found == content[slice(*span)]
    with pytest.raises(FileNotFoundError):
        await store.get(f"{KEY}x", (0, 1))


async def test_keys_of_an_older_system_are_kept_as_they_are(store: FileStore, folder: Path) -> None:
    old = ["tickets/attachments/2025/11/shot1.png", "tickets/attachments/2025/11/Zoné 1 (2)%20.png"]
    for key in old:
        await store.put(key, pieces(b"old"))
        assert await read(store, key) == (3, b"old")
        assert (folder / key).is_file()


async def test_what_is_stored_is_on_the_disk_before_anything_names_it(
    store: FileStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    whole: list[bool] = []

    def fsync(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        whole.append((folder / KEY).stat().st_size == 300_000)
        real(descriptor)

    real = os.fsync
    monkeypatch.setattr(os, "fsync", fsync)
    await store.put(KEY, pieces(bytes(300_000)))

    # The file, and each folder that had to be made for it.
    assert synced == [folder / KEY, *(folder / KEY).parents[:6]]
    assert synced[-1] == folder
    assert all(whole)


async def test_a_disk_that_fails_is_told_and_keeps_nothing(
    store: FileStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fsync(_: int) -> None:
        raise OSError(errno.EIO, "planted")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(Unavailable, match="Nothing was changed"):
        await store.put(KEY, pieces(b"x"))
    assert files(folder) == []


async def test_a_failed_upload_leaves_no_empty_folders(store: FileStore, folder: Path) -> None:
    other = "tickets/attachments/2025/11/other/a"
    await store.put(other, pieces(b"x"))
    with pytest.raises(TooLarge):
        await store.put(KEY, pieces(b"x", error=TooLarge(5)))
    assert inside((folder / other).parents[1]) == [(folder / other).parent]
    await store.delete(other)
    with pytest.raises(TooLarge):
        await store.put(KEY, pieces(b"x", error=TooLarge(5)))
    assert inside(folder) == []


async def test_uploads_and_deletions_at_once_do_not_disturb_each_other(
    store: FileStore, folder: Path
) -> None:
    """Each may remove folders that are empty, while others are about to write there."""

    async def work(worker: int) -> None:
        for number in range(12):
            key = f"tickets/attachments/2025/11/{worker}-{number}/a"
            if number % 3:
                await store.put(key, pieces(b"x"))
                assert await read(store, key) == (1, b"x")
                await store.delete(key)
            else:
                with pytest.raises(TooLarge):
                    await store.put(key, pieces(b"x", error=TooLarge(5)))

    await asyncio.gather(*(work(worker) for worker in range(8)))
    assert inside(folder) == []


async def test_a_cancelled_upload_leaves_nothing(store: FileStore, folder: Path) -> None:
    waiting = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield bytes(LARGE)
        waiting.set()
        await asyncio.Event().wait()

    putting = asyncio.create_task(store.put(KEY, endless()))
    await waiting.wait()
    assert len(files(folder)) == 1
    putting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await putting
    assert inside(folder) == []


async def test_a_file_that_cannot_be_removed_is_left_to_the_sweep(
    store: FileStore, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / KEY).mkdir(parents=True)
    await store.delete(KEY)
    assert "the sweep will find it" in caplog.text
    assert KEY not in caplog.text


async def test_a_folder_gives_no_links(store: FileStore) -> None:
    await store.put(KEY, pieces(b"x"), name="photo.png", content_type="image/png")
    assert await store.link(KEY, "photo.png", "image/png") is None
