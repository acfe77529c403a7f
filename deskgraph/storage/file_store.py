"""The file store: streams in and out of a folder or an object store, through obstore."""

import asyncio
import logging
import os
import re
from collections.abc import AsyncIterator, Awaitable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

import obstore
from obstore.exceptions import (
    BaseError,
    GenericError,
    PermissionDeniedError,
    UnauthenticatedError,
)
from obstore.store import AzureStore, GCSStore, LocalStore, MemoryStore, ObjectStore, S3Store

from deskgraph.availability import Availability
from deskgraph.private_files import FILE_MODE, create_folder
from deskgraph.storage.store_urls import open_place
from resolvers.errors import Unavailable
from resolvers.request_record import span
from resolvers.services import Instruments
from rest_compat.http.downloads import disposition

PART = "file store"
_LABEL = "file_store"
# What may fail, as metrics name it.
OPERATIONS = ("put", "get", "exists", "link", "delete", "check")
CHUNK = 256 * 1024
# How many parts of 5 MiB an upload to an object store may hold in memory.
PARTS = 2
# How long a link straight to the store is good: it is followed at once.
LINK_LIFE = timedelta(minutes=1)
# The file that a check of the store writes, and its size.
TRIAL_KEY = "readiness"
TRIAL_BYTES = 4096
# What the store raises where it is away, full or read-only. S3's own errors have no other class.
_FAILURES = (GenericError, PermissionDeniedError, UnauthenticatedError, OSError)
# How obstore tells the error of a file system. The rest of its text may have keys and addresses.
_SYSTEM_ERROR = re.compile(r"\(os error (\d+)\)")
logger = logging.getLogger("deskgraph.files")

Found = TypeVar("Found")


def open_files(url: str, instruments: Instruments | None = None) -> "FileStore":
    """Open the files of a URL; raises ``FilesUrlError``."""
    place = open_place(url)
    return FileStore(place.store, redirect=place.redirect, instruments=instruments)


