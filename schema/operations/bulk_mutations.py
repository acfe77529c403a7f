"""The mutations that write many tickets at once: each is one transaction."""

from collections.abc import Sequence

import orjson
import strawberry

from resolvers.commands.batches.chosen import matching
from resolvers.commands.batches.creates import create_tickets
from resolvers.commands.batches.deletes import delete_tickets
from resolvers.commands.batches.outcomes import BatchMode, Outcome
from resolvers.commands.batches.updates import update_tickets
from resolvers.context import Context
from resolvers.query import binds
from schema.errors.item_errors import item_errors
from schema.inputs import bulk as inputs
from schema.inputs.values import values_of
from schema.operations import payloads
from schema.operations.bulk_jobs.mutations import change_of, chosen_by
from schema.operations.mutation_field import Made, mutation


@strawberry.type
class BulkMutation:
    """What changes many tickets."""

    @mutation(
        "Create up to 100 tickets at once, each by the rules of `createTicket`.",
        payloads.CreateTicketsPayload,
    )
    async def create_tickets(self, context: Context, given: inputs.CreateTicketsInput) -> Made:
        values = [values_of(one) for one in given.inputs]
        outcomes = await create_tickets(context, values, _mode(given.mode))
        return made(outcomes, [None] * len(outcomes), "inputs")

    @mutation(
        "Change up to 100 tickets at once, each by the rules of `updateTicket`.",
        payloads.UpdateTicketsPayload,
    )
    async def update_tickets(self, context: Context, given: inputs.UpdateTicketsInput) -> Made:
        change = change_of(given)
        chosen = await chosen_by(context, given, matching)
        outcomes = await update_tickets(context, chosen, change, _mode(given.mode))
        return made(outcomes, given.ids or (), "ids")

    @mutation(
        "Delete up to 100 tickets at once, with their comments and files. Staff only.",
        payloads.DeleteTicketsPayload,
    )
    async def delete_tickets(self, context: Context, given: inputs.DeleteTicketsInput) -> Made:
        chosen = await chosen_by(context, given, matching)
        outcomes = await delete_tickets(context, chosen, _mode(given.mode))
        return made(outcomes, given.ids or (), "ids")


def _mode(given: BatchMode | None) -> BatchMode:
    # Null is the same as absent.
    return given or BatchMode.EACH


def made(
    outcomes: Sequence[Outcome],
    given: Sequence[object],
    field: str,
    places: Sequence[int] | None = None,
) -> Made:
    """Return what the payload is made of.

    ``given`` are the ids as they came, if any; ``field``: of the input, which lists the tickets;
    ``places``: of each in it, where they are not those of the outcomes.
    """
    results = []
    for number, outcome in enumerate(outcomes):
        key = None if outcome.id is None else str(outcome.id)
        shown = given[number] if given and given[number] is not None else key
        place = number if places is None else places[number]
        errors = [] if outcome.error is None else item_errors(outcome.error, [field, str(place)])
        results.append({"id": shown, "key": None if errors else key, "errors": errors})
    return {
        binds.RESULTS: orjson.dumps(results).decode(),
        "changed_count": sum(outcome.changed for outcome in outcomes),
    }
