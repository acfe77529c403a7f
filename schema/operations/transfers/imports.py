"""The operations of imports: the mutation that starts one, and the link of what was refused."""

from typing import Annotated

import strawberry
from strawberry import ID, UNSET

from resolvers.context import Context
from resolvers.imports.rejects import rejects_link
from resolvers.imports.start import NewImport, start_import
from schema.errors.formatting import UserError
from schema.execution.context import Info
from schema.inputs.imports import ImportTicketsInput
from schema.operations.mutation_field import Made, mutation
from schema.operations.transfers.links import DownloadLink, ExpiresInArg, link_of, never_the_same
from schema.projection.arguments import known_id
from schema.types.bulk_jobs import BulkJob
from schema.types.descriptions import errors, field, resolver


@strawberry.type(description="The answer of `importTickets`: the job that imports, or errors.")
class ImportTicketsPayload:
    job: BulkJob | None = field("The new job, of the kind IMPORT; null if none was started.")
    errors: list[UserError] = errors("Why no job was started; empty where one was.")


@strawberry.type
class ImportMutation:
    """What starts an import."""

    @mutation(
        "Start a job that creates tickets from a file, each by the rules of `createTicket`. Rows "
        "that are refused are errors of the job, and come as a file by `importRejects`.",
        ImportTicketsPayload,
    )
    async def import_tickets(self, context: Context, given: ImportTicketsInput) -> Made:
        context.require_viewer()
        await given.file.receive()
        mapping = [
            (one.column, None if one.field is UNSET else one.field) for one in given.mapping or ()
        ]
        wanted = NewImport(
            given.file.filename,
            given.file.chunks(),
            given.format or None,
            mapping,
            [(one.field, one.value) for one in given.defaults or ()],
            dry_run=given.only_tries,
        )
        return {"job": await start_import(context, wanted)}


@strawberry.type
class ImportQuery:
    """What leads to the rows that were refused."""

    @resolver(
        "A link to a file with the rows of an import that were refused, each with its errors: "
        "corrected, it can be imported again. Null where there is none for the viewer."
    )
    async def import_rejects(
        self,
        info: Info,
        job_id: Annotated[
            ID, strawberry.argument(description="The id of the job that imports the file.")
        ],
        expires_in: ExpiresInArg = 300,
    ) -> DownloadLink | None:
        """Answer with another link each time."""
        context = info.context.resolver_context
        context.require_viewer()
        never_the_same(context)
        link = await rejects_link(context, known_id(job_id), expires_in)
        return None if link is None else link_of(link)
