"""The reads of bulk jobs."""

from typing import Annotated

import strawberry
from strawberry import ID

from schema.execution.context import Info
from schema.execution.engine import Json
from schema.operations.roots import LIST, one
from schema.projection.arguments import known_id
from schema.types.bulk_jobs import BulkJob
from schema.types.connections import Connection
from schema.types.descriptions import described
from schema.types.page_arguments import AfterArg, BeforeArg, FirstArg, LastArg
from schema.types.projected import projected


@strawberry.type
class BulkJobQuery:
    """The jobs that the viewer may see."""

    @projected(
        "The bulk jobs that the viewer has started, newest first; all of them for Admins.", LIST
    )
    def bulk_jobs(
        self,
        first: FirstArg = None,
        after: AfterArg = None,
        last: LastArg = None,
        before: BeforeArg = None,
    ) -> Connection[BulkJob]:
        raise NotImplementedError

    @described("One bulk job; null if there is none for the viewer.", BulkJob | None)
    async def bulk_job(
        self,
        info: Info,
        id: Annotated[
            ID, strawberry.argument(description="The id that its mutation has answered with.")
        ],
    ) -> Json | None:
        """Answer null for a job of somebody else, but to Admins."""
        return await one(info, known_id(id))
