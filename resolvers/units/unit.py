"""One transaction for a request, with what belongs to it outside of the database.

Files that it stores go if it is undone, files that it deletes go once it is committed. A process
that ends between the two leaves a file without a row, which the orphan cleanup removes.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

from resolvers.context import Context
from resolvers.errors import Unavailable
from resolvers.services import Claim, FileStorage, UnitOfWork
from resolvers.write_statements import Step


class UnitFiles:
    """A file store whose changes last only if the unit of work is committed."""

    def __init__(self, files: FileStorage) -> None:
        self._files = files
        self._stored: list[str] = []
        self._deleted: list[str] = []

    async def put(
        self,
        key: str,
        chunks: AsyncIterator[bytes],
        *,
        name: str | None = None,
        content_type: str | None = None,
    ) -> None:
        """Store a stream under a key that must be new."""
        # Before it is stored: what is half done goes, too.
        self._stored.append(key)
        await self._files.put(key, chunks, name=name, content_type=content_type)

    async def get(self, key: str, span: tuple[int, int] | None = None) -> AsyncIterator[bytes]:
        """Return the content, or a span of it by start and end; raises ``FileNotFoundError``."""
        return await self._files.get(key, span)

    async def exists(self, key: str) -> bool:
        """Tell whether there is a file."""
        return await self._files.exists(key)

    async def link(self, key: str, name: str, content_type: str) -> str | None:
        """Return a short-lived address of the store that downloads a file under this name."""
        return await self._files.link(key, name, content_type)

    async def delete(self, key: str) -> None:
        """Remove a file once the unit of work is committed."""
        self._deleted.append(key)

    async def try_to_write(self) -> None:
        """Write and remove a small file."""
        await self._files.try_to_write()

    async def end(self, *, committed: bool) -> None:
        """Remove the files that are not wanted any more.

        The orphan cleanup removes those that the store does not: by then the answer stands.
        """
        for key in self._deleted if committed else self._stored:
            with suppress(Unavailable):
                await self._files.delete(key)


class Unit:
    """A unit of work; ``context`` is that of the request, for what is to be done in it."""

    def __init__(self, outer: Context, database: UnitOfWork) -> None:
        self._database = database
        self._outer = outer.services
        self._files = UnitFiles(outer.services.files)
        self._after: list[Callable[[], None]] = []
        # None while it is not known: the answer to a commit may be lost.
        self._is_committed: bool | None = False
        services = replace(
            outer.services,
            database=database,
            files=self._files,
            after_commit=self._after.append,
        )
        self.context = replace(outer, services=services)

    async def commit(self, *last: Step) -> None:
        """Run the last statements, commit all that was done, and do what has waited for it."""
        self._is_committed = None
        try:
            await self._database.commit(*last)
            self._is_committed = True
        finally:
            # Also where it is not known: the task may be cancelled while it commits. All that
            # waits is to look anew at what is stored.
            for call in self._after:
                self._outer.after_commit(call)

    async def end(self) -> None:
        """Remove the files of what was undone, or deleted."""
        if self._is_committed is not None:
            await self._files.end(committed=self._is_committed)


@asynccontextmanager
async def unit_of_work(context: Context, claim: Claim | None = None) -> AsyncIterator[Unit]:
    """Give the transaction of a request, which is undone unless it is committed in the block.

    ``claim`` is what is done first in it. It begins with the first write.
    """
    database = context.services.database.unit_of_work(claim)
    unit = Unit(context, database)
    try:
        async with database:
            yield unit
    finally:
        await unit.end()
