"""The file store: a folder or an object store, by URL, through obstore."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, from_url

CHUNK = 256 * 1024


class FilesUrlError(Exception):
    """The files URL is not one we can use; the text is a sentence that never repeats it."""


def open_store(url: str) -> Any:
    """Open the store of a URL; ``file://var/media`` is a folder below the working directory.

    Raises ``FilesUrlError``, without the URL: it may hold a key.
    """
    try:
        if url.startswith("file://"):
            folder = Path(url.removeprefix("file://") or ".").absolute()
            return LocalStore(folder, mkdir=True, automatic_cleanup=True)
        return from_url(url)
    except (BaseError, ValueError, OSError) as error:
        raise FilesUrlError(
            "The files URL cannot be used; it looks like file://var/media or s3://bucket/prefix "
            f"({type(error).__name__})."
        ) from None


class FileStore:
    """What resolvers need of a store, see ``resolvers.desk.Files``."""

    def __init__(self, store: Any) -> None:
        self.store = store

    async def put(self, key: str, chunks: AsyncIterator[bytes]) -> None:
        """Store a stream with constant memory; nothing stays behind if the stream fails."""
        await obstore.put_async(self.store, key, chunks)

    async def get(self, key: str) -> tuple[int, AsyncIterator[bytes]]:
        """Return size and content; raises ``FileNotFoundError``."""
        found = await obstore.get_async(self.store, key)
        return found.meta["size"], _bytes(found.stream(min_chunk_size=CHUNK))

    async def delete(self, key: str) -> None:
        """Remove a file; one that is gone already is no error."""
        try:
            await obstore.delete_async(self.store, key)
        except FileNotFoundError:
            return


async def _bytes(stream: Any) -> AsyncIterator[bytes]:
    async for chunk in stream:
        yield bytes(chunk)
