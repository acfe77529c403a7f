"""The kinds of jobs whose batches are stored at their start: tickets, or inputs of new ones."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.types import Integer

from models.types import Uuid36
from resolvers.bulk.jobs import BATCHES, OpenJob, read_one
from resolvers.bulk.kinds import BatchResult, ItemResult
from resolvers.bulk.values import typed, typed_change
from resolvers.commands.batches.creates import create_tickets
from resolvers.commands.batches.deletes import delete_tickets
from resolvers.commands.batches.outcomes import Outcome
from resolvers.commands.batches.updates import update_tickets
from resolvers.commands.validation import TICKET
from resolvers.context import Context
from resolvers.errors import Invalid
from resolvers.write_statements import always

Item = TypeVar("Item")
OF_BATCH = (
    BATCHES.c.job_id == bindparam("job_id", type_=Uuid36),
    BATCHES.c.number == bindparam("number", type_=Integer),
)
_ITEMS = always(select(BATCHES.c["items"]).where(*OF_BATCH))


class _StoredBatches(ABC):
    """Jobs with a row for each batch, and a list of items in it."""

    # The list of the input that the items come from.
    listed = "ids"

    async def prepare(self, context: Context, job: OpenJob) -> list[object]:
        """Return the items of the next batch, none after the last."""
        row = await read_one(context.services, _ITEMS, {"job_id": job.id, "number": job.batch})
        return [] if row is None or row[0] is None else row[0]

    async def write(self, context: Context, job: OpenJob, prepared: list[object]) -> BatchResult:
        """Do the batch."""
        outcomes = await self._write(context, job, prepared) if prepared else []
        from_input = job.arguments.get("listed", False)
        items = [
            ItemResult(
                position,
                outcome.id,
                outcome.changed,
                outcome.error,
                (self.listed, str(position)) if from_input else (),
            )
            for position, outcome in enumerate(outcomes, job.done_count)
        ]
        total = job.total_count or 0
        return BatchResult(items, ended=not items or job.done_count + len(items) >= total)

    @abstractmethod
    async def _write(self, context: Context, job: OpenJob, items: list[object]) -> list[Outcome]:
        """Write the items, at least one."""


class UpdateJobs(_StoredBatches):
    """Jobs that change tickets."""

    async def _write(self, context: Context, job: OpenJob, items: list[Any]) -> list[Outcome]:
        change = typed_change(job.arguments)
        return await in_parts(_keys(items), lambda some: update_tickets(context, some, change))


class DeleteJobs(_StoredBatches):
    """Jobs that delete tickets."""

    async def _write(self, context: Context, job: OpenJob, items: list[Any]) -> list[Outcome]:
        return await in_parts(_keys(items), lambda some: delete_tickets(context, some))


class CreateJobs(_StoredBatches):
    """Jobs that create tickets, each by an input."""

    listed = "inputs"

    async def _write(self, context: Context, job: OpenJob, items: list[Any]) -> list[Outcome]:
        return await create_tickets(context, [typed(TICKET, item) for item in items])


def _keys(items: Sequence[str | None]) -> list[UUID | None]:
    return [None if item is None else UUID(item) for item in items]


async def in_parts(
    items: Sequence[Item], write: Callable[[Sequence[Item]], Awaitable[list[Outcome]]]
) -> list[Outcome]:
    """Write some items, by halves where their texts are too long to be held at once."""
    try:
        return await write(items)
    except Invalid as error:
        problems = [one.code for found in error.problems.values() for one in found]
        if problems != ["too_long"]:
            raise
        if len(items) == 1:
            key = items[0]
            return [Outcome(key if isinstance(key, UUID) else None, error=error)]
    middle = len(items) // 2
    return [*await in_parts(items[:middle], write), *await in_parts(items[middle:], write)]
