"""What comes of each ticket of a batch."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeVar
from uuid import UUID

from resolvers.errors import Aborted, Invalid, Problem, ServiceError
from resolvers.write_statements import Step

# How many tickets one transaction may write.
MAX_BATCH = 100
Given = TypeVar("Given")
Done = TypeVar("Done")


class BatchMode(StrEnum):
    """What happens to the other tickets of a batch where some are refused."""

    EACH = "each"
    ALL = "all"


@dataclass(frozen=True)
class Outcome:
    """What came of one ticket: its id, whether it was changed, and why not if it was refused.

    ``id`` is None of a ticket that was not created.
    """

    id: UUID | None
    changed: bool = False
    error: ServiceError | None = None


def check_size(field: str, count: int) -> None:
    """Raise ``Invalid`` of a field that lists too many tickets, or none."""
    if not 1 <= count <= MAX_BATCH:
        raise Invalid({field: [Problem("batch_size", {"count": count, "max": MAX_BATCH})]})


async def attempt(
    given: Iterable[Given], prepare: Callable[[Given], Done], mode: BatchMode
) -> list[Done | ServiceError]:
    """Return what is to be done for each of some tickets, or why it is refused.

    With ``ALL``, nothing is to be done where any is refused.
    """
    found: list[Done | ServiceError] = []
    for one in given:
        # Long texts take their time; others have theirs in between.
        await asyncio.sleep(0)
        try:
            found.append(prepare(one))
        except ServiceError as error:
            found.append(error)
    if mode is BatchMode.EACH or not any(isinstance(one, ServiceError) for one in found):
        return found
    return [one if isinstance(one, ServiceError) else Aborted() for one in found]


class Changing(Protocol):
    """What is done to a ticket."""

    @property
    def changed(self) -> bool:
        """Whether it is another one afterwards."""


def outcomes(keys: Sequence[UUID | None], done: Sequence[Changing | ServiceError]) -> list[Outcome]:
    """Return what came of the tickets with these ids."""
    return [
        Outcome(key, error=one)
        if isinstance(one, ServiceError)
        else Outcome(key, changed=one.changed)
        for key, one in zip(keys, done, strict=True)
    ]


def grouped(steps: Sequence[Step]) -> list[Step]:
    """Return steps with those together that run the same statement, which go to the driver as one.

    For steps of different tickets, whose order does not matter otherwise.
    """
    order = {id(statement): place for place, (statement, _) in reversed([*enumerate(steps)])}
    return sorted(steps, key=lambda step: order[id(step[0])])
