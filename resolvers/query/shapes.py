"""Shapes: what a caller wants of an entity, as a small immutable tree.

A shape says what changes the SQL and nothing else: arguments are kept beside it, one ``Args`` for
each ``slot``, and of those only the structure is compared. Two requests with equal shapes and
equal structures share one statement.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from resolvers.query.filters.ast import Where

TYPENAME = "__typename"
# Stands for a field that cannot be read: it is answered with this word in its place.
FAILED = "__failed"


@dataclass(frozen=True, slots=True)
class Field:
    """One key of the answer: the catalog's field behind it, its arguments, its own shape."""

    key: str
    name: str
    shape: "Shape | None" = None
    slot: int | None = None
    # Leaves the key out where the value is null; never on the first field of a shape.
    omit_null: bool = False


@dataclass(frozen=True, slots=True)
class Shape:
    """The fields wanted of one entity, in the order of the answer.

    Of a union it has no fields, but a shape for each of its types, by their names.
    """

    fields: tuple[Field, ...]
    of_types: "tuple[tuple[str, Shape], ...]" = ()


@dataclass(frozen=True, slots=True)
class Args:
    """Arguments of one field: a structure that changes the SQL, and values that do not.

    ``where`` is a parsed filter; ``order`` has fields of the catalog, True where one descends.
    ``after``/``before`` tell whether such a position is among the values; ``backward`` that the
    page is counted from the end. ``limit`` stands in the SQL: PostgreSQL plans a statement again at
    each run where its limit is a parameter. ``skips``: an offset is among the values. ``types``:
    what a search looks at.
    """

    where: Where = ()
    order: tuple[tuple[str, bool], ...] = ()
    backward: bool = False
    after: bool = False
    before: bool = False
    limit: int | None = None
    skips: bool = False
    types: tuple[str, ...] = ()
    values: Mapping[str, object] = field(default_factory=dict, compare=False, hash=False)


NO_ARGS = Args()
