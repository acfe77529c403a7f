"""Descriptions and argument types that several places of the schema share."""

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import strawberry

Resolver = TypeVar("Resolver", bound=Callable[..., Any])

DEFAULT_PAGE = 20
MAX_PAGE_SIZE = 100
# How many ids `nodes` takes.
MAX_NODES = 100

FirstArg = Annotated[
    int | None,
    strawberry.argument(
        description=f"How many, from the beginning: 0 to {MAX_PAGE_SIZE}; {DEFAULT_PAGE} if "
        "neither `first` nor `last` is given."
    ),
]
LastArg = Annotated[
    int | None, strawberry.argument(description=f"How many, from the end: 0 to {MAX_PAGE_SIZE}.")
]
AfterArg = Annotated[
    str | None,
    strawberry.argument(
        description="Only what follows this cursor of the same list; empty for all."
    ),
]
BeforeArg = Annotated[
    str | None,
    strawberry.argument(
        description="Only what precedes this cursor of the same list; empty for all."
    ),
]


def field(description: str) -> Any:
    """Declare a field by its description alone."""
    return strawberry.field(description=description)


def argument(description: str, default: Any = strawberry.UNSET) -> Any:
    """Declare an optional input field by its description."""
    return strawberry.field(description=description, default=default)


def resolver(description: str) -> Callable[[Resolver], Resolver]:
    """Declare a field with arguments or code of its own; the same as Strawberry's, but typed."""
    return strawberry.field(description=description)  # type: ignore[no-any-return]
