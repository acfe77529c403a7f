"""The inputs of the mutations that write many tickets at once."""

import strawberry
from strawberry import ID

from schema.inputs.filters import TicketFilter
from schema.inputs.tickets import NewTicketInput, TicketChangesInput
from schema.inputs.values import write_input
from schema.types.descriptions import argument, field
from schema.types.enums import BatchMode

_IDS = "The tickets, 1 to 100, each of them once; give either these or `filter`."
_FILTER = "The tickets that this chooses for the viewer, at most 100; it needs `expectedCount`."
_COUNT = (
    "How many tickets `filter` is to match: if it matches another number, nothing is changed and "
    "the error CONFLICT tells it."
)
_MODE = "What happens to the others if some tickets are refused; EACH if absent."


@strawberry.input(description="A comment that each of the tickets gets, for `updateTickets`.")
class NewCommentInput:
    text: str = field("What is to be said; it may not be blank.")
    is_internal: bool | None = argument(
        "Whether it is a note among staff, which customers never see.", default=False
    )


@strawberry.input
class ChosenTickets:
    """Which tickets, by one of two ways."""

    ids: list[ID] | None = argument(_IDS)
    filter: TicketFilter | None = argument(_FILTER)
    expected_count: int | None = argument(_COUNT)


@write_input("Tickets and what is done to each of them, for `updateTickets`.")
class UpdateTicketsInput(ChosenTickets):
    changes: TicketChangesInput | None = argument("The fields to change; the others stay.")
    add_tags: list[str] | None = argument("Tags that each ticket has from now on, too.")
    remove_tags: list[str] | None = argument("Tags that no ticket has from now on.")
    comment: NewCommentInput | None = argument("A comment on each ticket that is not refused.")
    mode: BatchMode | None = argument(_MODE, default=BatchMode.EACH)


@write_input("Which tickets to delete, for `deleteTickets`.")
class DeleteTicketsInput(ChosenTickets):
    mode: BatchMode | None = argument(_MODE, default=BatchMode.EACH)


@write_input("New tickets, for `createTickets`.")
class CreateTicketsInput:
    inputs: list[NewTicketInput] = field("The tickets, 1 to 100.")
    mode: BatchMode | None = argument(_MODE, default=BatchMode.EACH)
