"""Lists and keyset connections, as parts of a projection."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    case,
    func,
    select,
)
from sqlalchemy.types import Integer

from resolvers.query import binds
from resolvers.query.compile_context import Row
from resolvers.query.lists.page_weights import fitting, items, weigher
from resolvers.query.lists.source import ListSource
from resolvers.query.lists.totals import count
from resolvers.query.shapes import TYPENAME, Field, Shape
from resolvers.query.sql.elements import (
    SQL,
    First,
    JsonArrayAgg,
    JsonBool,
    JsonFalse,
    JsonNumber,
    JsonObject,
    JsonWord,
    JsonWordOrNull,
    Last,
    Word,
)

# Gives the JSON of a row in a shape: ``objects.items_of`` makes it.
Item = Callable[[Shape, Row], SQL]


def text_list(source: ListSource, shape: Shape, item: Item) -> SQL:
    """Return the JSON list of all rows, or of as many as the arguments allow after an offset."""
    name = f"p{source.build.aliases}"
    limit = source.limit() if source.args.limit is not None else None
    if limit is not None and source.args.skips:
        chosen = source.skipped_to(limit, source.bind(binds.OFFSET, Integer))
    else:
        chosen = source.rows(limit)
    rows = chosen.subquery(name)
    joined = source.build.joining(rows)
    listed = JsonArrayAgg(item(shape, rows.c))
    return select(listed).select_from(joined.rows).scalar_subquery()


def connection(source: ListSource, shape: Shape, item: Item) -> SQL:
    """Return the JSON of a connection: what of edges, nodes, pageInfo and totalCount is wanted."""
    weigh = None
    if source.entity.max_page_bytes is not None:
        weigh = weigher(source.build, source.entity, items(shape))
    page = None
    if _needs_rows(shape):
        page = source.page(None if weigh is None else fitting(source, source.limit(), weigh))
    joined = None if page is None else source.build.joining(page)
    shown = None if weigh is None else func.count()
    whole = JsonObject(
        [(field.key, _member(source, field, page, shown, item)) for field in shape.fields]
    )
    return whole if joined is None else select(whole).select_from(joined.rows).scalar_subquery()


def _needs_rows(shape: Shape) -> bool:
    return any(
        field.name in ("edges", "nodes")
        or (
            field.name == "page_info"
            and field.shape is not None
            and any(inner.name in ("start_cursor", "end_cursor") for inner in field.shape.fields)
        )
        for field in shape.fields
    )


def _member(source: ListSource, field: Field, page: Any, shown: SQL | None, item: Item) -> SQL:
    if field.name == TYPENAME:
        return Word(f"{source.entity.name}Connection")
    if field.name == "total_count":
        return JsonNumber(count(source))
    assert field.shape is not None
    if field.name == "page_info":
        facts = field.shape.fields
        return JsonObject(
            [(fact.key, _page_fact(source, fact.name, page, shown)) for fact in facts]
        )
    if field.name == "nodes":
        return JsonArrayAgg(item(field.shape, page.c))
    parts = field.shape.fields
    return JsonArrayAgg(
        JsonObject([(part.key, _edge_part(source, part, page.c, item)) for part in parts])
    )


def _edge_part(source: ListSource, field: Field, row: Row, item: Item) -> SQL:
    if field.name == TYPENAME:
        return Word(f"{source.entity.name}Edge")
    if field.name == "cursor":
        return JsonWord(source.sealed(source.position(row)))
    assert field.shape is not None
    return item(field.shape, row)


def _page_fact(source: ListSource, name: str, page: Any, shown: SQL | None) -> SQL:
    args = source.args
    if name == TYPENAME:
        return Word("PageInfo")
    if name in ("start_cursor", "end_cursor"):
        at = First if name == "start_cursor" else Last
        found = at(source.position(page.c))
        return JsonWordOrNull(case((found.isnot(None), source.sealed(found))))
    forwards = name == "has_next_page"
    if forwards is not args.backward:
        return JsonBool(source.has_more(shown))
    if args.before if forwards else args.after:
        return JsonBool(source.has_left(binds.BEFORE if forwards else binds.AFTER))
    return JsonFalse()
