"""What a desk holds after a fault, compared with what its clients were told."""

from collections import Counter
from dataclasses import dataclass

import sqlalchemy as sa

from deskgraph.database.ticket_counts.recount import wrong_counts
from models import Attachment, Comment, Ticket, TicketEvent, TicketEventType, table_of
from tests.crashes.load import Answers, content_of
from tests.support.world import World

tickets, comments = table_of(Ticket), table_of(Comment)
attachments, events = table_of(Attachment), table_of(TicketEvent)
# The column of each table that has the mark of a write.
MARKED = (tickets.c.subject, comments.c.text, attachments.c.name)


@dataclass(frozen=True)
class Findings:
    """A line of the table: how many writes there were, and what is wrong with them."""

    fault: str
    database: str
    faults: int
    acknowledged: int
    refused: int
    unknown: int
    # Acknowledged, and not there.
    lost: int
    # There more than once.
    doubled: int
    # There, although nothing should have been changed.
    undone: int
    # Rows of files whose content is not there.
    missing: int
    # Rows without their event, events without their row, and numbers of tickets given twice.
    unmatched: int
    # Counts of tickets that are not right.
    miscounted: int

    @property
    def wrong(self) -> int:
        """How much is wrong."""
        amounts = (self.lost, self.doubled, self.undone, self.missing)
        return sum(amounts) + self.unmatched + self.miscounted


@dataclass(frozen=True)
class NotTried:
    """A line of the table for a fault that cannot be tried on this machine."""

    fault: str
    database: str
    why: str


async def findings(
    world: World, answers: Answers, *, fault: str, database: str, faults: int
) -> Findings:
    """Compare what is stored with what was said."""
    found = await _marks(world)
    return Findings(
        fault=fault,
        database=database,
        faults=faults,
        acknowledged=len(answers.acknowledged),
        refused=len(answers.refused),
        unknown=len(answers.unknown),
        lost=len(answers.acknowledged - found.keys()),
        doubled=sum(number - 1 for number in found.values()),
        undone=len(answers.refused & found.keys()),
        missing=await _missing_files(world),
        unmatched=await _unmatched(world, answers),
        miscounted=len(await wrong_counts(world.database)),
    )


async def _marks(world: World) -> Counter[str]:
    found: Counter[str] = Counter()
    async with world.database.engine.connect() as connection:
        for column in MARKED:
            found.update((await connection.scalars(sa.select(column))).all())
    # The rows of the world have no marks.
    return Counter({mark: number for mark, number in found.items() if _is_mark(mark)})


def _is_mark(text: str) -> bool:
    return len(text) == 24 and all(letter in "0123456789abcdef" for letter in text)


async def _missing_files(world: World) -> int:
    """Return how many files of uploads are not there as they were sent."""
    async with world.database.engine.connect() as connection:
        rows = (await connection.execute(sa.select(attachments.c.name, attachments.c.key))).all()
    missing = 0
    for name, path in rows:
        if _is_mark(name):
            file = world.media / path
            missing += not file.is_file() or file.read_bytes() != content_of(name)
    return missing


async def _unmatched(world: World, answers: Answers) -> int:
    """Return how often the log, or the numbers of tickets, do not fit the rows."""
    created = sa.select(events.c.ticket_id).where(events.c.type == TicketEventType.CREATED)
    async with world.database.engine.connect() as connection:
        logged = Counter((await connection.scalars(created)).all())
        rows = await connection.execute(sa.select(*tickets.c["id", "subject", "ticket_number"]))
        stored = {row.id: row.ticket_number for row in rows if _is_mark(row.subject)}
    twice = len(stored) - len(set(stored.values()))
    return twice + sum(abs(logged[one] - (one in stored)) for one in logged.keys() | stored.keys())


def table(rows: list[Findings | NotTried]) -> list[str]:
    """Return the lines of the table."""
    names = list(Findings.__dataclass_fields__)
    tried = [row for row in rows if isinstance(row, Findings)]
    others = [row for row in rows if isinstance(row, NotTried)]
    cells = [names, *([str(getattr(row, name)) for name in names] for row in tried)]
    first = [*cells, *([row.fault, row.database] for row in others)]
    widths = [
        max(len(line[place]) for line in first if place < len(line)) for place in range(len(names))
    ]
    return [
        *(
            "  ".join(
                cell.ljust(width) if place < 2 else cell.rjust(width)
                for place, (cell, width) in enumerate(zip(line, widths, strict=True))
            )
            for line in cells
        ),
        *(
            f"{row.fault.ljust(widths[0])}  {row.database.ljust(widths[1])}  not tried: {row.why}"
            for row in others
        ),
    ]
