"""How fields, arguments and enums are described."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, TypeVar

import strawberry

Resolver = TypeVar("Resolver", bound=Callable[..., object])
# In the ``metadata`` of a field whose value is finished JSON, or null.
FINISHED = "finished"


# Fields are `Any`, as Strawberry's own are: they stand for values of the type that they declare.
def field(description: str, *default: object) -> Any:
    """Declare a field by its description; its objects need no value for one with a default."""
    if default:
        return strawberry.field(description=description, default=default[0])
    return strawberry.field(description=description)


def argument(description: str, default: object = strawberry.UNSET) -> Any:
    """Declare an optional input field by its description."""
    return strawberry.field(description=description, default=default)


def errors(description: str = "Why nothing was changed; empty where it was.") -> Any:
    """Declare the errors of a payload, none by default."""
    return strawberry.field(description=description, default_factory=list)


def described(description: str, returns: object) -> Callable[[Resolver], Resolver]:
    """Declare a field whose code returns finished JSON; ``returns`` is its type in the schema."""
    declared: Callable[[Resolver], Resolver]
    declared = strawberry.field(
        description=description, graphql_type=returns, metadata={FINISHED: True}
    )
    return declared


def resolver(description: str) -> Callable[[Resolver], Resolver]:
    """Declare a field with arguments or code of its own; the same as Strawberry's, but typed."""
    declared: Callable[[Resolver], Resolver] = strawberry.field(description=description)
    return declared


def describe_enum(
    choices: type[StrEnum],
    description: str,
    values: Mapping[str, str],
    *,
    name: str | None = None,
) -> None:
    """Make an enum a GraphQL type, with a description for each of its values by name."""
    strawberry.enum(choices, name=name, description=description)
    for value in vars(choices)["__strawberry_definition__"].values:
        value.description = values[value.name]
