"""Turns a shape into one statement whose single value is finished JSON.

``Build`` holds one statement in the making. Objects become concatenations, related rows
correlated subqueries: their conditions, orders and limits are plain SQL inside the same
statement, so a read costs one statement however deep it goes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, bindparam, case, func, literal_column, select
from sqlalchemy.types import LargeBinary, TypeEngine

from models.types import Uuid36
from resolvers import access
from resolvers.desk import ViewerKind
from resolvers.fields import ENTITIES
from resolvers.kinds import Definition, Entity, Inline, Kind, Many, One, Row, Scalar
from resolvers.shapes import NO_ARGS, TYPENAME, Args, Field, Shape
from resolvers.sqltext import (
    SQL,
    BoolText,
    Concat,
    Constant,
    Joined,
    Plain,
    Quoted,
    TimeText,
)

NULL = Constant("null")
QUOTE = Constant('"')


@dataclass
class Build:
    """One statement in the making: for whom, in which face's words, with which arguments.

    ``choice_names``: choices appear by name (GraphQL) and none as null, instead of by value and
    none as an empty text (REST).
    """

    dialect: str
    kind: ViewerKind
    choice_names: bool
    signed_media: bool
    args: Sequence[Args]
    aliases: int = 0

    def bind(self, name: str, type_: type[TypeEngine[Any]] | TypeEngine[Any]) -> SQL:
        """Return the bind parameter of a name; the plan is given its value at each run."""
        return bindparam(name, type_=type_)

    def bind_viewer(self, name: str) -> SQL:
        """Return the bind parameter for one of the viewer's ids."""
        return self.bind(name, Uuid36)

    def pads(self) -> tuple[SQL, ...]:
        """Return what signing needs inside a statement: SQLite's functions know the key."""
        if self.dialect == "sqlite":
            return ()
        return (self.bind("inner_pad", LargeBinary), self.bind("outer_pad", LargeBinary))

    def alias(self, table: Any) -> Any:
        """Return the table under a name that no other place of the statement uses."""
        self.aliases += 1
        return table.alias(f"t{self.aliases}")

    def args_of(self, field: Field) -> Args:
        """Return the arguments of a field."""
        return NO_ARGS if field.slot is None else self.args[field.slot]

    def visible(self, entity: Entity, row: Row) -> ColumnElement[bool]:
        """Return the condition for rows that the viewer may see."""
        return access.visible(entity.name, row, self.kind, self.bind_viewer)


def text_object(build: Build, entity: Entity, shape: Shape, row: Row) -> SQL:
    """Return the JSON object of a row."""
    parts: list[SQL] = [Constant("{")]
    for i, field in enumerate(shape.fields):
        key = Constant(f'{"," if i else ""}"{field.key}":')
        if field.name == TYPENAME:
            parts += [key, Constant(f'"{entity.name}"')]
        elif field.omit_null:
            parts.append(_key_unless_null(build, entity, field, row, key))
        else:
            parts += [key, *_value(build, entity.fields[field.name], field, row)]
    return joined([*parts, Constant("}")])


def joined(parts: Sequence[SQL]) -> SQL:
    """Concatenate parts, writing neighbouring constants as one."""
    merged: list[SQL] = []
    for part in parts:
        previous = merged[-1] if merged else None
        if isinstance(part, Constant) and isinstance(previous, Constant):
            merged[-1] = Constant(previous.text + part.text)
        else:
            merged.append(part)
    return Concat(*merged)


def _key_unless_null(build: Build, entity: Entity, field: Field, row: Row, key: Constant) -> SQL:
    definition = entity.fields[field.name]
    assert isinstance(definition, Scalar)
    value = definition.sql(build, row, field.slot)
    encoded = Concat(key, *encode(build, definition.kind, value, nullable=False))
    return case((value.is_(None), Constant("")), else_=encoded)


def _value(build: Build, definition: Definition, field: Field, row: Row) -> list[SQL]:
    if isinstance(definition, Scalar):
        value = definition.sql(build, row, field.slot)
        return encode(build, definition.kind, value, nullable=definition.nullable)
    assert field.shape is not None
    if isinstance(definition, Inline):
        return [text_object(build, ENTITIES[definition.entity], field.shape, row)]
    if isinstance(definition, One):
        return [_one(build, definition, field.shape, row)]
    return [_many(build, definition, field, row)]


