"""The arguments of pages, and their limits."""

from typing import Annotated

import strawberry

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
# Of lists that are read in one direction only.
OnlyFirstArg = Annotated[
    int | None,
    strawberry.argument(description=f"How many: 0 to {MAX_PAGE_SIZE}; {DEFAULT_PAGE} if absent."),
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
