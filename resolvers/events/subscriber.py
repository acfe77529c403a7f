"""Subscribers to the event log, and events as the broker and subscribers know them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class CommittedEvent:
    """What the end of the log tells of an event: enough to see whom it does not concern."""

    seq: int
    company_id: str
    type: str
    is_internal: bool


@dataclass(frozen=True, slots=True)
class DeliveredEvent:
    """An event as a follower asked for it: its place, its cursor and its finished JSON.

    ``at`` is when it happened. ``size`` is how much long text it has, in bytes, as reads are
    bounded by.
    """

    seq: int
    cursor: str
    json: bytes
    size: int
    at: datetime


@dataclass(frozen=True, slots=True)
class FollowedEvents:
    """What a follower reads; ``purged_to`` is the last event that was removed by then, or 0."""

    purged_to: int
    events: list[DeliveredEvent]


class Subscriber:
    """One who follows: where they are, and what does not concern them.

    ``company_id``: only events of this company that are not internal; ``types``: only these.
    """

    def __init__(self, position: int, types: frozenset[str] | None) -> None:
        self.position = position
        self.types = types
        self.company_id: str | None = None
        self.woken = asyncio.Event()

    def concerns(self, event: CommittedEvent) -> bool:
        """Whether they may want to read this event."""
        if self.types is not None and event.type not in self.types:
            return False
        if self.company_id is None:
            return True
        return event.company_id == self.company_id and not event.is_internal

    def notice(self, window: Sequence[CommittedEvent], before: int, purged_to: int) -> None:
        """Wake them for what has happened, or pass over what does not concern them.

        Where events after ``before`` were removed unseen, they look for themselves.
        """
        if purged_to > before:
            self.woken.set()
        elif self.position >= before and not any(self.concerns(event) for event in window):
            self.position = max(self.position, window[-1].seq)
        else:
            self.woken.set()