def encode(build: Build, kind: Kind, value: SQL, *, nullable: bool) -> list[SQL]:
    """Return the parts that write a value as JSON."""
    if kind is Kind.TEXT:
        return [Quoted(value)]
    if kind is Kind.JSON:
        return [value]
    if kind is Kind.BOOL:
        return [BoolText(value)]
    if kind is Kind.NUMBER:
        return [func.coalesce(Plain(value), NULL) if nullable else Plain(value)]
    if kind is Kind.TIME:
        text: SQL = TimeText(value)
    elif kind is Kind.CHOICE and build.choice_names:
        text = func.upper(value)
    else:
        text = Plain(value)
    if not nullable:
        return [QUOTE, text, QUOTE]
    empty = Constant('""') if kind is Kind.CHOICE and not build.choice_names else NULL
    return [case((value.is_(None), empty), else_=Concat(QUOTE, text, QUOTE))]


def _one(build: Build, relation: One, shape: Shape, row: Row) -> SQL:
    entity = ENTITIES[relation.entity]
    other = build.alias(entity.table)
    found = select(text_object(build, entity, shape, other.c)).where(
        other.c.id == row[relation.column]
    )
    if not relation.anyone:
        found = found.where(build.visible(entity, other.c))
    return func.coalesce(found.correlate_except(other).scalar_subquery(), NULL)


def _many(build: Build, relation: Many, field: Field, row: Row) -> SQL:
    # Here, because the two modules build each other's parts.
    from resolvers.connections import Source, connection, text_list

    entity = ENTITIES[relation.entity]
    assert field.shape is not None
    source = Source(
        build,
        entity,
        build.args_of(field),
        prefix=f"s{field.slot}_",
        default_order=relation.order,
        belongs=lambda other: other[relation.column] == row.id,
    )
    if relation.connection:
        return connection(source, field.shape)
    return text_list(source, field.shape)


def one_row(
    build: Build, entity: Entity, shape: Shape, found: Callable[[Row], ColumnElement[bool]]
) -> SQL:
    """Return the JSON of the one visible row that a condition finds, or NULL."""
    row = build.alias(entity.table)
    statement = select(text_object(build, entity, shape, row.c))
    statement = statement.where(found(row.c), build.visible(entity, row.c))
    return statement.correlate_except(row).scalar_subquery()


def any_node(build: Build, shapes: Sequence[tuple[Entity, Shape]], node_id: SQL) -> SQL:
    """Return the JSON of the visible row of any entity that has an id, or NULL."""
    found = [
        one_row(build, entity, shape, lambda row: row.id == node_id) for entity, shape in shapes
    ]
    return func.coalesce(*found, literal_column("NULL")) if found else literal_column("NULL")


def some_nodes(
    build: Build, shapes: Sequence[tuple[Entity, Shape]], each: Any, node_id: SQL
) -> SQL:
    """Return a JSON list with a node or null for each row of ``each``, whose id is ``node_id``."""
    item = func.coalesce(any_node(build, shapes, node_id), NULL)
    listed = select(Concat(Constant("["), Joined(item), Constant("]"))).select_from(each)
    return listed.scalar_subquery()


def payload_object(build: Build, typename: str, shape: Shape, prefix: str) -> SQL:
    """Return the JSON of a write's answer: objects and ids by the bind parameters named as they.

    It has no errors: a write that failed has nothing to project.
    """
    parts: list[SQL] = [Constant("{")]
    for i, field in enumerate(shape.fields):
        parts.append(Constant(f'{"," if i else ""}"{field.key}":'))
        made = build.bind(prefix + field.name, Uuid36)
        if field.name == TYPENAME:
            parts.append(Constant(f'"{typename}"'))
        elif field.name == "errors":
            parts.append(Constant("[]"))
        elif field.shape is None:
            parts += encode(build, Kind.UUID, made, nullable=False)
        else:
            entity = ENTITIES[field.name.title()]
            found = one_row(build, entity, field.shape, lambda row, made=made: row.id == made)  # type: ignore[misc]
            parts.append(func.coalesce(found, NULL))
    return joined([*parts, Constant("}")])
