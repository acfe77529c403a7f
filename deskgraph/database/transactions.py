"""Transactions of writes whose statements go to the driver as they are.

Their connections are those of the engine for writes (``deskgraph/database/writers.py``).
"""

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

import asyncpg
from sqlalchemy import Dialect

from deskgraph.database.postgres.connections import leave_values_out
from deskgraph.database.postgres.reader import is_too_large
from deskgraph.database.sqlite.reader_thread import DriverRow
from deskgraph.database.sqlite.writer import SqliteWriter
from resolvers.errors import AnswerTooLarge
from resolvers.request_record import SqlTimer
from resolvers.write_statements import Statement, Step, StoredRow, Values, runs

# Sees the text of each statement.
Observe = Callable[[str], None]


class PostgresTransaction:
    """A transaction of asyncpg, which keeps each statement prepared per connection."""

    def __init__(
        self, connection: "asyncpg.Connection", dialect: Dialect, observe: Observe | None
    ) -> None:
        self._connection = connection
        self._dialect = dialect
        self._observe = observe

    async def begin(self, *, fresh: bool) -> None:
        """Begin."""
        with SqlTimer("BEGIN"):
            await self._connection.execute("BEGIN")

    async def fetch_row(self, statement: Statement, values: Values) -> StoredRow | None:
        """Run a statement and return its first row."""
        return next(iter(await self.fetch(statement, values)), None)

    async def fetch(self, statement: Statement, values: Values) -> list[StoredRow]:
        """Run a statement and return its rows."""
        compiled = statement.compiled(self._dialect)
        rows = await self._fetch(compiled.sql, compiled.values(values))
        return [compiled.row(row) for row in rows]

    async def fetch_finished(self, sql: str, values: Sequence[object], most: int) -> DriverRow:
        """Run the finished statement of a read and return its first row as the driver has it.

        Raises ``AnswerTooLarge``, with ``most``, where PostgreSQL cannot make a value of it.
        """
        try:
            return next(iter(await self._fetch(sql, values)), None)
        except asyncpg.PostgresError as error:
            if is_too_large(error):
                raise AnswerTooLarge(most) from None
            raise

    async def _fetch(self, sql: str, values: Sequence[object]) -> list[DriverRow]:
        if self._observe is not None:
            self._observe(sql)
        try:
            with SqlTimer(sql):
                found: list[DriverRow] = await self._connection.fetch(sql, *values)
        except asyncpg.PostgresError as error:
            leave_values_out(error)
            raise
        return found

    async def execute(self, *steps: Step) -> None:
        """Run statements one after the other, neighbours that are the same in one round trip."""
        for statement, same in runs(steps):
            if len(same) == 1:
                await self.fetch(statement, same[0])
            elif statement.many is not None and statement.many.fits(same):
                await self.fetch(*statement.many.step(same))
            else:
                compiled = statement.compiled(self._dialect)
                await self._run_many(compiled.sql, [compiled.values(one) for one in same])

    async def _run_many(self, sql: str, rows: list[list[object]]) -> None:
        if self._observe is not None:
            self._observe(sql)
        try:
            with SqlTimer(sql):
                await self._connection.executemany(sql, rows)
        except asyncpg.PostgresError as error:
            leave_values_out(error)
            raise

    async def commit(self) -> None:
        """Commit; raises where a statement has failed, for which the server only rolls back."""
        with SqlTimer("COMMIT"):
            status = await self._connection.execute("COMMIT")
        if status != "COMMIT":
            raise RuntimeError("the transaction was rolled back")

    async def rollback(self) -> None:
        """Undo what was done."""
        if self._connection.is_in_transaction():
            await self._connection.execute("ROLLBACK")


class SqliteTransaction:
    """A part in the transactions of all writers; each call is one hop to their thread."""

    def __init__(self, writer: SqliteWriter, dialect: Dialect, observe: Observe | None) -> None:
        self._writer = writer
        self._dialect = dialect
        self._observe = observe

    async def begin(self, *, fresh: bool) -> None:
        """Wait for the turn and take the write lock."""
        self._writer.fresh = fresh
        with SqlTimer("BEGIN"):
            await self._writer.begin()

    def _see(self, sql: str) -> None:
        if self._observe is not None:
            self._observe(sql)

    async def fetch_row(self, statement: Statement, values: Values) -> StoredRow | None:
        """Run a statement and return its first row."""
        return next(iter(await self.fetch(statement, values)), None)

    async def fetch(self, statement: Statement, values: Values) -> list[StoredRow]:
        """Run a statement and return its rows."""
        compiled = statement.compiled(self._dialect)
        self._see(compiled.sql)
        rows = await self._fetch(compiled.sql, compiled.values(values))
        return [compiled.row(row) for row in rows]

    async def fetch_finished(self, sql: str, values: Sequence[object], most: int) -> DriverRow:
        """Run the finished statement of a read and return its first row as the driver has it.

        Raises ``AnswerTooLarge`` where a value of it would have more than ``most`` bytes.
        """
        self._see(sql)
        try:
            with SqlTimer(sql):
                found = await self._writer.run(
                    lambda connection: _run_within(connection, sql, values, most)
                )
        except sqlite3.DataError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_TOOBIG:
                raise
        except MemoryError:
            pass
        else:
            return next(iter(found), None)
        raise AnswerTooLarge(most)

    async def _fetch(self, sql: str, values: Sequence[object]) -> list[DriverRow]:
        with SqlTimer(sql):
            found: list[DriverRow] = await self._writer.run(
                lambda connection: _run(connection, sql, values)
            )
        return found

    async def execute(self, *steps: Step) -> None:
        """Run statements one after the other."""
        ready = []
        for statement, same in runs(steps):
            compiled = statement.compiled(self._dialect)
            self._see(compiled.sql)
            ready.append((compiled.sql, [compiled.values(one) for one in same]))

        def run(connection: sqlite3.Connection) -> None:
            for sql, rows in ready:
                if len(rows) == 1:
                    _run(connection, sql, rows[0])
                else:
                    connection.executemany(sql, rows).close()

        with SqlTimer(*(sql for sql, _ in ready)):
            await self._writer.run(run)

    async def commit(self) -> None:
        """Wait until what was done is on the disk."""
        with SqlTimer("COMMIT"):
            await self._writer.commit()

    async def rollback(self) -> None:
        """Undo what was done."""
        await self._writer.rollback()


def _run(connection: sqlite3.Connection, sql: str, values: Sequence[object]) -> list[Any]:
    cursor = connection.execute(sql, values)
    try:
        return cursor.fetchall()
    finally:
        # A statement that is held would keep a transaction from ending.
        cursor.close()


def _run_within(
    connection: sqlite3.Connection, sql: str, values: Sequence[object], most: int
) -> list[Any]:
    """Run a read as a connection for reads does: no value may have more bytes than this."""
    before = connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, most)
    try:
        return _run(connection, sql, values)
    finally:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, before)
