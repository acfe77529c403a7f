"""The database of the server: one engine for writes, one pool of readers for reads.

Reads are finished SQL texts with their values (``resolvers/query/objects.py``). They go to the
driver as they are, because SQLAlchemy's own way to run a statement costs more than the statement.
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from sqlalchemy import Dialect, event
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util.concurrency import greenlet_spawn
from sqlmodel.ext.asyncio.session import AsyncSession

from deskgraph.database.event_signal import EventSignal, PostgresEventSignal, SqliteEventSignal
from deskgraph.database.failures import Watch
from deskgraph.database.postgres.connections import CommandConnection, PostgresConnection
from deskgraph.database.postgres.reader import PostgresReader
from deskgraph.database.pragmas import Function
from deskgraph.database.readers import Observer, Reader, SqliteReader
from deskgraph.database.replicas.positions import PrimaryPosition
from deskgraph.database.replicas.replica import Replica
from deskgraph.database.replicas.replicated_reader import (
    PROBE_SECONDS,
    WRITES,
    ReplicatedReader,
)
from deskgraph.database.sqlite.reader_thread import DriverRow
from deskgraph.database.ticket_counts.folding import Folding
from deskgraph.database.transactions import PostgresTransaction, SqliteTransaction
from deskgraph.database.units.endings import give_back, to_its_end
from deskgraph.database.units.unit_of_work import UnitOfWork
from deskgraph.database.urls import dsn_of, parse_replica_urls, parse_url
from deskgraph.database.writers import FRESH, postgres_engine, sqlite_engine
from deskgraph.database.writers import sqlite_read_only_engine as read_only_engine
from deskgraph.private_files import create_folder
from resolvers.errors import CHANGES, Changes
from resolvers.request_record import CONNECT, SqlTimer
from resolvers.services import MAX_ANSWER_BYTES, Claim, Instruments
from resolvers.write_statements import Transaction


@dataclass(frozen=True)
class _Readers:
    """Makes the readers of PostgreSQL servers, which are alike."""

    observer: Observer | None
    max_answer_bytes: int
    pooled: bool
    instruments: Instruments

    def of(self, url: URL, **options: int) -> PostgresReader:
        """Return a reader for statements of users and of the server."""
        return self._made(url, self.observer, self.instruments, **options)

    def looking_at(self, url: URL, **options: int) -> PostgresReader:
        """Return a reader that only looks at the state of a server, and is not observed."""
        return self._made(url, None, Instruments(), connections=1, **options)

    def _made(
        self, url: URL, observer: Observer | None, instruments: Instruments, **options: int
    ) -> PostgresReader:
        return PostgresReader(
            dsn_of(url),
            observer,
            self.max_answer_bytes,
            pooled=self.pooled,
            instruments=instruments,
            **options,
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

    engine: AsyncEngine
    reader: Reader
    event_signal: EventSignal

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
        read_only: bool = False,
        command: bool = False,
        instruments: Instruments | None = None,
    ) -> None:
        """Take the URL, SQL functions that SQLite lacks, and who wants to see each statement.

        ``max_answer_bytes``: of a text that a read on SQLite makes. ``pooled``: the URLs lead to
        PgBouncer in transaction mode, ``listen_url`` past it. ``read_only``: the engine refuses
        writes, and no writer of SQLite waits for its reads. ``command``: of a command, which has
        more patience with the network. Raises ``DatabaseUrlError``.
        """
        self.url, self.pooled = parse_url(url), pooled
        replicas = parse_replica_urls(replica_urls, self.url)
        instruments = instruments or Instruments()
        if self.is_sqlite:
            path, more = str(self.url.database), (max_answer_bytes, instruments)
            self.engine = _file_engine(self.url, instruments, functions or {}, read_only)
            self.reader = SqliteReader(path, functions or {}, observer, *more)
            self.event_signal = SqliteEventSignal(path)
        else:
            dsn, kind = dsn_of(self.url), CommandConnection if command else PostgresConnection
            self.engine = postgres_engine(dsn, instruments, kind, pooled, read_only)
            readers = _Readers(observer, max_answer_bytes, pooled, instruments)
            self.reader = readers.all_of(self.url, replicas, probe_seconds)
            self.event_signal = PostgresEventSignal(dsn_of(parse_url(listen_url or url)))
        self._folding = None if self.is_sqlite else Folding(self.engine)
        self._reads, self._writes = (Watch(instruments, writes=one) for one in (False, True))
        self._observer, self.max_answer_bytes = observer, max_answer_bytes
        _observe(self.engine, observer)

    @property
    def is_sqlite(self) -> bool:
        """Whether this is the embedded database."""
        return self.url.get_backend_name() == "sqlite"

    @property
    def dialect(self) -> Dialect:
        """The dialect that read statements are compiled for."""
        return self.engine.dialect

    @property
    def refusal(self) -> str | None:
        """Why the last write of this process was refused, as the end of a sentence."""
        return self._writes.availability.refusal

    async def open(self) -> None:
        """Open the read pool; the write engine connects when it is first used."""
        await self.reader.open()

    async def close(self) -> None:
        """Close all connections."""
        if self._folding is not None:
            await self._folding.close()
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
            with SqlTimer(sql):
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
        engine = self.engine.execution_options(**{FRESH: True}) if fresh else self.engine
        with self.writing():
            CHANGES.set(Changes.NONE)
            async with AsyncSession(engine, expire_on_commit=False) as session:
                yield session
                # Here it can still be cancelled; a commit is not left halfway.
                await session.flush()
                CHANGES.set(Changes.UNKNOWN)
                with SqlTimer("COMMIT"):
                    await to_its_end(session.commit())
        self.committed()

    @asynccontextmanager
    async def write(
        self, *, fresh: bool = False, checks: bool = False
    ) -> AsyncIterator[Transaction]:
        """Give a transaction without a session; all else is as in ``transaction``."""
        with self.writing():
            CHANGES.set(Changes.NONE)
            with SqlTimer(CONNECT):
                pooled = await self.engine.raw_connection()
            driver: Any = pooled.driver_connection
            make = SqliteTransaction if self.is_sqlite else PostgresTransaction
            transaction = make(driver, self.dialect, self._observer)
            try:
                await transaction.begin(fresh=fresh)
                yield transaction
                CHANGES.set(Changes.UNKNOWN)
                await to_its_end(transaction.commit())
            except Exception:
                await give_back(pooled, transaction)
                raise
            except BaseException:
                await to_its_end(greenlet_spawn(pooled.invalidate))
                raise
        pooled.close()
        self.committed()

    def unit_of_work(self, claim: Claim | None = None) -> UnitOfWork:
        """Return the transaction of a request, which begins with its first write."""
        return UnitOfWork(self, self._observer, claim)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Give a block that writes, in which errors of drivers become those of resolvers."""
        WRITES.set(True)
        try:
            yield
        except Exception as error:
            _raise(self._writes, error)

    def committed(self) -> None:
        """Take note of a commit."""
        CHANGES.set(Changes.DONE)
        self._writes.availability.works()
        if self._folding is not None:
            self._folding.committed()
        else:
            # Its readers in this process need not wait until the commit is noticed. PostgreSQL
            # notifies this process, too, and only of what was appended to the log.
            self.event_signal.notify()


def _file_engine(
    url: URL, instruments: Instruments, functions: Mapping[str, Function], read_only: bool
) -> AsyncEngine:
    if read_only:
        return read_only_engine(url)
    create_folder(Path(str(url.database)).parent)
    return sqlite_engine(url, instruments, functions)


def _raise(watch: Watch, error: Exception) -> NoReturn:
    """Raise what an error of a driver means, or the error itself."""
    found = watch.converted(error)
    if found is error:
        raise error
    raise found from error


def _observe(engine: AsyncEngine, observer: Observer | None) -> None:
    if observer is None:
        return
    event.listen(
        engine.sync_engine,
        "before_cursor_execute",
        lambda _conn, _cursor, sql, *_rest: observer(sql),
    )
