"""The mutations of bulk jobs: start, cancel, undo."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar
from uuid import UUID

import strawberry
from strawberry import UNSET

from resolvers.bulk import starting
from resolvers.bulk.selection import select_tickets
from resolvers.bulk.undoing import start_undo
from resolvers.commands.batches.updates import BatchChange
from resolvers.context import Context
from resolvers.errors import Invalid, Problem
from resolvers.query.filters.ast import Where
from resolvers.write_statements import Values
from schema.inputs import bulk, bulk_jobs
from schema.inputs.values import raw_values, values_of
from schema.operations.bulk_jobs import payloads
from schema.operations.mutation_field import Made, mutation
from schema.projection.arguments import filter_args, known_id, read_id

Filtered = TypeVar("Filtered")


@strawberry.type
class BulkJobMutation:
    """What starts jobs and ends them."""

    @mutation(
        "Start a job that changes tickets, each by the rules of `updateTicket`.",
        payloads.StartBulkUpdatePayload,
    )
    async def start_bulk_update(
        self, context: Context, given: bulk_jobs.StartBulkUpdateInput
    ) -> Made:
        change = change_of(given)
        chosen = await chosen_by(context, given, select_tickets)
        return {"job": await starting.start_update(context, chosen, change)}

    @mutation(
        "Start a job that deletes tickets, with their comments and files. Staff only.",
        payloads.StartBulkDeletePayload,
    )
    async def start_bulk_delete(
        self, context: Context, given: bulk_jobs.StartBulkDeleteInput
    ) -> Made:
        chosen = await chosen_by(context, given, select_tickets)
        return {"job": await starting.start_delete(context, chosen)}

    @mutation(
        "Start a job that creates tickets, each by the rules of `createTicket`.",
        payloads.StartBulkCreatePayload,
    )
    async def start_bulk_create(
        self, context: Context, given: bulk_jobs.StartBulkCreateInput
    ) -> Made:
        values = [values_of(one) for one in given.inputs]
        return {"job": await starting.start_create(context, values)}

    @mutation(
        "Cancel a job that has not ended: what it has done stays, and can be undone.",
        payloads.CancelBulkJobPayload,
    )
    async def cancel_bulk_job(self, context: Context, given: bulk_jobs.CancelBulkJobInput) -> Made:
        key = known_id(given.id)
        await starting.cancel(context, key)
        return {"job": key}

    @mutation(
        "Start a job that undoes all that another one has done, ticket by ticket: changes, "
        "comments, deletes and new tickets. Those that others have changed since are left as they "
        "are, with an error.",
        payloads.UndoBulkJobPayload,
    )
    async def undo_bulk_job(self, context: Context, given: bulk_jobs.UndoBulkJobInput) -> Made:
        return {"job": await start_undo(context, known_id(given.id))}


def change_of(given: bulk.UpdateTicketsInput | bulk_jobs.StartBulkUpdateInput) -> BatchChange:
    """Return what an input does to each ticket."""
    return BatchChange(
        values_of(given.changes) if given.changes else {},
        given.add_tags or (),
        given.remove_tags or (),
        values_of(given.comment) if given.comment else None,
    )


async def chosen_by(
    context: Context,
    given: bulk.ChosenTickets | bulk_jobs.ChosenForJob,
    choose: Callable[[Context, Where, Values, int | None], Awaitable[Filtered]],
) -> Sequence[UUID | None] | Filtered:
    """Return the ids that are given, or what ``choose`` makes of the filter.

    Raises ``Invalid`` and, for a bad filter, ``BadInput``.
    """
    context.require_viewer()
    expected = None if given.expected_count is UNSET else given.expected_count
    # Null is the same as absent; an empty list is not.
    if isinstance(given.ids, list) == bool(given.filter):
        raise Invalid({"ids": [Problem("ids_or_filter")]})
    if not given.filter:
        if expected is not None:
            raise Invalid({"expected_count": [Problem("only_with_filter")]})
        return [read_id(one) for one in given.ids or ()]
    args = filter_args(raw_values(given.filter))
    return await choose(context, args.where, args.values, expected)
