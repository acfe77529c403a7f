"""How transactions end where their task is cancelled, or where they fail."""

import asyncio
from collections.abc import Coroutine

from sqlalchemy.pool import PoolProxiedConnection
from sqlalchemy.util.concurrency import greenlet_spawn

from deskgraph.database.transactions import PostgresTransaction, SqliteTransaction


async def give_back(
    pooled: PoolProxiedConnection, transaction: PostgresTransaction | SqliteTransaction
) -> None:
    """Undo a write that failed, and give its connection back; a broken one is closed."""
    try:
        await transaction.rollback()
    except BaseException as error:
        await to_its_end(greenlet_spawn(pooled.invalidate))
        if not isinstance(error, Exception):
            raise
    else:
        pooled.close()


async def to_its_end(work: Coroutine[object, object, None]) -> None:
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
