"""Transactions of writes whose statements go to the driver as they are.

Their connections are those of the engine for writes (``deskgraph/database/writers.py``).
"""

import sqlite3
from collections.abc import Callable
from typing import Any

import asyncpg
from sqlalchemy import Dialect

from deskgraph.database.postgres import leave_values_out
from deskgraph.database.sqlite.writer import SqliteWriter
from resolvers.request_record import SqlTimer
from resolvers.write_statements import Compiled, Statement, Step, Values

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
        with SqlTimer():
            await self._connection.execute("BEGIN")

    async def fetch_row(self, statement: Statement, values: Values) -> tuple[Any, ...] | None:
        """Run a statement and return its first row."""
        return next(iter(await self.fetch(statement, values)), None)

    async def fetch(self, statement: Statement, values: Values) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows."""
        compiled = statement.compiled(self._dialect)
        if self._observe is not None:
            self._observe(compiled.sql)
        try:
            with SqlTimer():
                rows = await self._connection.fetch(compiled.sql, *compiled.values(values))
        except asyncpg.PostgresError as error:
            leave_values_out(error)
            raise
        return [compiled.row(row) for row in rows]

    async def execute(self, *steps: Step) -> None:
        """Run statements one after the other."""
        for statement, values in steps:
            await self.fetch(statement, values)

    async def commit(self) -> None:
        """Commit; raises where a statement has failed, for which the server only rolls back."""
        with SqlTimer():
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
        with SqlTimer():
            await self._writer.begin()

    def _see(self, sql: str) -> None:
        if self._observe is not None:
            self._observe(sql)

    async def fetch_row(self, statement: Statement, values: Values) -> tuple[Any, ...] | None:
        """Run a statement and return its first row."""
        return next(iter(await self.fetch(statement, values)), None)

    async def fetch(self, statement: Statement, values: Values) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows."""
        compiled, given = self._ready(statement, values)
        with SqlTimer():
            rows = await self._writer.run(lambda connection: _run(connection, compiled.sql, given))
        return [compiled.row(row) for row in rows]

    async def execute(self, *steps: Step) -> None:
        """Run statements one after the other."""
        ready = [self._ready(statement, values) for statement, values in steps]

        def run(connection: sqlite3.Connection) -> None:
            for compiled, given in ready:
                _run(connection, compiled.sql, given)

        with SqlTimer():
            await self._writer.run(run)

    def _ready(self, statement: Statement, values: Values) -> tuple[Compiled, list[object]]:
        compiled = statement.compiled(self._dialect)
        self._see(compiled.sql)
        return compiled, compiled.values(values)

    async def commit(self) -> None:
        """Wait until what was done is on the disk."""
        with SqlTimer():
            await self._writer.commit()

    async def rollback(self) -> None:
        """Undo what was done."""
        await self._writer.rollback()


def _run(connection: sqlite3.Connection, sql: str, values: list[object]) -> list[Any]:
    cursor = connection.execute(sql, values)
    try:
        return cursor.fetchall()
    finally:
        # A statement that is held would keep a transaction from ending.
        cursor.close()
