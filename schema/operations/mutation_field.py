"""What every write of the GraphQL face does around its one call into the resolvers."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID

import strawberry

from resolvers.errors import NotFound, ServiceError
from resolvers.services import Context
from schema.errors.formatting import failure_of
from schema.execution.engine import executing
from schema.execution.strawberry_internals import core_info
from schema.projection.arguments import known_id
from schema.projection.resolve import project

Info = strawberry.Info[Any, Any]
Made = Mapping[str, UUID]
KEYS = frozenset({"id", "expected_version"})


def given_input() -> Any:
    """Call the argument `input`, which is a name of Python's already."""
    return strawberry.argument(
        name="input", description="All that the mutation takes, as one object."
    )


async def on_ticket(value: object, deed: Callable[[UUID], Awaitable[UUID]]) -> tuple[UUID, UUID]:
    """Do something to the ticket that the input names; returns the ids of ticket and thing."""
    try:
        key = known_id(value)
        return key, await deed(key)
    except NotFound as error:
        raise NotFound(error.kind, field="ticket") from None


async def perform(info: Info, deed: Callable[[Context], Awaitable[Made]]) -> Any:
    """Do something, and answer with what was asked of the objects it names.

    The payload of an expected failure is an ordinary object with errors. The executor knows what
    was written before it is read, which may fail.
    """
    try:
        made = await deed(info.context.resolver_context)
    except ServiceError as error:
        return failure_of(error)
    raw = core_info(info)
    executing.get().made[str(raw.path.key)] = made
    return await project(raw, "payload", values=made)
