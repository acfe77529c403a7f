"""Which tickets a batch is about: those with some ids, or all that a filter matches."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import orjson
from sqlalchemy import func, select

from models import Ticket, table_of
from resolvers.commands.batches.outcomes import MAX_BATCH, check_size
from resolvers.commands.ticket_rows import TicketRow, locked_tickets
from resolvers.context import Context
from resolvers.errors import CountMismatch, Invalid, NotFound, Problem
from resolvers.query.execute import GRAPHQL, Query, QueryRoot, plan_for
from resolvers.query.filters.ast import Where
from resolvers.query.plans import Plan
from resolvers.query.shapes import Args, Field, Shape
from resolvers.query.sql.elements import ByteLength
from resolvers.query.statements import argument_values, context_values
from resolvers.services import MAX_ANSWER_BYTES
from resolvers.write_statements import Transaction, Values, always, key_list, with_keys

# How much text the tickets of a batch may have: all of it is in memory at once, twice or more.
MAX_BYTES = 16 * 1024 * 1024
_tickets = table_of(Ticket)
_BYTES = always(
    select(func.sum(ByteLength(_tickets.c.description)))
    .select_from(_tickets)
    .where(with_keys(_tickets))
)
_IDS = Query(QueryRoot.PAGE, "Ticket", (("Ticket", Shape((Field("id", "id"),))),), GRAPHQL)


@dataclass(frozen=True)
class Matching:
    """The tickets that a filter matches for the viewer, and how many its sender expects."""

    plan: Plan
    values: Values
    expected: int

    async def ids(self, transaction: Transaction) -> list[UUID]:
        """Return their ids in order; raises ``Invalid`` for too many, and ``CountMismatch``."""
        count, found = await transaction.fetch_finished(
            self.plan.sql, self.plan.values(self.values), MAX_ANSWER_BYTES
        )
        if count > MAX_BATCH:
            raise Invalid({"filter": [Problem("too_many", {"count": count, "max": MAX_BATCH})]})
        if count != self.expected:
            raise CountMismatch(self.expected, count)
        return sorted(UUID(one["id"]) for one in orjson.loads(found))


# An id is None where it is none: no ticket has it.
Chosen = Sequence[UUID | None] | Matching


async def matching(
    context: Context, where: Where, values: Values, expected: int | None
) -> Matching:
    """Return the tickets that a filter matches, as ``resolvers.query.filters.parse`` has it.

    Raises ``Invalid`` without the number that is expected.
    """
    if expected is None:
        raise Invalid({"expected_count": [Problem("required")]})
    args = [Args(where, limit=MAX_BATCH, values=values)]
    # Before a transaction begins: a new statement takes some time.
    plan = await plan_for(context, _IDS, args)
    return Matching(plan, {**context_values(context), **argument_values(args)}, expected)


def check_ids(chosen: Chosen) -> None:
    """Raise ``Invalid`` for too many ids, or none, and for one that is given twice."""
    if isinstance(chosen, Matching):
        return
    check_size("ids", len(chosen))
    known = [key for key in chosen if key is not None]
    if len(set(known)) < len(known):
        raise Invalid({"ids": [Problem("given_twice")]})


async def lock(
    context: Context,
    transaction: Transaction,
    chosen: Chosen,
    more_bytes: int = 0,
    field: str = "ids",
) -> list[tuple[UUID | None, TicketRow | None]]:
    """Return the ids and the tickets, locked until the end of the transaction.

    A ticket is None where it does not exist for the viewer. ``more_bytes``: of text that each of
    them gets; ``field``: of the input that has given ids. Raises what
    ``Matching.ids`` does, and ``Invalid`` where their texts are too long.
    """
    viewer = context.require_viewer()
    if not isinstance(chosen, Matching):
        known = [key for key in chosen if key is not None]
        await _check_bytes(transaction, field, known, more_bytes)
        tickets = await locked_tickets(transaction, viewer, known)
        return [(key, None if key is None else tickets.get(key)) for key in chosen]
    keys = await chosen.ids(transaction)
    await _check_bytes(transaction, "filter", keys, more_bytes)
    tickets = await locked_tickets(transaction, viewer, keys)
    # Others may have changed them while this transaction waited for the locks.
    if await chosen.ids(transaction) != keys:
        raise CountMismatch(chosen.expected, len(keys))
    return [(key, tickets.get(key)) for key in keys]


async def _check_bytes(
    transaction: Transaction, field: str, keys: Sequence[UUID], more_bytes: int
) -> None:
    """Raise ``Invalid`` where the texts of tickets are too long to be held at once."""
    listed = key_list(keys)
    row = await transaction.fetch_row(_BYTES, listed) if listed else None
    if row is not None and (row[0] or 0) + more_bytes * len(keys) > MAX_BYTES:
        raise Invalid({field: [Problem("too_long", {"max": MAX_BYTES})]})


def found(ticket: TicketRow | None) -> TicketRow:
    """Return a ticket; raises ``NotFound`` where there is none."""
    if ticket is None:
        raise NotFound("Ticket")
    return ticket
