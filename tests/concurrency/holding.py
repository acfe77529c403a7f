"""What somebody else holds while a test writes."""

from contextlib import AsyncExitStack
from typing import Self

from sqlalchemy import select

from models import Ticket, table_of
from resolvers.write_statements import KEY, always, with_key
from tests.support.rows import key
from tests.support.world import World

_tickets = table_of(Ticket)
LOCK_TICKET = always(select(_tickets.c.id).where(with_key(_tickets)).with_for_update())


class Held:
    """A block in which another transaction has locked a ticket."""

    def __init__(self, world: World, name: str) -> None:
        self._world = world
        self._key = key(name)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        transaction = await self._stack.enter_async_context(self._world.database.write())
        await transaction.fetch_row(LOCK_TICKET, {KEY: self._key})
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()
