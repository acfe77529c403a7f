"""The subscription to a bulk job."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Annotated

import orjson
import strawberry
from strawberry import ID

from resolvers.bulk.following import follow_job
from resolvers.context import Context
from resolvers.errors import Unauthenticated
from resolvers.query import binds
from resolvers.query.execute import QueryRoot, read_json
from schema.execution.context import CoreInfo, GraphContext
from schema.execution.engine import EventResult
from schema.operations.roots import not_streamed
from schema.projection.arguments import known_id
from schema.projection.resolve import planned
from schema.types.bulk_jobs import BulkJob
from schema.types.projected import Root, projected


async def _follow(
    _root: object, info: CoreInfo, id: str, **_: object
) -> AsyncGenerator[EventResult, None]:
    """Return a job again and again; ends when the token is no longer valid."""
    context = info.context
    services = (await context.refreshed()).services
    context.resolver_context.require_viewer()
    template, args = planned(info, QueryRoot.ONE)
    key = known_id(id)
    args[0] = replace(args[0], values={**args[0].values, binds.KEY: key})

    async def read(viewing: Context) -> str | None:
        return await read_json(viewing, template.read, args, key=template)

    jobs = follow_job(services, context.refreshed, key, read)
    return _finished(context, str(info.path.key), jobs)


async def _finished(
    context: GraphContext, key: str, jobs: AsyncGenerator[str, None]
) -> AsyncGenerator[EventResult, None]:
    try:
        async with aclosing(jobs):
            async for job in jobs:
                data: dict[str, object] = {key: orjson.Fragment(job)}
                yield EventResult(data=data, errors=None)
    except Unauthenticated:
        # As with events: its client comes again with a new token.
        if not context.bad_token:
            raise


@strawberry.type
class BulkJobSubscription:
    """See ``resolvers.bulk.following``."""

    @projected(
        "A bulk job as it is now, and again whenever it has gone on, at most once a second; it "
        "completes once the job has ended.",
        Root(not_streamed, subscribe=_follow),
    )
    def bulk_job_progress(
        self,
        id: Annotated[
            ID, strawberry.argument(description="The id that its mutation has answered with.")
        ],
    ) -> BulkJob:
        raise NotImplementedError
