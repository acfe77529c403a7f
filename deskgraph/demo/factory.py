"""What the parts of the demo share: the rows made so far, and the chance and time behind them."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

# By column, or a table of ``data.toml``.
Row = dict[str, Any]
DAY_SECONDS = 86_400


@dataclass
class Rows:
    """All rows by table, in an order that keeps references whole, and the files by key."""

    companies: list[Row] = field(default_factory=list)
    contacts: list[Row] = field(default_factory=list)
    users: list[Row] = field(default_factory=list)
    tickets: list[Row] = field(default_factory=list)
    comments: list[Row] = field(default_factory=list)
    attachments: list[Row] = field(default_factory=list)
    ticket_events: list[Row] = field(default_factory=list)
    day_counters: list[Row] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)


class DemoFactory:
    """Makes the same demo again for the same seed and ``now``: all its chance comes from here."""

    def __init__(self, now: datetime, seed: int) -> None:
        self.now = now.astimezone(UTC)
        self.random = Random(seed)  # noqa: S311 - decides about a demo, not about secrets
        self.rows = Rows()

    def id(self, at: datetime) -> UUID:
        """Return a UUIDv7 of that moment, as ``models.new_id`` would have given."""
        high = int(at.timestamp() * 1000) << 80 | 0x7 << 76
        low = self.random.getrandbits(12) << 64 | 0b10 << 62 | self.random.getrandbits(62)
        return UUID(int=high | low)

    def ago(self, low: float, high: float) -> datetime:
        """Return a moment between so many days before now."""
        return self.now - timedelta(
            seconds=self.random.randint(int(low * DAY_SECONDS), int(high * DAY_SECONDS))
        )

    def later(self, at: datetime, low: float, high: float) -> datetime:
        """Return a moment between so many hours after ``at``."""
        return at + timedelta(seconds=self.random.randint(int(low * 3600), int(high * 3600)))

    def chance(self, probability: float) -> bool:
        """Return whether something happens."""
        return self.random.random() < probability
