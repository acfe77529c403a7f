"""Turns a shape into one statement whose single value is finished JSON.

Rows become JSON objects, and related rows become correlated subqueries. Their conditions, orders
and limits are SQL inside the same statement, so a read of any depth is one statement.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import JSON, ColumnElement, and_, case, cast, func, literal_column, select, true
from sqlalchemy.types import String

from models.types import Uuid36
from resolvers import access
from resolvers.query import binds
from resolvers.query.catalog import ENTITIES
from resolvers.query.compile_context import CompileContext, Row
from resolvers.query.expressions import member
from resolvers.query.field_types import (
    Embedded,
    Entity,
    FieldKind,
    JsonItems,
    JsonPart,
    Refusals,
    Scalar,
    ToMany,
    ToOne,
    UndoRefusal,
)
from resolvers.query.filters.ast import depth as filter_depth
from resolvers.query.lists.connections import Item, connection, text_list
from resolvers.query.lists.source import ListSource
from resolvers.query.permissions import refusal_list
from resolvers.query.shapes import FAILED, TYPENAME, Args, Field, Shape
from resolvers.query.sql.elements import (
    SQL,
    JsonAgain,
    JsonArrayAgg,
    JsonBool,
    JsonNumber,
    JsonNumberOrNull,
    JsonObject,
    JsonOrNull,
    JsonString,
    JsonTags,
    JsonText,
    JsonTextOrNull,
    JsonWord,
    JsonWordOrEmpty,
    JsonWordOrNull,
    TimeText,
    Word,
)
from resolvers.query.undo.fields import refusal_object

# SQLite's parser has a stack of 100, which objects inside each other fill, and filters, too.
# A shape's depth counts connections, edges and nodes; a filter's ``filters.ast.depth``.
# Both count together: a filter may be that of the innermost list.
SHALLOW = 8
SHALLOW_FILTER = 3
# How much depth it takes to find an object of any type.
OF_ANY_TYPE = 4


def is_deep(dialect: str, shapes: Sequence[Shape], args: Sequence[Args]) -> bool:
    """Tell whether a statement would nest too deep for the parser of its database."""
    objects = max(map(_depth, shapes), default=0) + (OF_ANY_TYPE if len(shapes) > 1 else 0)
    filters = max((filter_depth(one.where) for one in args), default=0)
    return dialect == "sqlite" and (objects + filters > SHALLOW or filters > SHALLOW_FILTER)


def _depth(shape: Shape) -> int:
    if shape.of_types:
        return OF_ANY_TYPE + max(_depth(one) for _, one in shape.of_types)
    return 1 + max((_depth(f.shape) for f in shape.fields if f.shape is not None), default=0)


def object_of(build: CompileContext, entity: Entity, shape: Shape, row: Row) -> SQL:
    """Return the JSON object of a row."""
    pairs = [(field.key, _value(build, entity, field, row)) for field in shape.fields]
    omitted = {f.key: _absent(build, entity, f, row) for f in shape.fields if f.omit_null}
    return JsonObject(pairs, omitted)


def _absent(build: CompileContext, entity: Entity, field: Field, row: Row) -> SQL:
    definition = entity.fields[field.name]
    assert isinstance(definition, Scalar)
    if definition.absent is not None:
        return definition.absent(build, row)
    return definition.sql(build, row, field.slot).is_(None)


def _value(build: CompileContext, entity: Entity, field: Field, row: Row) -> SQL:
    if field.name == TYPENAME:
        return Word(entity.name)
    if field.name == FAILED:
        return Word(FAILED)
    definition = entity.fields[field.name]
    if isinstance(definition, Scalar):
        value = definition.sql(build, row, field.slot)
        if field.omit_null:
            return JsonNumber(value) if definition.kind is FieldKind.NUMBER else JsonString(value)
        return encode(build, definition.kind, value, nullable=definition.nullable)
    assert field.shape is not None
    if isinstance(definition, Embedded):
        return object_of(build, ENTITIES[definition.entity], field.shape, row)
    if isinstance(definition, JsonItems | JsonPart):
        return _inside(build, definition, field.shape, row)
    if isinstance(definition, Refusals):
        return refusal_list(build, entity.name, field.shape, row)
    if isinstance(definition, UndoRefusal):
        return JsonOrNull(refusal_object(build, field.shape, row))
    if isinstance(definition, ToOne):
        return _one(build, definition, field.shape, row)
    return _many(build, definition, field, row)


def encode(build: CompileContext, kind: FieldKind, value: SQL, *, nullable: bool) -> SQL:
    """Return a value as JSON."""
    if kind is FieldKind.TEXT:
        return JsonTextOrNull(value) if nullable else JsonText(value)
    if kind is FieldKind.NUMBER or kind is FieldKind.HOURS:
        return JsonNumberOrNull(value) if nullable else JsonNumber(value)
    if kind in _writers:
        return _writers[kind](value)
    if kind is FieldKind.TIME:
        value = TimeText(value)
    elif kind is FieldKind.CHOICE and build.choice_names:
        value = func.upper(value)
    if not nullable:
        return JsonWord(value)
    if kind is FieldKind.CHOICE and not build.choice_names:
        return JsonWordOrEmpty(value)
    return JsonWordOrNull(value)


_writers: Mapping[FieldKind, Callable[[SQL], SQL]] = {
    FieldKind.BOOL: JsonBool,
    FieldKind.TAGS: JsonTags,
    FieldKind.WORD: JsonWord,
    FieldKind.JSON: lambda value: JsonOrNull(JsonAgain(value)),
}


def _inside(build: CompileContext, relation: JsonItems | JsonPart, shape: Shape, row: Row) -> SQL:
    """Return the list of a JSON column's objects, or one inside of such an object."""
    if isinstance(relation, JsonPart):
        return _part(build, relation, shape, row)
    read = func.json_each if build.dialect == "sqlite" else func.json_array_elements
    each = read(row[relation.column]).table_valued("value", name=f"e{build.next_name()}")
    item = object_of(build, ENTITIES[relation.entity], shape, each.c)
    return select(JsonArrayAgg(item)).select_from(each).correlate_except(each).scalar_subquery()


