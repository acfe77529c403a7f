"""The file store: streams in and out, and nothing stays behind of what fails."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from resolvers.errors import TooLarge
from server.files import FileStore, open_files
from server.stores import FilesUrlError, open_store

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


@pytest.mark.parametrize("url", ["", "nonsense", "ftp://user:hunter2@host/x", "s3://"])
def test_a_url_that_cannot_be_used_is_told_without_repeating_it(url: str) -> None:
    with pytest.raises(FilesUrlError) as raised:
        open_store(url)
    assert "hunter2" not in str(raised.value)
    assert str(raised.value).startswith("The files URL cannot be used")


def test_a_folder_may_be_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    open_store("file://var/media")
    assert (tmp_path / "var" / "media").is_dir()
