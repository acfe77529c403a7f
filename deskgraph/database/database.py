"""The database of the server: one engine for writes, one pool of readers for reads.

Reads are finished SQL texts with their values (``resolvers/query/objects.py``). They go to the
driver as they are, because SQLAlchemy's own way to run a statement costs more than the statement.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from sqlalchemy import Dialect, event
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import PoolProxiedConnection
from sqlalchemy.util.concurrency import greenlet_spawn
from sqlmodel.ext.asyncio.session import AsyncSession

from deskgraph.database.event_signal import EventSignal, PostgresEventSignal, SqliteEventSignal
from deskgraph.database.failures import Watch
from deskgraph.database.readers import (
    Function,
    Observer,
    PostgresReader,
    Reader,
    SqliteReader,
)
from deskgraph.database.replicas.positions import PrimaryPosition
from deskgraph.database.replicas.replica import Replica
from deskgraph.database.replicas.replicated_reader import (
    PROBE_SECONDS,
    WRITES,
    ReplicatedReader,
)
from deskgraph.database.sqlite.reader_thread import DriverRow
from deskgraph.database.transactions import PostgresTransaction, SqliteTransaction
from deskgraph.database.urls import dsn_of, parse_replica_urls, parse_url
from deskgraph.database.writers import FRESH, postgres_engine, sqlite_engine
from deskgraph.private_files import create_folder
from resolvers.errors import CHANGES, Changes
from resolvers.request_record import SqlTimer
from resolvers.services import MAX_ANSWER_BYTES
from resolvers.write_statements import Transaction


@dataclass(frozen=True)
class _Readers:
    """Makes the readers of PostgreSQL servers, which are alike."""

    observer: Observer | None
    max_answer_bytes: int
    pooled: bool

    def of(self, url: URL, **options: int) -> PostgresReader:
        """Return a reader for statements of users and of the server."""
        return self._made(url, self.observer, **options)

    def looking_at(self, url: URL, **options: int) -> PostgresReader:
        """Return a reader that only looks at the state of a server, and is not observed."""
        return self._made(url, None, connections=1, **options)

    def _made(self, url: URL, observer: Observer | None, **options: int) -> PostgresReader:
        return PostgresReader(
            dsn_of(url), observer, self.max_answer_bytes, pooled=self.pooled, **options
        )

    def replica(self, url: URL) -> Replica:
        """Return a replica, to which no connection is kept while it is away."""
        return Replica(
            f"{url.host or 'localhost'}:{url.port or 5432}/{url.database or ''}",
            partial(self.of, url, first_connections=0),
            partial(self.looking_at, url, first_connections=0),
        )

    def all_of(self, primary: URL, replicas: Sequence[URL], probe_seconds: float) -> Reader:
        """Return the reader of a primary with its replicas; without any, nothing is between."""
        if not replicas:
            return self.of(primary)
        return ReplicatedReader(
            self.of(primary),
            PrimaryPosition(self.looking_at(primary)),
            [self.replica(url) for url in replicas],
            probe_seconds=probe_seconds,
        )


class Database:
    """One database, opened once per process (``open``/``close``)."""

    def __init__(
        self,
        url: str,
        *,
        functions: Mapping[str, Function] | None = None,
        observer: Observer | None = None,
        max_answer_bytes: int = MAX_ANSWER_BYTES,
        pooled: bool = False,
        listen_url: str | None = None,
        replica_urls: Sequence[str] = (),
        probe_seconds: float = PROBE_SECONDS,
    ) -> None:
        """Take the URL, SQL functions that SQLite lacks, and who wants to see each statement.

        ``max_answer_bytes``: how long a text that a read on SQLite makes may get. ``pooled``: the
        URL, and those of replicas, lead to PgBouncer in transaction mode, and ``listen_url`` past
        it. Raises ``DatabaseUrlError``.
        """
        self.url = parse_url(url)
        replicas = parse_replica_urls(replica_urls, self.url)
        self.pooled = pooled
        self.engine: AsyncEngine
        self.reader: Reader
        self.event_signal: EventSignal
        if self.is_sqlite:
            create_folder(Path(path := str(self.url.database)).parent)
            self.engine = sqlite_engine(self.url)
            self.reader = SqliteReader(path, functions or {}, observer, max_answer_bytes)
            self.event_signal = SqliteEventSignal(path)
        else:
            dsn = dsn_of(self.url)
            self.engine = postgres_engine(dsn, pooled=pooled)
            readers = _Readers(observer, max_answer_bytes, pooled)
            self.reader = readers.all_of(self.url, replicas, probe_seconds)
            direct = dsn if listen_url is None else dsn_of(parse_url(listen_url))
            self.event_signal = PostgresEventSignal(direct)
        self._reads, self._writes = Watch("reads", writes=False), Watch("writes", writes=True)
        self._observer = observer
        _observe(self.engine, observer)

    @property
    def is_sqlite(self) -> bool:
        """Whether this is the embedded database."""
        return self.url.get_backend_name() == "sqlite"

    @property
    def dialect(self) -> Dialect:
        """The dialect that read statements are compiled for."""
        return self.engine.dialect

    async def open(self) -> None:
        """Open the read pool; the write engine connects when it is first used."""
        await self.reader.open()

    async def close(self) -> None:
        """Close all connections."""
        await self.event_signal.close()
        await self.reader.close()
        await self.engine.dispose()

    async def fetch_row(
        self, sql: str, values: Sequence[object], user: str | None = None
    ) -> DriverRow:
        """Run one finished read statement and return its only row.

        With replicas, reads of a ``user`` may run on one, outside of tasks that write.
        No ``user`` holds more than half of the connections: others of theirs wait. Where the task
        is cancelled, the statement stops and ``CancelledError`` goes on. Raises ``AnswerTooLarge``
        where the database cannot make a value as long as this needs, and ``Unavailable``.
        """
        try:
            with SqlTimer():
                row = await self.reader.fetch_row(sql, values, user)
        except Exception as error:
            _raise(self._reads, error)
        if self._reads.availability.lost:
            self._reads.availability.works()
        return row

    @asynccontextmanager
    async def transaction(self, *, fresh: bool = False) -> AsyncIterator[AsyncSession]:
        """Give a session whose work is committed at the end, or rolled back on any exception.

        ``fresh`` is for work that also reads by ``fetch_row``, which sees commits only: on SQLite
        transactions share them, so that work of others may be seen here and not there.
        A cancelled task stops its statement in the database, too, and nothing is stored: unless the
        commit had begun, which is waited for before ``CancelledError`` goes on. Raises
        ``Unavailable``.
        """
        WRITES.set(True)
        CHANGES.set(Changes.NONE)
        engine = self.engine.execution_options(**{FRESH: True}) if fresh else self.engine
        try:
            async with AsyncSession(engine, expire_on_commit=False) as session:
                yield session
                # Here it can still be cancelled; a commit is not left halfway.
                await session.flush()
                CHANGES.set(Changes.UNKNOWN)
                with SqlTimer():
                    await _to_its_end(session.commit())
        except Exception as error:
            _raise(self._writes, error)
        self._committed()

    @asynccontextmanager
    async def write(self, *, fresh: bool = False) -> AsyncIterator[Transaction]:
        """Give a transaction without a session; all else is as in ``transaction``."""
        WRITES.set(True)
        CHANGES.set(Changes.NONE)
        try:
            with SqlTimer():
                pooled = await self.engine.raw_connection()
            driver: Any = pooled.driver_connection
            make = SqliteTransaction if self.is_sqlite else PostgresTransaction
            transaction = make(driver, self.dialect, self._observer)
            try:
                await transaction.begin(fresh=fresh)
                yield transaction
                CHANGES.set(Changes.UNKNOWN)
                await _to_its_end(transaction.commit())
            except Exception:
                await _give_back(pooled, transaction)
                raise
            except BaseException:
                await _to_its_end(greenlet_spawn(pooled.invalidate))
                raise
        except Exception as error:
            _raise(self._writes, error)
        pooled.close()
        self._committed()

    def _committed(self) -> None:
        CHANGES.set(Changes.DONE)
        self._writes.availability.works()
        if self.is_sqlite:
            # Its readers in this process need not wait until the commit is noticed. PostgreSQL
            # notifies this process, too, and only of what was appended to the log.
            self.event_signal.notify()


def _raise(watch: Watch, error: Exception) -> NoReturn:
    """Raise what an error of a driver means, or the error itself."""
    found = watch.converted(error)
    if found is error:
        raise error
    raise found from error


async def _give_back(
    pooled: PoolProxiedConnection, transaction: PostgresTransaction | SqliteTransaction
) -> None:
    """Undo a write that failed, and give its connection back; a broken one is closed."""
    try:
        await transaction.rollback()
    except BaseException as error:
        await _to_its_end(greenlet_spawn(pooled.invalidate))
        if not isinstance(error, Exception):
            raise
    else:
        pooled.close()


def _observe(engine: AsyncEngine, observer: Observer | None) -> None:
    if observer is None:
        return
    event.listen(
        engine.sync_engine,
        "before_cursor_execute",
        lambda _conn, _cursor, sql, *_rest: observer(sql),
    )


async def _to_its_end(work: Coroutine[object, object, None]) -> None:
    """Wait for something, and only then pass on that we were cancelled."""
    task = asyncio.create_task(work)
    cancelled = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
    task.result()
    if cancelled is not None:
        raise cancelled
