"""The reads: each takes a shape and arguments and answers with finished JSON from one statement.

One statement a read: all of it is of one snapshot of the database, it takes one round trip however
much is nested, and its plan can be kept under the structure of the read.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from functools import partial
from typing import Any

from sqlalchemy import JSON, ColumnElement, and_, cast, func, literal_column, select
from sqlalchemy.types import BigInteger, Integer, String

from models.types import Uuid36
from resolvers.context import Context
from resolvers.preparation_cost import charge_preparation
from resolvers.query import binds
from resolvers.query.catalog import ENTITIES
from resolvers.query.compile_context import CompileContext, Row
from resolvers.query.field_types import Entity
from resolvers.query.lists.connections import connection, text_list
from resolvers.query.lists.page_weights import fitting, weigher
from resolvers.query.lists.source import ListSource
from resolvers.query.lists.totals import count
from resolvers.query.objects import (
    any_node,
    is_deep,
    items_of,
    one_row,
    some_nodes,
)
from resolvers.query.plans import Plan, compile_plan
from resolvers.query.search.results import search_columns
from resolvers.query.search.snippets import new_mark, put_snippets, snippet_shapes
from resolvers.query.search.terms import terms_in
from resolvers.query.shapes import TYPENAME, Args, Shape
from resolvers.query.sql.elements import (
    SQL,
    JsonArrayAgg,
    JsonEmptyArray,
    JsonNumber,
    JsonObject,
    JsonOrNull,
    JsonWord,
    Plain,
    Word,
)
from resolvers.query.statements import argument_values, checked_row, context_values
from resolvers.query.statistics import statistics_object

# How many events a follower holds at most, and how much long text of them beyond the first one.
MAX_FOLLOWED = 50
# How many characters of a new statement cost a point: 10,000 take about 25 ms to make.
CHARACTERS_A_POINT = 10
MAX_FOLLOWED_BYTES = 256 * 1024


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
    others have one shape. ``by`` is for ``ONE``.
    """

    root: QueryRoot
    entity: str
    shapes: tuple[tuple[str, Shape], ...]
    output_format: OutputFormat
    by: str = "id"


async def plan_for(
    context: Context, read: Query, args: Sequence[Args], key: Hashable = None
) -> Plan:
    """Return the plan of a read; ``key`` may stand for ``read`` where hashing that is slow.

    A new plan costs its user points by its length, also where there are too few left.
    """
    plans = context.services.plans
    whole = (read if key is None else key, tuple(args), context.kind)
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
    return compile_plan(_BUILDERS[read.root](build, read), dialect)


async def run(context: Context, plan: Plan, args: Sequence[Args]) -> Any:
    """Run a plan with the values of these arguments and return its row.

    Raises ``AnswerTooLarge``.
    """
    values = context_values(context)
    values.update(argument_values(args))
    user = context.rate_key
    row = await context.services.database.fetch_row(plan.sql, plan.values(values), user)
    return checked_row(context.services, row)


async def read_json(
    context: Context, read: Query, args: Sequence[Args], key: Hashable = None
) -> str | None:
    """Return the JSON text of a read, None where there is no such row for the viewer.

    Raises ``AnswerTooLarge``.
    """
    if read.root is QueryRoot.SEARCH:
        return await _read_search(context, read, args, key)
    plan = await plan_for(context, read, args, key)
    row = await run(context, plan, args)
    return None if row is None else row[0]


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
    return (connection(source, read.shapes[0][1], items_of(source)),)


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

    return (one_row(build, ENTITIES[read.entity], read.shapes[0][1], found),)


def _shapes(read: Query) -> list[tuple[Entity, Shape]]:
    return [(ENTITIES[name], shape) for name, shape in read.shapes]


def _node(build: CompileContext, read: Query) -> tuple[SQL, ...]:
    return (any_node(build, _shapes(read), build.bind(binds.of_root(binds.KEY), Uuid36)),)


def _nodes(build: CompileContext, read: Query) -> tuple[SQL, ...]:
    keys = build.bind(binds.of_root(binds.KEYS), String)
    if build.dialect == "sqlite":
        each = func.json_each(keys).table_valued("value")
        return (some_nodes(build, _shapes(read), each, each.c.value),)
    each = func.json_array_elements_text(cast(keys, JSON)).table_valued("value")
    return (some_nodes(build, _shapes(read), each, cast(each.c.value, Uuid36)),)


def _statistics(build: CompileContext, read: Query) -> tuple[SQL, ...]:
    return (statistics_object(_source(build, read), read.shapes[0][1]),)


def _search(build: CompileContext, read: Query) -> tuple[SQL, ...]:
    return search_columns(build, read.shapes[0][1])


def _payload(build: CompileContext, read: Query) -> tuple[SQL, ...]:
    """Return a write's answer: objects and ids by the bind parameters named as they are.

    It has no errors: a write that failed has nothing to project.
    """
    pairs: list[tuple[str, SQL]] = []
    for field in read.shapes[0][1].fields:
        made = build.bind(binds.of_root(field.name), Uuid36)
        if field.name == TYPENAME:
            value: SQL = Word(read.entity)
        elif field.name == "errors":
            value = JsonEmptyArray()
        elif field.shape is None:
            value = JsonWord(Plain(made))
        else:
            value = JsonOrNull(_made(build, field.name, field.shape, made))
        pairs.append((field.key, value))
    return (JsonObject(pairs),)


def _made(build: CompileContext, name: str, shape: Shape, key: SQL) -> SQL:
    entity = ENTITIES["WebhookDelivery" if name == "delivery" else name.title()]
    return one_row(build, entity, shape, lambda row: row.id == key)


def _followed(build: CompileContext, read: Query) -> tuple[SQL, ...]:
    """Return a list of events, each with its ``seq``, cursor and size beside the object."""
    since = build.bind(binds.of_root(binds.SEQ), BigInteger)
    until = build.bind(binds.of_root(binds.UNTIL), BigInteger)
    source = replace(
        _source(build, read), belongs=lambda row: and_(row.seq > since, row.seq <= until)
    )
    limit, shape = literal_column(str(MAX_FOLLOWED), Integer), read.shapes[0][1]
    weigh = weigher(build, source.entity, [shape])
    chosen = (
        source.rows(limit)
        if weigh is None
        else fitting(source, limit, weigh, max_bytes=MAX_FOLLOWED_BYTES)
    )
    rows = chosen.subquery("followed")
    event = items_of(source)(shape, rows.c)
    place = [
        ("seq", JsonNumber(rows.c.seq)),
        ("size", JsonNumber(literal_column("0") if weigh is None else weigh(rows.c))),
        ("cursor", JsonWord(source.sealed(source.position(rows.c)))),
    ]
    listed = JsonArrayAgg(JsonObject([*place, ("event", event)]))
    return (select(listed).select_from(rows).scalar_subquery(),)


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
