"""New rows of tickets, with the day's next number."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import bindparam, literal_column
from sqlalchemy.dialects import postgresql, sqlite

from models import TEAM_OF_CATEGORY, DayCounter, Ticket, TicketStatus, table_of
from models.base import new_id
from models.search import is_search_column, search_texts
from resolvers.viewer import Viewer
from resolvers.write_statements import Statement, Step, Transaction, insert_into

# The final states, and the columns of when they were first reached.
FINAL = {TicketStatus.RESOLVED: "resolved_at", TicketStatus.CLOSED: "closed_at"}
_tickets = table_of(Ticket)
_INSERT = insert_into(_tickets)
# What a new ticket has unless it is given: all columns but those that the database computes, or a
# search column's default.
_NEW: Mapping[str, object] = {
    name: None if field.is_required() else field.get_default()
    for name, field in Ticket.model_fields.items()
    if _tickets.c[name].computed is None and not is_search_column(_tickets.c[name])
}


def _counting(kind: Callable[..., Any]) -> Any:
    """Return the statement that counts a day's row up, and returns the last number."""
    counted = kind(DayCounter).values(day=bindparam("day"), value=bindparam("count"))
    counted = counted.on_conflict_do_update(
        index_elements=["day"],
        set_={"value": literal_column("day_counters.value") + counted.excluded.value},
    )
    return counted.returning(DayCounter.value)


_INSERTS: Mapping[str, Any] = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}
_COUNT = Statement(lambda dialect: _counting(_INSERTS[dialect]))


class NewTicket(NamedTuple):
    """What events tell of a ticket."""

    id: UUID
    company_id: UUID
    ticket_number: str


async def new_tickets(
    transaction: Transaction,
    viewer: Viewer,
    given: Sequence[Mapping[str, object]],
    now: datetime,
) -> list[tuple[NewTicket, Step]]:
    """Return tickets with these columns and the next numbers, each with what inserts it.

    The category decides the team of one that has none.
    """
    # As late as possible: others wait for the day's counter until the commit.
    numbers = await _next_numbers(transaction, now, len(given))
    return [
        _new_ticket(viewer, columns, number, now)
        for columns, number in zip(given, numbers, strict=True)
    ]


def _new_ticket(
    viewer: Viewer, columns: Mapping[str, object], number: str, now: datetime
) -> tuple[NewTicket, Step]:
    row: dict[str, Any] = {**_NEW, **columns, "ticket_number": number}
    row.update(id=new_id(), created_by_id=viewer.id, created_at=now, updated_at=now)
    if row["assigned_team"] is None:
        row["assigned_team"] = TEAM_OF_CATEGORY.get(row["category"])
    if row["status"] in FINAL:
        row[FINAL[row["status"]]] = now
    row.update(search_texts(_tickets, row))
    return NewTicket(row["id"], row["company_id"], row["ticket_number"]), (_INSERT, row)


async def _next_numbers(transaction: Transaction, now: datetime, count: int) -> list[str]:
    """Count the day's counter row up: unique, and without a gap unless a transaction fails."""
    day = f"{now.year:04}{now:%m%d}"
    counted = await transaction.fetch_row(_COUNT, {"day": day, "count": count})
    assert counted is not None
    last: int = counted[0]
    return [f"T-{day}-{number:04}" for number in range(last - count + 1, last + 1)]
