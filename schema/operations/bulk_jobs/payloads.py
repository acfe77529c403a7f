"""What the mutations of bulk jobs answer."""

import strawberry

from schema.errors.formatting import UserError
from schema.types.bulk_jobs import BulkJob
from schema.types.descriptions import errors, field

_STARTED = "The new job; null if none was started."


@strawberry.type(description="The answer of `startBulkUpdate`: the new job, or errors.")
class StartBulkUpdatePayload:
    job: BulkJob | None = field(_STARTED)
    errors: list[UserError] = errors("Why no job was started; empty where one was.")


@strawberry.type(description="The answer of `startBulkDelete`: the new job, or errors.")
class StartBulkDeletePayload:
    job: BulkJob | None = field(_STARTED)
    errors: list[UserError] = errors("Why no job was started; empty where one was.")


@strawberry.type(description="The answer of `startBulkCreate`: the new job, or errors.")
class StartBulkCreatePayload:
    job: BulkJob | None = field(_STARTED)
    errors: list[UserError] = errors("Why no job was started; empty where one was.")


@strawberry.type(description="The answer of `cancelBulkJob`: the job that has ended, or errors.")
class CancelBulkJobPayload:
    job: BulkJob | None = field("The job as it is now; null if it was not cancelled.")
    errors: list[UserError] = errors("Why it was not cancelled; empty where it was.")


@strawberry.type(description="The answer of `undoBulkJob`: the job that undoes, or errors.")
class UndoBulkJobPayload:
    job: BulkJob | None = field("The new job, of the kind UNDO; null if none was started.")
    errors: list[UserError] = errors("Why no job was started; empty where one was.")
