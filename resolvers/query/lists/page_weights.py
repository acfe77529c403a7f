"""How much long text the rows of a page bring along, so that a page can be bounded by it.

Only what a row has itself and what its related rows have counts, not the lists inside it.
"""

from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import func, literal_column, select

from resolvers.query.catalog import ENTITIES
from resolvers.query.compile_context import CompileContext, Row
from resolvers.query.field_types import Entity, JsonItems, Scalar, ToOne
from resolvers.query.lists.source import ListSource
from resolvers.query.shapes import TYPENAME, Shape
from resolvers.query.sql.elements import SQL, ByteLength

Weigh = Callable[[Row], SQL]


def weigher(build: CompileContext, entity: Entity, shapes: Iterable[Shape]) -> Weigh | None:
    """Return what gives the bytes of long text in a row of these shapes; None where it has none."""
    whole = Shape(tuple(field for shape in shapes for field in shape.fields))
    if not _is_heavy(entity, whole):
        return None
    return lambda row: _weight(build, entity, whole, row)


def _is_heavy(entity: Entity, shape: Shape) -> bool:
    for field in shape.fields:
        definition = None if field.name == TYPENAME else entity.fields[field.name]
        if isinstance(definition, JsonItems) or (
            isinstance(definition, Scalar) and definition.long
        ):
            return True
        if (
            isinstance(definition, ToOne)
            and field.shape is not None
            and _is_heavy(ENTITIES[definition.entity], field.shape)
        ):
            return True
    return False


def _weight(build: CompileContext, entity: Entity, shape: Shape, row: Row) -> SQL:
    total: SQL = literal_column("0")
    for field in shape.fields:
        definition = None if field.name == TYPENAME else entity.fields[field.name]
        if isinstance(definition, JsonItems):
            total += func.coalesce(ByteLength(row[definition.column]), literal_column("0"))
        elif isinstance(definition, Scalar) and definition.long:
            text = definition.sql(build, row, field.slot)
            total += func.coalesce(ByteLength(text), literal_column("0"))
        elif isinstance(definition, ToOne) and field.shape is not None:
            other = ENTITIES[definition.entity]
            if _is_heavy(other, field.shape):
                total += _weight_of_one(build, definition, other, field.shape, row)
    return total


def _weight_of_one(
    build: CompileContext, relation: ToOne, entity: Entity, shape: Shape, row: Row
) -> SQL:
    """Return the weight of a related row, whether or not the viewer sees it."""
    other = build.alias(entity.table)
    found = select(_weight(build, entity, shape, other.c)).where(other.c.id == row[relation.column])
    found = found.correlate_except(other)
    return func.coalesce(found.scalar_subquery(), literal_column("0"))


def items(shape: Shape) -> list[Shape]:
    """Return the shapes in which a connection shows each of its rows."""
    edges = [f.shape for f in shape.fields if f.name == "edges" and f.shape is not None]
    nodes = [f.shape for edge in edges for f in edge.fields if f.name == "node"]
    nodes += [f.shape for f in shape.fields if f.name == "nodes"]
    return [node for node in nodes if node is not None]


def fitting(source: ListSource, limit: SQL, weigh: Weigh, max_bytes: int | None = None) -> Any:
    """Return the select of a window's rows until their weight exceeds the bytes of a page.

    The first row is among them, whatever its weight.
    """
    reverse = source.args.backward

    def weighed(row: Row) -> list[SQL]:
        # The sums are of ids and numbers: a window holds all columns that go into it.
        keys = (column.label(f"k{i}") for i, (column, _, _) in enumerate(source.keys(row)))
        return [row.id, weigh(row).label("weight"), *keys]

    rows = source.rows(limit, weighed).subquery()
    directions = [*(down for _, down in source.order), source.order[-1][1]]
    order = [
        rows.c[f"k{i}"].desc() if down is not reverse else rows.c[f"k{i}"].asc()
        for i, down in enumerate(directions)
    ]
    total = func.sum(rows.c.weight).over(order_by=order, rows=(None, 0))
    sums = select(rows.c.id, (total - rows.c.weight).label("before")).subquery()
    most: SQL = literal_column(str(max_bytes or source.entity.max_page_bytes))
    kept = source.build.alias(source.entity.table)
    chosen = select(kept).where(kept.c.id.in_(select(sums.c.id).where(sums.c.before < most)))
    return chosen.order_by(*source.ordered(kept.c, reverse=reverse)).correlate_except(kept)
