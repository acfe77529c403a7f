"""Bulk jobs as the schema has them."""

from typing import Annotated

import strawberry
from strawberry import ID

from schema.errors.formatting import UserError
from schema.types.connections import Connection, Node
from schema.types.descriptions import field
from schema.types.enums import BulkJobKind, BulkJobState
from schema.types.objects import Ticket, User
from schema.types.page_arguments import AfterArg, BeforeArg, FirstArg, LastArg
from schema.types.projected import projected
from schema.types.scalars import DateTime


@strawberry.type(description="Why one ticket of a bulk job was left as it is.")
class BulkJobError(Node):
    position: int = field("The place of the ticket in the job, counted from 0.")
    ticket_id: ID | None = field(
        "Which ticket was refused; null where an input was, or what was given is no id."
    )
    ticket: Ticket | None = field("That ticket as it is now; null where there is none.")
    errors: list[UserError] = field("What was wrong; at least one error.")


@strawberry.type(description="More tickets than one mutation writes, in the background.")
class BulkJob(Node):
    kind: BulkJobKind = field("What is done to the tickets.")
    state: BulkJobState = field("Whether it waits, goes on or has ended, and how it ended.")
    reason: str | None = field("Why it failed; null where it did not.")
    total_count: int | None = field("How many tickets it is about; null while that is not known.")
    done_count: int = field("How many of them are done, or were refused.")
    changed_count: int = field(
        "How many were changed, not counting those that were the same already."
    )
    failed_count: int = field("How many were refused: `errors` has each of them.")
    created_by: User | None = field("Who started it; null where that is no longer known.")
    created_at: DateTime = field("When it was started by its mutation.")
    started_at: DateTime | None = field("When its first tickets were done; null before.")
    finished_at: DateTime | None = field("When it ended; null until then.")
    undo_of: Annotated["BulkJob", strawberry.lazy("schema.types.bulk_jobs")] | None = field(
        "The job that this one undoes; null for all other kinds, and once that one is removed."
    )

    @projected("Why tickets were left as they are, in the order of the tickets.")
    def errors(
        self,
        first: FirstArg = None,
        after: AfterArg = None,
        last: LastArg = None,
        before: BeforeArg = None,
    ) -> Connection[BulkJobError]:
        raise NotImplementedError
