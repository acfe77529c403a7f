"""The inputs of the mutations of bulk jobs."""

import strawberry
from strawberry import ID

from resolvers.bulk.jobs import MAX_TICKETS
from schema.inputs.bulk import NewCommentInput
from schema.inputs.filters import TicketFilter
from schema.inputs.tickets import NewTicketInput, TicketChangesInput
from schema.inputs.values import write_input
from schema.types.descriptions import argument, field


@strawberry.input
class ChosenForJob:
    """Which tickets, by one of two ways."""

    ids: list[ID] | None = argument(
        "The tickets, each of them once; give either these or `filter`."
    )
    filter: TicketFilter | None = argument(
        "The tickets that this chooses for the viewer when the job is started, at most "
        f"{MAX_TICKETS}; it needs `expectedCount`."
    )
    expected_count: int | None = argument(
        "How many tickets `filter` is to match: if it matches another number, no job is started "
        "and the error CONFLICT tells it."
    )


@write_input("Tickets and what is done to each of them, for `startBulkUpdate`.")
class StartBulkUpdateInput(ChosenForJob):
    changes: TicketChangesInput | None = argument("The fields to change; the others stay.")
    add_tags: list[str] | None = argument("Tags that each ticket has from then on, too.")
    remove_tags: list[str] | None = argument("Tags that no ticket has from then on.")
    comment: NewCommentInput | None = argument("A comment on each ticket that is not refused.")


@write_input("Which tickets to delete, for `startBulkDelete`.")
class StartBulkDeleteInput(ChosenForJob):
    """The tickets."""


@write_input("New tickets, for `startBulkCreate`.")
class StartBulkCreateInput:
    inputs: list[NewTicketInput] = field("The tickets, each by the rules of `createTicket`.")


@write_input("Which job to cancel, for `cancelBulkJob`.")
class CancelBulkJobInput:
    id: ID = field("The job that is to end.")


@write_input("Which job to undo, for `undoBulkJob`.")
class UndoBulkJobInput:
    id: ID = field("The job whose changes are to be undone; it has ended.")
