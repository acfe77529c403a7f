"""Our database, as an import writes it: a transaction for each batch, or one that is undone."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from types import TracebackType
from typing import Self

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from deskgraph.database.database import Database
from deskgraph.database.trigrams import many_writes

# Pages that are read through a mapping of the file count as memory of the process: they would grow
# with the file. The cache has the ends of all indexes: without it a batch reads and writes most
# pages several times.
SQLITE_MEMORY = ("PRAGMA mmap_size=0", "PRAGMA cache_size=-131072")
# Any number that nothing else in the database takes as an advisory lock: "move" in ASCII.
IMPORT_LOCK = 0x6D6F7665


class Target:
    """Gives transactions; in a dry run they are all one, and nothing of it stays."""

    def __init__(self, database: Database, *, dry_run: bool) -> None:
        self.database = database
        self.dry_run = dry_run
        self._stack = AsyncExitStack()
        self._undone: AsyncConnection | None = None

    async def __aenter__(self) -> Self:
        """Begin."""
        if self.database.is_sqlite:
            async with self.database.engine.connect() as connection:
                for pragma in SQLITE_MEMORY:
                    await connection.exec_driver_sql(pragma)
        if self.dry_run:
            connection = await self._stack.enter_async_context(self.database.engine.connect())
            transaction = await connection.begin()
            self._stack.push_async_callback(transaction.rollback)
            self._undone = connection
        elif not self.database.is_sqlite:
            await self._stack.enter_async_context(many_writes(self.database.engine))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        """Undo a dry run; put the indexes back."""
        await self._stack.aclose()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """Give a connection whose work is committed at the end.

        Two imports at once take turns: what one has brought, the other finds.
        """
        if self._undone is not None:
            yield self._undone
            return
        async with self.database.engine.begin() as connection:
            if not self.database.is_sqlite:
                lock = text("SELECT pg_advisory_xact_lock(:key)").bindparams(key=IMPORT_LOCK)
                await connection.execute(lock)
            yield connection
