"""A connection of SQLite in a thread of its own, whose calls are never left halfway."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")
# How soon a statement that goes on in spite of an interruption is interrupted again, in seconds.
RETRY_SECONDS = 0.02


class _Call:
    """A call and the future of its result; ``over`` once the loop knows the result."""

    __slots__ = ("function", "over", "result")

    def __init__(self, function: Callable[[sqlite3.Connection], Any]) -> None:
        self.function = function
        self.over = False
        self.result: asyncio.Future[Any] = asyncio.get_running_loop().create_future()


class CallThread:
    """Runs calls on one connection, one after the other."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        """Take what connects, which the first call does in the thread."""
        self._connect = connect
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._connection: sqlite3.Connection | None = None
        # So that a database that is not closed does not keep the process from ending.
        Thread(target=self._work, daemon=True).start()

    @property
    def is_connected(self) -> bool:
        """Whether a call has connected."""
        return self._connection is not None

    @property
    def in_transaction(self) -> bool:
        """Whether the connection has a transaction, as far as the last call has told."""
        return self._connection is not None and self._connection.in_transaction

    async def run(self, function: Callable[[sqlite3.Connection], T], *, stop: bool = False) -> T:
        """Return what a call returns; also where the task is cancelled, the call ends first.

        With ``stop`` its statement is interrupted then. SQLite rolls back a transaction in which a
        statement that writes is interrupted.
        """
        call = _Call(function)
        self._calls.put(call)
        try:
            found: T = await call.result
        except asyncio.CancelledError:
            if not call.over:
                call.result = asyncio.get_running_loop().create_future()
                await self._wait_for_end(call, stop)
            raise
        return found

    async def _wait_for_end(self, call: _Call, stop: bool) -> None:
        while not call.over:
            if stop and self._connection is not None:
                self._connection.interrupt()
            # Not once: SQLite forgets an interruption that comes before the first step.
            with suppress(asyncio.CancelledError):
                await asyncio.wait([call.result], timeout=RETRY_SECONDS if stop else None)
        # Nobody else will ask for it.
        call.result.exception()

    async def close(self) -> None:
        """Roll back, and close the connection after the calls that wait; end the thread."""
        try:
            if self._connection is not None:
                await self.run(_close)
        finally:
            self._calls.put(None)

    def _work(self) -> None:
        """Be the thread."""
        while (call := self._calls.get()) is not None:
            result, failure = None, None
            try:
                if self._connection is None:
                    self._connection = self._connect()
                result = call.function(self._connection)
            except Exception as error:
                failure = error
            call.result.get_loop().call_soon_threadsafe(_end, call, result, failure)


def _close(connection: sqlite3.Connection) -> None:
    # First: a statement that is still held somewhere would keep the transaction, and its lock.
    if connection.in_transaction:
        connection.execute("ROLLBACK")
    connection.close()


def _end(call: _Call, result: object, failure: Exception | None) -> None:
    """Tell the result, unless nobody waits any more."""
    call.over = True
    if call.result.done():
        return
    if failure is None:
        call.result.set_result(result)
    else:
        call.result.set_exception(failure)
