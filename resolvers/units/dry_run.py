"""Writes that are only tried: everything is done in a transaction, which is then undone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from resolvers.context import Context
from resolvers.units.unit import unit_of_work


@asynccontextmanager
async def dry_run(context: Context) -> AsyncIterator[Context]:
    """Give the context for a write and for reading what it did; nothing of it stays.

    Its ``event_ids`` are those of the events that would have been written.
    """
    async with unit_of_work(context) as unit:
        yield replace(unit.context, event_ids=[])