class FileStore:
    """What resolvers need of a store, see ``resolvers.services.Files``."""

    def __init__(
        self,
        store: ObjectStore,
        *,
        redirect: bool = False,
        instruments: Instruments | None = None,
    ) -> None:
        """Take a store, whether it may be asked for links of its own, and what counts failures."""
        self.store = store
        self.folder: Path | None = store.prefix if isinstance(store, LocalStore) else None
        self._redirect = redirect
        self._keeps_attributes = not isinstance(store, LocalStore | MemoryStore)
        self._instruments = instruments or Instruments()
        report = partial(self._instruments.turned, _LABEL)
        self._reads = Availability(logger, PART, "reads", partial(report, "read"))
        self._writes = Availability(logger, PART, "writes", partial(report, "write"))

    async def put(
        self,
        key: str,
        chunks: AsyncIterator[bytes],
        *,
        name: str | None = None,
        content_type: str | None = None,
    ) -> None:
        """Store a stream with constant memory; nothing stays behind if the stream fails.

        When this returns, the file survives a loss of power. Name and type are what an object
        store answers with where it serves the file itself. Raises ``Unavailable``.
        """
        attributes = None
        if self._keeps_attributes and name is not None and content_type is not None:
            attributes = _attributes(name, content_type)
        with span("file_store put"):
            try:
                await self._put(key, _Source(chunks), attributes)
            except _FAILURES as error:
                raise self._unavailable("put", error) from error
        self._writes.works()

    async def _put(self, key: str, source: "_Source", attributes: dict[str, str] | None) -> None:
        if self.folder is not None:
            await asyncio.to_thread(_make_folders, self.folder, (self.folder / key).parent)
        storing = asyncio.ensure_future(
            obstore.put_async(self.store, key, source, attributes=attributes, max_concurrency=PARTS)
        )
        try:
            await asyncio.shield(storing)
            if self.folder is not None:
                await asyncio.to_thread(_sync, self.folder, key)
        except BaseException:
            # The store gives up what it has of a file when its source fails, not when we go away.
            source.stop()
            await asyncio.wait([storing])
            if storing.exception() is None:
                await self.delete(key)
            elif self.folder is not None:
                await asyncio.to_thread(prune, self.folder, (self.folder / key).parent)
            raise

    async def get(self, key: str, span: tuple[int, int] | None = None) -> AsyncIterator[bytes]:
        """Return the content, or the bytes from a start up to an end; only those are read.

        Raises ``FileNotFoundError`` and ``Unavailable``, and the latter in the middle, too.
        """
        options: obstore.GetOptions | None = None if span is None else {"range": span}
        found = await self._read("get", obstore.get_async(self.store, key, options=options))
        return self._bytes(found.stream(min_chunk_size=CHUNK))

    async def exists(self, key: str) -> bool:
        """Return whether there is a file under a key; raises ``Unavailable``."""
        try:
            await self._read("exists", obstore.head_async(self.store, key))
        except FileNotFoundError:
            return False
        return True

    async def _read(self, operation: str, reading: Awaitable[Found]) -> Found:
        """Wait for a read; raises ``FileNotFoundError`` and ``Unavailable``."""
        try:
            with span(f"file_store {operation}"):
                found = await reading
        except FileNotFoundError as error:
            if self.folder is not None and not await asyncio.to_thread(self.folder.exists):
                raise self._unavailable(operation, error) from error
            raise
        except _FAILURES as error:
            raise self._unavailable(operation, error) from error
        self._reads.works()
        return found

    async def _bytes(self, stream: "obstore.BytesStream") -> AsyncIterator[bytes]:
        try:
            async for chunk in stream:
                yield bytes(chunk)
        except _FAILURES as error:
            raise self._unavailable("get", error) from error

    def _unavailable(self, operation: str, error: Exception) -> Unavailable:
        """Return what an error of the store means, and note it."""
        availability = self._reads if operation in ("get", "exists") else self._writes
        availability.fails(_reason(error))
        self._instruments.failed(_LABEL, operation)
        return Unavailable(PART)

    async def link(self, key: str, name: str, content_type: str) -> str | None:
        """Return an address at the store itself, good for a minute, that downloads the file.

        None where the store cannot give one, or would not answer with this name and type: the file
        was renamed since it was stored, or somebody else put it there.
        """
        store = self.store
        if not self._redirect or not isinstance(store, AzureStore | GCSStore | S3Store):
            return None
        try:
            with span("file_store link"):
                found = await obstore.get_async(store, key, options={"head": True})
                if not _attributes(name, content_type).items() <= dict(found.attributes).items():
                    return None
                return str(await obstore.sign_async(store, "GET", key, LINK_LIFE))
        except FileNotFoundError:
            return None
        except BaseError as error:
            self._instruments.failed(_LABEL, "link")
            # The kind of credentials may be one that cannot sign.
            logger.warning("the file store gave no link (%s); sent through", type(error).__name__)
            return None

    async def delete(self, key: str) -> None:
        """Remove a file; one that is gone already is no error.

        Neither is a store that fails: the row is deleted, and the orphan cleanup finds the file.
        """
        try:
            with span("file_store delete"):
                await self.remove([key])
        except (BaseError, OSError) as error:
            self._instruments.failed(_LABEL, "delete")
            logger.warning(
                "a deleted file is still in the store (%s); the sweep will find it",
                type(error).__name__,
            )

    async def remove(self, keys: list[str]) -> None:
        """Remove files, of which some may be gone already; raises what the store raises."""
        try:
            await obstore.delete_async(self.store, keys)
        except FileNotFoundError:
            for key in keys:
                with suppress(FileNotFoundError):
                    await obstore.delete_async(self.store, key)

    async def try_to_write(self) -> None:
        """Write and remove a small file; raises ``Unavailable`` where that fails."""
        try:
            if self.folder is not None:
                await asyncio.to_thread(_make_folders, self.folder, self.folder)
            await obstore.put_async(self.store, TRIAL_KEY, bytes(TRIAL_BYTES))
        except _FAILURES as error:
            raise self._unavailable("check", error) from error
        self._writes.works()
        # Another process may have removed it already.
        with suppress(FileNotFoundError):
            await obstore.delete_async(self.store, TRIAL_KEY)


class _Source:
    """The chunks of an upload, which can be stopped from outside while one is waited for."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self._waiting: asyncio.Task[object] | None = None
        self._stopped = False

    def __aiter__(self) -> "_Source":
        return self

    async def __anext__(self) -> bytes:
        if self._stopped:
            raise ConnectionAbortedError
        self._waiting = asyncio.current_task()
        try:
            return await anext(self._chunks)
        finally:
            self._waiting = None

    def stop(self) -> None:
        self._stopped = True
        if self._waiting is not None:
            self._waiting.cancel()


def _attributes(name: str, content_type: str) -> dict[str, str]:
    return {"Content-Disposition": disposition(name), "Content-Type": content_type}


def _make_folders(store: Path, folder: Path) -> None:
    """Make a folder of the store before there is anything in it: obstore's may be read by others.

    Raises ``FileNotFoundError`` where the store itself is gone. What would be stored in a new one
    is lost when it comes back.
    """
    store.stat()
    create_folder(folder)


def _sync(folder: Path, key: str) -> None:
    """Sync a file and the folders above it to the disk: obstore leaves that to the system.

    The database commits durably, so a row must not outlive its file in a loss of power.
    """
    path = folder / key
    path.chmod(FILE_MODE)
    for each in (path, *path.parents):
        descriptor = os.open(each, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if each == folder:
            return


def prune(folder: Path, path: Path) -> None:
    """Remove a folder of the store and those above it, as far as they are empty."""
    while path != folder and folder in path.parents:
        try:
            path.rmdir()
        except OSError:
            return
        path = path.parent


def _reason(error: Exception) -> str:
    """Return what of an error of the store may be logged."""
    found = _SYSTEM_ERROR.search(str(error))
    number = error.errno if isinstance(error, OSError) else None
    number = int(found[1]) if found else number
    return type(error).__name__ if number is None else os.strerror(number)