@dataclass(frozen=True)
class _JsonRow:
    """An object in JSON as a row, whose columns are its members."""

    build: CompileContext
    value: SQL

    def __getitem__(self, name: str) -> SQL:
        return _as_json(self.build, member(self, name))


def _as_json(build: CompileContext, text: SQL) -> SQL:
    return text if build.dialect == "sqlite" else cast(text, JSON)


def _part(build: CompileContext, definition: JsonPart, shape: Shape, row: Row) -> SQL:
    """Return an object inside of an object in JSON, or null."""
    text = member(row, definition.name)
    inside = _JsonRow(build, _as_json(build, text))
    found = object_of(build, ENTITIES[definition.entity], shape, inside)
    return JsonOrNull(case((text.is_not(None), found)))


def object_in_list(build: CompileContext, entity: Entity, shape: Shape, row: Row) -> SQL:
    """Return the JSON object of a row of a list, which is visible already."""
    if build.deep:
        return _viewed(build, entity, shape, row.id, lambda _row: true())
    return object_of(build, entity, shape, row)


def _one(build: CompileContext, relation: ToOne, shape: Shape, row: Row) -> SQL:
    entity = ENTITIES[relation.entity]
    key = row[relation.column]

    def seen(other: Row) -> ColumnElement[bool]:
        return build.shows(entity.name, other, anyone=relation.anyone)

    def found(other: Row) -> ColumnElement[bool]:
        return and_(other.id == key, seen(other))

    if build.deep:
        return JsonOrNull(_viewed(build, entity, shape, key, seen))
    joined = build.joined.get(id(row))
    if joined is not None:
        there = joined.other((relation.column, relation.anyone), entity.table, found)
        item = object_of(build, entity, shape, there)
        return JsonOrNull(case((there.id.is_not(None), item)))
    other = build.alias(entity.table)
    # Named, as a condition that is never true names no table.
    chosen = select(object_of(build, entity, shape, other.c)).select_from(other)
    chosen = chosen.where(found(other.c))
    return JsonOrNull(chosen.correlate_except(other).scalar_subquery())


def _viewed(
    build: CompileContext,
    entity: Entity,
    shape: Shape,
    key: SQL,
    seen: Callable[[Row], ColumnElement[bool]],
) -> SQL:
    """Return the JSON of the row with an id, or NULL, by way of a view.

    A common table expression stands beside the others instead of inside one, which keeps SQLite's
    parser from nesting too deep; used once, it is a view that looks up the one row.
    """
    row = build.alias(entity.table)
    item = object_of(build, entity, shape, row.c).label("json")
    view = select(row.c.id, item).where(seen(row.c)).cte(f"o{build.next_name()}")
    found = select(JsonAgain(view.c.json)).where(view.c.id == key)
    return found.correlate_except(view).scalar_subquery()


def _many(build: CompileContext, relation: ToMany, field: Field, row: Row) -> SQL:
    entity = ENTITIES[relation.entity]
    assert field.shape is not None
    source = ListSource(
        build,
        entity,
        build.args_of(field),
        prefix="" if field.slot is None else binds.prefix_of(field.slot),
        default_order=relation.order,
        belongs=lambda other: other[relation.column] == row.id,
        belongs_by=relation.column,
    )
    if relation.connection:
        return connection(source, field.shape, items_of(source))
    return text_list(source, field.shape, items_of(source))


def items_of(source: ListSource) -> Item:
    """Return the function that gives the JSON of a row of a list."""
    return partial(object_in_list, source.build, source.entity)


def one_row(
    build: CompileContext, entity: Entity, shape: Shape, found: Callable[[Row], ColumnElement[bool]]
) -> SQL:
    """Return the JSON of the one row that a condition finds and the viewer may fetch, or NULL."""
    row = build.alias(entity.table)
    may_fetch = access.fetchable(entity.name, row.c, build.kind, build.bind_viewer)
    statement = select(object_of(build, entity, shape, row.c)).where(found(row.c), may_fetch)
    return statement.correlate_except(row).scalar_subquery()


def any_node(build: CompileContext, shapes: Sequence[tuple[Entity, Shape]], node_id: SQL) -> SQL:
    """Return the JSON of the row of any entity that has an id and may be fetched, or NULL."""
    found = [
        one_row(build, entity, shape, lambda row: row.id == node_id) for entity, shape in shapes
    ]
    return func.coalesce(*found, literal_column("NULL")) if found else literal_column("NULL")


def some_nodes(build: CompileContext, shapes: Sequence[tuple[Entity, Shape]]) -> SQL:
    """Return a JSON list with a node or null for each of the ids of the value ``KEYS``."""
    keys = build.bind(binds.of_root(binds.KEYS), String)
    if build.dialect == "sqlite":
        each: Any = func.json_each(keys).table_valued("value")
        node_id = each.c.value
    else:
        each = func.json_array_elements_text(cast(keys, JSON)).table_valued("value")
        node_id = cast(each.c.value, Uuid36)
    item = JsonOrNull(JsonAgain(any_node(build, shapes, node_id)))
    return select(JsonArrayAgg(item)).select_from(each).scalar_subquery()
