"""The input of the mutation that undoes changes."""

from strawberry import ID

from schema.inputs.values import write_input
from schema.types.descriptions import argument, field
from schema.types.enums import BatchMode


@write_input("Which change to undo, for `undo`.")
class UndoInput:
    event_id: ID = field("The event that tells of the change, such as one of `Ticket.history`.")


@write_input("Which changes to undo, for `undoTickets`.")
class UndoTicketsInput:
    event_ids: list[ID] = field(
        "The events that tell of the changes, 1 to 400 of up to 100 tickets, such as `events` of "
        "`updateTickets`, `deleteTickets` or `createTickets`."
    )
    mode: BatchMode | None = argument(
        "What happens to the others if some tickets are refused; EACH if absent.",
        default=BatchMode.EACH,
    )
