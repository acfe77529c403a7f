"""How each mutation of the GraphQL API runs: one write, and then its payload."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Generic, Protocol, TypeVar, get_type_hints
from uuid import UUID

import orjson
import strawberry

from resolvers.commands.conflicts import Merged
from resolvers.context import Context
from resolvers.errors import CHANGES, Changes, NotFound, ServiceError
from resolvers.query import binds
from resolvers.query.execute import QueryRoot
from resolvers.units.dry_run import dry_run
from schema.errors.formatting import Failure, failure_of
from schema.execution.context import Info
from schema.execution.engine import Json, executing
from schema.execution.strawberry_internals import core_info
from schema.inputs.values import DRY_RUN
from schema.operations.idempotent import key_of, once
from schema.projection.arguments import known_id
from schema.projection.resolve import project

Input = TypeVar("Input")
Payload = TypeVar("Payload")
# The ids of what was written, by the payload's fields, each of which is read back by its id; and
# what it was merged with.
Made = Mapping[str, object]
# What inputs have besides values.
KEYS = frozenset({"id", "ticket_id", "expected_version", "on_conflict"})


class Versioned(Protocol):
    """An input that may expect a version."""

    expected_version: int | None


@dataclass(frozen=True, slots=True)
class LoggedIn(Generic[Payload]):
    """A payload, and the access token that the rest of the operation runs with."""

    payload: Payload
    token: str


class ReadsLater:
    """A payload with a secret, whose objects are read once its write is committed.

    So the secret is answered even where that fails.
    """

    def made(self) -> Made:
        """Return all that it is made of, for a dry run: its secret is made up."""
        raise NotImplementedError


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
    context, raw = info.context.resolver_context, core_info(info)
    key = key_of(raw)
    if key is not None:
        return await once(raw, context, key, lambda inner: _try_or_do(info, inner, write, given))
    return await _try_or_do(info, context, write, given, lasts=True)


async def _try_or_do(
    info: Info,
    context: Context,
    write: Write[Input, Payload],
    given: Input,
    *,
    lasts: bool = False,
) -> Payload | Failure | Json | None:
    if getattr(given, DRY_RUN, False):
        async with dry_run(context) as tried:
            return await _answer(info, tried, write, given, lasts=False)
    return await _answer(info, replace(context, event_ids=[]), write, given, lasts=lasts)


async def _answer(
    info: Info, context: Context, write: Write[Input, Payload], given: Input, *, lasts: bool
) -> Payload | Failure | Json | None:
    """Answer a mutation; ``lasts``: what it writes stays, also where its payload fails."""
    try:
        written = await write(None, context, given)
        if isinstance(written, LoggedIn):
            await info.context.use(written.token)
            return written.payload
    except ServiceError as error:
        return failure_of(error)
    if isinstance(written, ReadsLater) and getattr(given, DRY_RUN, False):
        # What is there now is undone before its objects would be read.
        written = written.made()
    if not isinstance(written, Mapping):
        return written
    raw = core_info(info)
    if lasts:
        # Before the payload is read, which may fail.
        executing.get().made[str(raw.path.key)] = written
    inside = raw._replace(context=info.context.inside(context))
    keys = json.dumps(list(map(str, context.event_ids or ())))
    return await project(inside, QueryRoot.PAYLOAD, values={**written, binds.KEYS: keys})


async def on_ticket(value: object, write: Callable[[UUID], Awaitable[UUID]]) -> tuple[UUID, UUID]:
    """Write to the ticket that the input names; returns the ids of the ticket and of the new row.

    Raises ``NotFound`` for the input's ``ticketId``.
    """
    try:
        key = known_id(value)
        return key, await write(key)
    except NotFound as error:
        raise NotFound(error.kind, field="ticket") from None


def expected_version(given: Versioned) -> int | None:
    """Return the version that an input expects."""
    return None if given.expected_version is strawberry.UNSET else given.expected_version


def merge_of(merged: Merged | None) -> Made:
    """Return what a payload tells of a merge."""
    return {
        binds.MERGED_EXPECTED: merged and merged.expected,
        binds.MERGED_ACTUAL: merged and merged.actual,
        binds.MERGED_FIELDS: merged and orjson.dumps(merged.changed).decode(),
    }


async def project_one(info: Info, key: UUID | None) -> Json | None:
    """Project one object of a payload that has values besides."""
    return (
        None
        if key is None
        else await project(core_info(info), QueryRoot.ONE, values={binds.KEY: key})
    )
