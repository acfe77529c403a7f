"""The tickets that a filter chooses for a job: counted, and stored by the database itself."""

from dataclasses import dataclass
from functools import partial
from uuid import UUID

import orjson
from sqlalchemy import JSON, Integer, bindparam, cast, func, insert, literal_column, null, select

from models.types import Uuid36
from resolvers.bulk.jobs import BATCH, BATCHES, MAX_TICKETS
from resolvers.context import Context
from resolvers.errors import CountMismatch, Invalid, Problem
from resolvers.query import binds
from resolvers.query.catalog import ENTITIES
from resolvers.query.compile_context import CompileContext
from resolvers.query.execute import GRAPHQL, Query, QueryRoot, read_json
from resolvers.query.filters.ast import Where
from resolvers.query.lists.source import ListSource
from resolvers.query.plans import Plan, compile_statement
from resolvers.query.shapes import Args, Field, Shape
from resolvers.query.sql.elements import JsonArrayAgg, JsonWord, Plain
from resolvers.query.statements import argument_values, context_values
from resolvers.services import MAX_ANSWER_BYTES
from resolvers.write_statements import Transaction, Values, always

JOB = "job"
_COUNT = Query(
    QueryRoot.CONNECTION,
    "Ticket",
    (("Ticket", Shape((Field("count", "total_count"),))),),
    GRAPHQL,
)
_STORED = always(
    select(func.sum(func.json_array_length(BATCHES.c["items"]))).where(
        BATCHES.c.job_id == bindparam(JOB, type_=Uuid36)
    )
)


@dataclass(frozen=True)
class Selection:
    """The tickets that a filter matches for the viewer, and how to store them for a job."""

    plan: Plan
    values: Values
    count: int

    async def store(self, transaction: Transaction, job_id: UUID) -> None:
        """Store them as batches; raises ``CountMismatch`` where their number has changed."""
        values = self.plan.values({**self.values, JOB: job_id})
        await transaction.fetch_finished(self.plan.sql, values, MAX_ANSWER_BYTES)
        row = await transaction.fetch_row(_STORED, {JOB: job_id})
        stored = 0 if row is None else row[0] or 0
        if stored != self.count:
            raise CountMismatch(self.count, stored)


async def select_tickets(
    context: Context, where: Where, values: Values, expected: int | None
) -> Selection:
    """Return the tickets that a filter matches, as ``resolvers.query.filters.parse`` has it.

    Raises ``Invalid`` for too many, and without the number that is expected; ``CountMismatch``.
    """
    if expected is None:
        raise Invalid({"expected_count": [Problem("required")]})
    args = [Args(where, values=values)]
    found = await read_json(context, _COUNT, args)
    assert found is not None
    count = orjson.loads(found)["count"]
    if count > MAX_TICKETS:
        raise Invalid({"filter": [Problem("too_many", {"count": count, "max": MAX_TICKETS})]})
    if count != expected:
        raise CountMismatch(expected, count)
    plan = await _plan(context, args[0])
    return Selection(plan, {**context_values(context), **argument_values(args)}, count)


async def _plan(context: Context, args: Args) -> Plan:
    """Return the statement that stores tickets as batches; a new one takes some time."""
    plans = context.services.plans
    key = ("bulk job", args, context.kind)
    plan = plans.get(key)
    if plan is not None:
        return plan
    work = partial(_compile, context, args)
    keep = partial(plans.put, key)
    return await context.services.compiler.run(
        context.rate_key, partial(plans.get, key), work, keep
    )


def _compile(context: Context, args: Args) -> Plan:
    dialect, entity = context.services.database.dialect, ENTITIES["Ticket"]
    build = CompileContext(
        dialect.name, context.kind, GRAPHQL.choice_names, False, (args,), deep=False
    )
    source = ListSource(build, entity, args, binds.prefix_of(binds.ROOT_SLOT), entity.order)
    found = source.rows(None, lambda row: [row.id]).subquery("found")
    place = func.row_number(type_=Integer).over(order_by=found.c.id)
    number = (place - literal_column("1", Integer)) // literal_column(str(BATCH), Integer)
    placed = select(found.c.id, number.label("number")).order_by(found.c.id)
    rows = placed.subquery("placed")
    items = JsonArrayAgg(JsonWord(Plain(rows.c.id)))
    # Of text, which SQLite stores as it is.
    listed = cast(items, JSON) if dialect.name == "postgresql" else items
    chosen = select(bindparam(JOB, type_=Uuid36), rows.c.number, listed, null())
    chosen = chosen.select_from(rows).group_by(rows.c.number)
    names = ["job_id", "number", "items", "event_ids"]
    return compile_statement(
        insert(BATCHES).from_select(names, chosen, include_defaults=False).inline(), dialect
    )
