"""How each mutation of the GraphQL API runs: one write, and then its payload."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar, get_type_hints
from uuid import UUID

import strawberry

from resolvers.context import Context
from resolvers.errors import CHANGES, Changes, NotFound, ServiceError
from resolvers.query import binds
from resolvers.query.execute import QueryRoot
from schema.errors.formatting import Failure, failure_of
from schema.execution.context import Info
from schema.execution.engine import Json, executing
from schema.execution.strawberry_internals import core_info
from schema.projection.arguments import known_id
from schema.projection.resolve import project

Input = TypeVar("Input")
Payload = TypeVar("Payload")
# The ids of what was written, by the payload's fields; each field is read back by its id.
Made = Mapping[str, UUID]
KEYS = frozenset({"id", "expected_version"})


@dataclass(frozen=True, slots=True)
class LoggedIn(Generic[Payload]):
    """A payload, and the access token that the rest of the operation runs with."""

    payload: Payload
    token: str


# The first is the method's `self`, of any class; what comes as it is the root value, None.
Write = Callable[[Any, Context, Input], Awaitable[Made | Payload | LoggedIn[Payload]]]


def mutation(description: str, payload: type[Payload]) -> Callable[[Write[Input, Payload]], object]:
    """Declare a mutation by a method that takes the context and the input, called ``given``.

    It returns the ids of what it wrote, or a finished payload. A ``ServiceError`` that it raises
    becomes the payload's ``errors``; ``failure_of`` says which ones do not.
    """

    def declare(write: Write[Input, Payload]) -> object:
        type_ = get_type_hints(write)["given"]
        described = "All that the mutation takes, as one object."

        async def resolve(info: Info, given: Input) -> Payload | Failure | Json | None:
            return await _perform(info, write, given)

        resolve.__name__ = write.__name__
        # Strawberry reads the argument's type and the field's from here.
        resolve.__annotations__ = {
            "info": Info,
            "given": Annotated[type_, strawberry.argument(name="input", description=described)],
            "return": payload,
        }
        return strawberry.field(resolver=resolve, description=description)

    return declare


async def _perform(
    info: Info, write: Write[Input, Payload], given: Input
) -> Payload | Failure | Json | None:
    # What the mutation before this one has done is told by that one.
    CHANGES.set(Changes.NONE)
    try:
        written = await write(None, info.context.resolver_context, given)
        if isinstance(written, LoggedIn):
            await info.context.use(written.token)
            return written.payload
    except ServiceError as error:
        return failure_of(error)
    if not isinstance(written, Mapping):
        return written
    raw = core_info(info)
    # Before the payload is read, which may fail.
    executing.get().made[str(raw.path.key)] = written
    return await project(raw, QueryRoot.PAYLOAD, values=written)


async def on_ticket(value: object, write: Callable[[UUID], Awaitable[UUID]]) -> tuple[UUID, UUID]:
    """Write to the ticket that the input names; returns the ids of the ticket and of the new row.

    Raises ``NotFound`` for the input's ``ticketId``.
    """
    try:
        key = known_id(value)
        return key, await write(key)
    except NotFound as error:
        raise NotFound(error.kind, field="ticket") from None


async def project_one(info: Info, key: UUID | None) -> Json | None:
    """Project one object of a payload that has values besides."""
    return (
        None
        if key is None
        else await project(core_info(info), QueryRoot.ONE, values={binds.KEY: key})
    )
