"""What several root fields do: read a list, or one object, or refuse to be answered at once."""

from uuid import UUID

from resolvers.errors import BadInput
from resolvers.query import binds
from resolvers.query.execute import QueryRoot
from schema.execution.context import CoreInfo, Info
from schema.execution.engine import Json
from schema.execution.strawberry_internals import core_info
from schema.projection.resolve import project
from schema.types.projected import Root


async def _list(_root: object, info: CoreInfo, **given: object) -> Json | None:
    info.context.resolver_context.require_viewer()
    return await project(info, QueryRoot.CONNECTION, given=given)


LIST = Root(_list)


async def one(info: Info, key: UUID | str | None, by: str = "id") -> Json | None:
    """Read the object with a value in a column, None where there is none for the viewer."""
    info.context.resolver_context.require_viewer()
    if key is None:
        return None
    return await project(core_info(info), QueryRoot.ONE, by=by, values={binds.KEY: key})


def not_streamed(_root: object, _info: CoreInfo, **_: object) -> None:
    """Refuse to answer a subscription at once: an event of a stream has its answer already."""
    raise BadInput(
        "Subscriptions are streamed: ask over a WebSocket, or with Accept: text/event-stream."
    )
