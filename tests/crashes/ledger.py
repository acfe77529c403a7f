"""What clients were told of each of their writes, by what can be found of it afterwards."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple


class Told(StrEnum):
    """What a client knows of a write."""

    DONE = "done"
    REFUSED = "refused"
    # There was no answer, and it has given up.
    UNKNOWN = "unknown"


# How often a write may be there.
ALLOWED = {Told.DONE: (1,), Told.REFUSED: (0,), Told.UNKNOWN: (0, 1)}


class Trace(NamedTuple):
    """What is left of one write.

    ``kind`` is ``ticket``, ``comment``, ``job`` and ``undo job``, or ``write`` and ``undo`` of a
    field. ``ticket`` is the id, where the write is of a ticket that was there. ``mark`` is in no
    other write.
    """

    kind: str
    ticket: str | None
    mark: str


@dataclass
class Ledger:
    """Traces of all writes, with what was said of them."""

    told: dict[Trace, Told] = field(default_factory=dict)
    # Answers that nothing excuses.
    wrong: list[str] = field(default_factory=list)
    # How often a client has sent a request again, and was answered as before.
    repeated: int = 0
    replayed: int = 0
    merged: int = 0
    # How many actions of writers are done, and what is done when so many are.
    actions: int = 0
    waiting: dict[int, asyncio.Event] = field(default_factory=dict)

    def count(self) -> None:
        """Note that an action is done, whatever came of it."""
        self.actions += 1
        if event := self.waiting.get(self.actions):
            event.set()

    async def until(self, actions: int) -> None:
        """Wait until so many actions are done."""
        if self.actions < actions:
            await self.waiting.setdefault(actions, asyncio.Event()).wait()

    def add(self, told: Told, *traces: Trace) -> None:
        """Note what was said of traces, the last word of which counts."""
        self.told.update(dict.fromkeys(traces, told))

    def mistakes(self, found: Counter[Trace]) -> list[str]:
        """Return which traces are not there as often as was said."""
        return [
            f"{trace} is there {found[trace]} times, and was {self.told.get(trace, 'never sent')}"
            for trace in sorted(found.keys() | self.told.keys(), key=str)
            if trace not in self.told or found[trace] not in ALLOWED[self.told[trace]]
        ]

    def __str__(self) -> str:
        """Return how much there was of everything, as a line below the table of ``make crash``."""
        told = Counter(f"{trace.kind} {state}" for trace, state in self.told.items())
        more = {"repeated": self.repeated, "replayed": self.replayed, "merged": self.merged}
        return ", ".join(
            f"{name}: {count}" for name, count in [*sorted(told.items()), *more.items()]
        )
