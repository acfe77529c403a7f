"""The connection over what a search finds in several types, best first.

Of each type only the newest rows that are found are ranked, so that a term of many rows costs no
more than one of some.
"""

from dataclasses import dataclass, replace

from sqlalchemy import CTE, ColumnElement, case, literal_column, select, true, union_all
from sqlalchemy.types import Integer, String

from resolvers.query import binds
from resolvers.query.catalog import ENTITIES, NEWEST, RESULT
from resolvers.query.compile_context import CompileContext, Row
from resolvers.query.lists.connections import Item, connection
from resolvers.query.lists.source import ListSource
from resolvers.query.objects import one_row
from resolvers.query.search.own_comments import newest_of_company
from resolvers.query.search.snippets import snippet_shapes
from resolvers.query.search.terms import search_of
from resolvers.query.search.texts import score, texts_of
from resolvers.query.shapes import Args, Shape
from resolvers.query.sql.elements import (
    SQL,
    AnySelect,
    Concat,
    Constant,
    JsonAgain,
    JsonArray,
    JsonArrayAgg,
    JsonOrNull,
    JsonWord,
    Plain,
)
from resolvers.viewer import ViewerKind

# How many rows of a type are ranked, the newest ones that are found.
CANDIDATES = 200
_PREFIX = binds.prefix_of(binds.ROOT_SLOT)


@dataclass
class _Results(ListSource):
    """The rows of a common table expression, which are visible already."""

    def filtered(self, row: Row) -> ColumnElement[bool]:
        return true()

    def shown(self, row: Row) -> list[SQL]:
        return [row.kind, row.id, row.created_at, row.score]


def search_columns(build: CompileContext, shape: Shape) -> tuple[SQL, ...]:
    """Return the JSON of the connection, after the texts that its snippets are cut from, if any."""
    args = build.args[binds.ROOT_SLOT]
    entity = replace(RESULT, table=_ranked(build, args))
    source = _Results(build, entity, replace(args, where=()), _PREFIX, RESULT.order)
    found = connection(source, shape, _item_of(build, args, shape))
    return (_texts(source, args), found) if snippet_shapes(shape) else (found,)


def _ranked(build: CompileContext, args: Args) -> CTE:
    candidates = [_candidates(build, name, args) for name in args.types]
    return union_all(*candidates).cte("ranked")


def _candidates(build: CompileContext, name: str, args: Args) -> AnySelect:
    entity = ENTITIES[name]
    newest = Args(where=args.where, order=NEWEST)
    source = ListSource(build, entity, newest, _PREFIX, NEWEST)
    limit = literal_column(str(CANDIDATES), Integer)
    if name == "Comment" and build.kind is ViewerKind.CUSTOMER:
        newest_ids = newest_of_company(source, limit)
    else:
        newest_ids = source.rows(limit, lambda row: [row.id])
    ids = newest_ids.subquery(f"i{build.next_name()}")
    row = build.alias(entity.table)
    ranked = score(build, name, row.c, search_of(args.where), _PREFIX).label("score")
    kind = literal_column(f"'{name}'", String).label("kind")
    found = select(kind, row.c.id, row.c.created_at, ranked)
    return found.select_from(ids).join(row, row.c.id == ids.c.id)


def _item_of(build: CompileContext, args: Args, whole: Shape) -> Item:
    """Return what gives the JSON of a node, and of the place where its snippets are put.

    Only the shape of a node has types.
    """
    snippets = snippet_shapes(whole)

    def item(shape: Shape, row: Row) -> SQL:
        if not shape.of_types:
            mark, place = build.bind(_PREFIX + binds.MARK, String), snippets.index(shape)
            return JsonWord(Concat(mark, Constant(f".{place}."), Plain(row.id)))
        nodes = [
            (row.kind == Constant(name), _node(build, name, inner, row))
            for name, inner in shape.of_types
            if name in args.types
        ]
        return JsonOrNull(JsonAgain(case(*nodes)))

    return item


def _node(build: CompileContext, name: str, shape: Shape, row: Row) -> SQL:
    return one_row(build, ENTITIES[name], shape, lambda other: other.id == row.id)


def _texts(source: ListSource, args: Args) -> SQL:
    """Return the JSON list of each row's id and texts."""
    build, page = source.build, source.page()
    texts = [
        (page.c.kind == Constant(name), _texts_of(build, name, args, page.c)) for name in args.types
    ]
    item = JsonArray(JsonWord(Plain(page.c.id)), JsonOrNull(JsonAgain(case(*texts))))
    return select(JsonArrayAgg(item)).select_from(page).scalar_subquery()


def _texts_of(build: CompileContext, name: str, args: Args, found: Row) -> SQL:
    row = build.alias(ENTITIES[name].table)
    texts = select(texts_of(build, name, row.c, search_of(args.where), _PREFIX))
    return texts.where(row.c.id == found.id).correlate_except(row).scalar_subquery()
