"""The mutations that undo changes."""

import strawberry

from resolvers.commands.batches.outcomes import BatchMode
from resolvers.commands.batches.undos import undo_tickets
from resolvers.commands.undo.undo import undo
from resolvers.context import Context
from schema.inputs.undo import UndoInput, UndoTicketsInput
from schema.operations import payloads
from schema.operations.bulk_mutations import made
from schema.operations.mutation_field import Made, mutation
from schema.projection.arguments import known_id, read_id


@strawberry.type
class UndoMutation:
    """See ``resolvers.commands.undo``."""

    @mutation(
        "Undo a change of a ticket, a comment or a file: write what was there before, or bring "
        "back what was deleted. All events of the same write are undone together. Refused where "
        "somebody has changed the same fields since.",
        payloads.UndoPayload,
    )
    async def undo(self, context: Context, given: UndoInput) -> Made:
        undone = await undo(context, known_id(given.event_id))
        return {
            "ticket": undone.ticket_id,
            "comment": undone.comment_id,
            "attachment": undone.attachment_id,
        }

    @mutation(
        "Undo changes of up to 100 tickets at once, such as all that `updateTickets`, "
        "`deleteTickets` or `createTickets` has done. All events of a ticket are undone together. "
        "A new ticket or comment is deleted, if nobody has done anything to it since.",
        payloads.UndoTicketsPayload,
    )
    async def undo_tickets(self, context: Context, given: UndoTicketsInput) -> Made:
        keys = [read_id(one) for one in given.event_ids]
        # Null is the same as absent.
        outcomes = await undo_tickets(context, keys, given.mode or BatchMode.EACH)
        return made(outcomes, (), "eventIds", [one.place for one in outcomes])
