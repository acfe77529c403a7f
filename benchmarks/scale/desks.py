"""The desks that are measured: equal but for their number of tickets."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from benchmarks.data import row_chunks
from deskgraph.demo.factory import Row, Rows

CHUNK = 10_000
# In the subject of one ticket only.
RARE_WORD = "Xylophone"


@dataclass
class Desk:
    """A desk, and what requests need to know of it once it is filled."""

    tickets: int
    # Staff, whose requests are measured.
    viewer: UUID | None = None
    # Companies by their names, and the ticket in the middle.
    companies: tuple[str, ...] = ()
    middle: Row | None = None

    def chunks(self) -> Iterator[Rows]:
        """Make the rows, with a rare word in one of them."""
        half = self.tickets // 2
        done = 0
        for rows in row_chunks(self.tickets, CHUNK):
            if rows.users:
                self.viewer = rows.users[1]["id"]
                self.companies = tuple(row["name"] for row in rows.companies)
            if done <= half < done + len(rows.tickets):
                self.middle = rows.tickets[half - done]
                self.middle["subject"] += f" {RARE_WORD}"
            done += len(rows.tickets)
            yield rows
