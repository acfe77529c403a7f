"""Reading one row, as every detail and every write's answer does."""

from dataclasses import replace
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from resolvers.context import Context
from resolvers.errors import NotFound
from resolvers.query import binds
from resolvers.query.execute import Query, read_json, read_versioned
from resolvers.query.shapes import Args
from rest_compat.http.bodies import Body, read_body
from rest_compat.http.responses import RestError, not_found, text_answer
from rest_compat.serializers.request_fields import uuid_of


def id_of(request: Request) -> UUID:
    """Return the id in a path; what is no UUID in any spelling leads nowhere."""
    found = uuid_of(request.path_params["id"])
    if found is None:
        raise not_found()
    return found


async def body_for(request: Request, context: Context, read: Query, key: UUID) -> Body:
    """Read the body of a write to a row.

    For a row that does not exist, 404 comes before other errors, as in the old system.
    """
    try:
        return await read_body(request)
    except RestError:
        await require_row(context, read, key)
        raise


async def require_row(context: Context, read: Query, key: UUID) -> None:
    """Raise ``NotFound`` unless there is a row of this id for the viewer."""
    if not await row_exists(context, read, key):
        raise NotFound(read.entity)


async def row_answer(
    context: Context, read: Query, key: UUID, status: int = 200, *more: Args
) -> Response:
    """Answer with the row of an id; ``more`` are the arguments of further slots.

    Raises ``NotFound`` where the row does not exist for the viewer.
    """
    return text_answer(await row_text(context, read, key, *more), status)


async def row_text(context: Context, read: Query, key: UUID, *more: Args) -> str:
    """Return the JSON text of the row of an id."""
    text = await read_json(context, read, (Args(values={binds.KEY: key}), *more))
    if text is None:
        raise NotFound(read.entity)
    return text


async def versioned_text(context: Context, read: Query, key: UUID) -> tuple[str, int]:
    """Return the JSON text of the row of an id, and its version; raises ``NotFound``."""
    found = await read_versioned(
        context, replace(read, versioned=True), (Args(values={binds.KEY: key}),)
    )
    if found is None:
        raise NotFound(read.entity)
    return found


async def row_exists(context: Context, read: Query, key: UUID) -> bool:
    """Whether there is a row of this id for the viewer."""
    return await read_json(context, read, (Args(values={binds.KEY: key}),)) is not None
