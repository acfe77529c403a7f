"""The position of the primary: who shares a statement, and who needs a later one."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from deskgraph.database.postgres.reader import Check, PostgresReader
from deskgraph.database.replicas.positions import PrimaryPosition
from resolvers.services import Instruments

pytestmark = pytest.mark.anyio


class Held(PostgresReader):
    """Answers each statement with its number, once it is let go."""

    def __init__(self) -> None:
        super().__init__("postgresql://nowhere/desk", None, 0, instruments=Instruments())
        self.begun = 0
        self.go_on = asyncio.Semaphore(0)

    async def fetch_row(
        self,
        sql: str,
        values: Sequence[object],
        user: str | None = None,
        check: Check | None = None,
    ) -> Any:
        self.begun += 1
        number = self.begun
        await self.go_on.acquire()
        return (number,)


async def settle() -> None:
    """Let every task go as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_those_who_come_while_a_statement_runs_share_the_next_one() -> None:
    reader = Held()
    position = PrimaryPosition(reader)
    first = asyncio.create_task(position.now())
    await settle()
    later = [asyncio.create_task(position.now()) for _ in range(3)]
    await settle()
    assert reader.begun == 1
    # One of those who share it leaves.
    later.pop().cancel()
    reader.go_on.release()
    assert await first == 1
    reader.go_on.release()
    assert await asyncio.gather(*later) == [2, 2]
    assert reader.begun == 2


async def test_after_one_that_failed_the_next_one_is_asked() -> None:
    class Failing(Held):
        async def fetch_row(self, *args: Any, **options: Any) -> Any:
            row = await super().fetch_row(*args, **options)
            if row == (1,):
                raise ConnectionResetError
            return row

    reader = Failing()
    position = PrimaryPosition(reader)
    reader.go_on.release()
    with pytest.raises(ConnectionResetError):
        await position.now()
    reader.go_on.release()
    assert await position.now() == 2
