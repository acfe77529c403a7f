"""The reads: each takes a shape and arguments and answers with finished JSON from one statement.

One statement a read: all of it is of one snapshot of the database, it takes one round trip however
much is nested, and its plan can be kept under the structure of the read.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.types import String

from models.types import Uuid36
from resolvers.context import Context
from resolvers.preparation_cost import charge_preparation
from resolvers.query import binds
from resolvers.query.catalog import ENTITIES
from resolvers.query.compile_context import CompileContext, Row
from resolvers.query.event_log import check_kept, followed, purged_to
from resolvers.query.field_types import Entity
from resolvers.query.lists.connections import connection, text_list
from resolvers.query.lists.source import ListSource
from resolvers.query.lists.totals import count
from resolvers.query.objects import (
    any_node,
    is_deep,
    items_of,
    one_row,
    some_nodes,
)
from resolvers.query.payloads import payload
from resolvers.query.plans import Plan, compile_plan
from resolvers.query.revalidation.state import next_due_date, state_columns, taken
from resolvers.query.search.results import search_columns
from resolvers.query.search.snippets import new_mark, put_snippets, snippet_shapes
from resolvers.query.search.terms import terms_in
from resolvers.query.shapes import TYPENAME, Args, Shape
from resolvers.query.sql.elements import SQL
from resolvers.query.statements import argument_values, checked_row, context_values
from resolvers.query.statistics import statistics_object

# How many characters of a new statement cost a point: 10,000 take about 25 ms to make.
CHARACTERS_A_POINT = 10
# What changes without an event and without the mark: attempts to deliver are many, batches, too.
STATELESS = frozenset({"Webhook", "WebhookDelivery", "BulkJob"})


@dataclass(frozen=True)
class OutputFormat:
    """How an API words choices: by name with none as null, or by value with none as ''."""

    choice_names: bool


GRAPHQL = OutputFormat(choice_names=True)
REST = OutputFormat(choice_names=False)


class QueryRoot(Enum):
    """What a statement has at its top."""

    CONNECTION = auto()
    # The count and one page of a list, by offset.
    PAGE = auto()
    LIST = auto()
    # The row with a value in the column ``Query.by``.
    ONE = auto()
    # The object of any type with an id, and a list of them by their ids.
    NODE = auto()
    NODES = auto()
    STATISTICS = auto()
    # What a search finds in several types.
    SEARCH = auto()
    # The objects that a write has made or changed, by their ids.
    PAYLOAD = auto()
    # The events after one place in the log and up to another.
    FOLLOWED = auto()


@dataclass(frozen=True)
class Query:
    """One read: which root, of which entity, in which shape, with arguments by slot.

    The root's own arguments are slot 0. ``NODE`` and ``NODES`` have one shape for each entity, all
    others have one shape. ``by`` and ``versioned`` are for ``ONE``: the latter answers with the
    row's version, too (``read_versioned``).
    """

    root: QueryRoot
    entity: str
    shapes: tuple[tuple[str, Shape], ...]
    output_format: OutputFormat
    by: str = "id"
    versioned: bool = False


async def plan_for(
    context: Context, read: Query, args: Sequence[Args], key: Hashable = None
) -> Plan:
    """Return the plan of a read; ``key`` may stand for ``read`` where hashing that is slow.

    A new plan costs its user points by its length, also where there are too few left.
    """
    plans = context.services.plans
    whole = (read if key is None else key, tuple(args), context.kind, context.recorder is None)
    plan = plans.get(whole)
    if plan is not None:
        return plan

    def keep(made: Plan) -> None:
        plans.put(whole, made)
        charge_preparation(context, len(made.sql) // CHARACTERS_A_POINT)

    compiler = context.services.compiler
    make = partial(_compile, context, read, args)
    return await compiler.run(context.rate_key, partial(plans.get, whole), make, keep)


def _compile(context: Context, read: Query, args: Sequence[Args]) -> Plan:
    dialect = context.services.database.dialect
    build = CompileContext(
        dialect.name,
        context.kind,
        read.output_format.choice_names,
        context.services.signed_media,
        args,
        deep=is_deep(dialect.name, [shape for _, shape in read.shapes], args),
    )
    columns = _BUILDERS[read.root](build, read)
    if context.recorder is None or _is_stateless(read):
        return compile_plan(columns, dialect)
    states: tuple[SQL, ...] = state_columns(build)
    if binds.NOW in build.bound:
        states = (*states, next_due_date(build))
    return replace(compile_plan((*states, *columns), dialect), states=len(states))


def _is_stateless(read: Query) -> bool:
    """Whether a read may show what changes without a new state; of any object, more than its id."""
    return read.entity in STATELESS or any(
        name in STATELESS and any(field.name not in ("id", TYPENAME) for field in shape.fields)
        for name, shape in read.shapes
    )


async def run(context: Context, plan: Plan, args: Sequence[Args]) -> Any:
    """Run a plan with the values of these arguments and return its row.

    Raises ``AnswerTooLarge``.
    """
    values = context_values(context, plan.names)
    values.update(argument_values(args))
    user = context.rate_key
    row = await context.services.database.fetch_row(plan.sql, plan.values(values), user)
    return taken(context, plan, checked_row(context.services, row))


async def read_json(
    context: Context, read: Query, args: Sequence[Args], key: Hashable = None
) -> str | None:
    """Return the JSON text of a read, None where there is no such row for the viewer.

    Raises ``AnswerTooLarge``, and ``CursorExpired`` where events after a cursor were removed.
    """
    if read.root is QueryRoot.SEARCH:
        return await _read_search(context, read, args, key)
    plan = await plan_for(context, read, args, key)
    row = await run(context, plan, args)
    if row is None:
        return None
    if len(row) > 1:
        # A page of events after a place in the log.
        check_kept(args[0].values[binds.position(binds.AFTER, 0)], row[0])
    text: str | None = row[-1]
    return text


async def read_versioned(
    context: Context, read: Query, args: Sequence[Args]
) -> tuple[str, int] | None:
    """Return the JSON text and the version of the row of a versioned read, None if there is none.

    Raises ``AnswerTooLarge``.
    """
    row = await run(context, await plan_for(context, read, args), args)
    return None if row is None or row[1] is None else (row[1], row[0])


async def _read_search(context: Context, read: Query, args: Sequence[Args], key: Hashable) -> str:
    first, mark = args[binds.ROOT_SLOT], new_mark()
    marked = (replace(first, values={**first.values, binds.MARK: mark}), *args[1:])
    plan = await plan_for(context, read, args, key)
    *texts, answer = await run(context, plan, marked)
    if texts:
        shapes = snippet_shapes(read.shapes[0][1])
        answer = put_snippets(answer, texts[0], mark, shapes, terms_in(first.where, first.values))
        checked_row(context.services, (answer,))
    return str(answer)


def _source(build: CompileContext, read: Query) -> ListSource:
    entity = ENTITIES[read.entity]
    return ListSource(build, entity, build.args[0], binds.prefix_of(binds.ROOT_SLOT), entity.order)


def _connection(build: CompileContext, read: Query) -> tuple[SQL, ...]:
    source = _source(build, read)
    page = connection(source, read.shapes[0][1], items_of(source))
    resumes = read.entity == "TicketEvent" and source.args.after
    return (purged_to(), page) if resumes else (page,)


def _page(build: CompileContext, read: Query) -> tuple[SQL, ...]:
    source = _source(build, read)
    return (count(source), text_list(source, read.shapes[0][1], items_of(source)))


def _list(build: CompileContext, read: Query) -> tuple[SQL, ...]:
    source = _source(build, read)
    return (text_list(source, read.shapes[0][1], items_of(source)),)


def _one(build: CompileContext, read: Query) -> tuple[SQL, ...]:
    wanted = build.bind(binds.of_root(binds.KEY), Uuid36 if read.by == "id" else String)

    def found(row: Row) -> ColumnElement[bool]:
        condition: ColumnElement[bool] = row[read.by] == wanted
        return condition

    entity = ENTITIES[read.entity]
    row = one_row(build, entity, read.shapes[0][1], found)
    if not read.versioned:
        return (row,)
    table = build.alias(entity.table)
    return (select(table.c.version).where(found(table.c)).scalar_subquery(), row)


def _shapes(read: Query) -> list[tuple[Entity, Shape]]:
    return [(ENTITIES[name], shape) for name, shape in read.shapes]


def _node(build: CompileContext, read: Query) -> tuple[SQL, ...]:
    return (any_node(build, _shapes(read), build.bind(binds.of_root(binds.KEY), Uuid36)),)


def _nodes(build: CompileContext, read: Query) -> tuple[SQL, ...]:
    return (some_nodes(build, _shapes(read)),)


def _statistics(build: CompileContext, read: Query) -> tuple[SQL, ...]:
    return (statistics_object(_source(build, read), read.shapes[0][1]),)


def _search(build: CompileContext, read: Query) -> tuple[SQL, ...]:
    return search_columns(build, read.shapes[0][1])


def _payload(build: CompileContext, read: Query) -> tuple[SQL, ...]:
    return (payload(build, read.entity, read.shapes[0][1]),)


def _followed(build: CompileContext, read: Query) -> tuple[SQL, ...]:
    """Return how far events were removed, and a list of events."""
    source = _source(build, read)
    return (purged_to(), followed(source, read.shapes[0][1], items_of(source)))


_BUILDERS: Mapping[QueryRoot, Callable[[CompileContext, Query], tuple[SQL, ...]]] = {
    QueryRoot.CONNECTION: _connection,
    QueryRoot.PAGE: _page,
    QueryRoot.LIST: _list,
    QueryRoot.ONE: _one,
    QueryRoot.NODE: _node,
    QueryRoot.NODES: _nodes,
    QueryRoot.STATISTICS: _statistics,
    QueryRoot.SEARCH: _search,
    QueryRoot.PAYLOAD: _payload,
    QueryRoot.FOLLOWED: _followed,
}
