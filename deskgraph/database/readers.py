"""The lean pool for reads on SQLite: finished SQL texts with their values go to the driver.

A read whose task is cancelled raises ``CancelledError``, and its thread interrupts the statement.
"""

import sqlite3
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import monotonic
from typing import Protocol

from deskgraph.database.pragmas import Function, add_functions, set_pragmas
from deskgraph.database.sqlite.reader_thread import DriverRow, SqliteReaderThread, Statement
from deskgraph.private_files import create_private
from resolvers.errors import AnswerTooLarge
from resolvers.services import Instruments

SQLITE_READERS = 4
# How much memory SQLite may use in this process, in bytes. Its caches make room in time.
SQLITE_HEAP = 1024**3

Observer = Callable[[str], None]


class Reader(Protocol):
    """The lean pool for reads."""

    async def open(self) -> None: ...  # noqa: D102
    async def fetch_row(  # noqa: D102
        self, sql: str, values: Sequence[object], user: str | None = None
    ) -> DriverRow: ...
    async def close(self) -> None: ...  # noqa: D102


class SqliteReader:
    """Reads through a few connections, none of which can write.

    Quick reads queue for one of them: statements of two at once slow each other down by more than
    the second core gives, because SQLite's memory has one lock. The others are for what comes
    while a slow statement runs, and for what waited behind it.
    """

    def __init__(
        self,
        path: str,
        functions: Mapping[str, Function],
        observer: Observer | None,
        max_answer_bytes: int,
        instruments: Instruments,
    ) -> None:
        self._path = path
        self._functions = functions
        self._max_answer_bytes = max_answer_bytes
        self._observer = observer
        self._instruments = instruments
        self._reader_threads: list[SqliteReaderThread] = []
        # Those for which every thread that they may use is slow.
        self._pending: deque[Statement] = deque()

    @property
    def waiting(self) -> int:
        """How many statements run or wait."""
        pending = sum(not statement.rows.done() for statement in self._pending)
        return pending + sum(reader_thread.waiting for reader_thread in self._reader_threads)

    async def open(self) -> None:
        """Open the connections."""
        for _ in range(SQLITE_READERS):
            reader_thread = SqliteReaderThread(self._connect, self._go_on)
            await reader_thread.open()
            self._reader_threads.append(reader_thread)

    def _connect(self) -> sqlite3.Connection:
        create_private(Path(self._path))
        connection = sqlite3.connect(self._path, isolation_level=None)
        heap = f"PRAGMA hard_heap_limit={SQLITE_HEAP}"
        set_pragmas(connection, "PRAGMA query_only=ON", heap)
        add_functions(connection, self._functions)
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, self._max_answer_bytes)
        return connection

    async def fetch_row(
        self, sql: str, values: Sequence[object], user: str | None = None
    ) -> DriverRow:
        """Run one statement and return its first row."""
        if self._observer is not None:
            # Not by SQLite, which would also tell of what its own indexes run.
            self._observer(sql)
        asked = monotonic()
        statement = Statement(sql, values, user)
        self._put(statement)
        try:
            return await statement.row()
        except sqlite3.DataError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_TOOBIG:
                raise
        except MemoryError:
            # Until it is done, a function for JSON is held by the limit of the heap only.
            pass
        finally:
            began = monotonic() if statement.began is None else statement.began
            self._instruments.waited("read", began - asked)
        raise AnswerTooLarge(self._max_answer_bytes)

    def _put(self, statement: Statement) -> None:
        """Queue a statement for the first thread that is not slow and that its user may use."""
        reader_threads = self._reader_threads
        user = statement.user
        if user is not None:
            held = [one for one in reader_threads if user in one.users]
            if len(held) >= SQLITE_READERS // 2:
                reader_threads = held
        for reader_thread in reader_threads:
            if not reader_thread.is_slow():
                reader_thread.put(statement)
                return
        self._pending.append(statement)

    def _go_on(self, reader_thread: SqliteReaderThread) -> None:
        """Let others past a statement that is slow, and those that wait go on where one was."""
        waiting = [*(reader_thread.take_back() if reader_thread.is_slow() else ()), *self._pending]
        self._pending.clear()
        for statement in waiting:
            if not statement.rows.done():
                self._put(statement)

    async def close(self) -> None:
        """Close every connection and its thread."""
        for reader_thread in self._reader_threads:
            await reader_thread.close()
        self._reader_threads.clear()
