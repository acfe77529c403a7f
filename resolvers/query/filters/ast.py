"""What a filter is once it is parsed: a small tree that says what changes the SQL and nothing else.

The operands are values of the request. The tree has only the names of their bind parameters. So
two filters with equal trees share one statement: plans are found by these objects, which are
hashed and compared at each read.
"""

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class And:
    """All of these filters must hold."""

    filters: "tuple[Where, ...]"


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of these filters must hold."""

    filters: "tuple[Where, ...]"


@dataclass(frozen=True, slots=True)
class Not:
    """A filter must be false, or unknown because of a null."""

    where: "Where"


@dataclass(frozen=True, slots=True)
class OfTickets:
    """An event's ticket must pass a filter."""

    where: "Where"


@dataclass(frozen=True, slots=True)
class Search:
    """All terms must be found; ``binds`` has their names.

    ``match`` is the name of what SQLite's index finds them with, ``short`` are those that are too
    short for it. ``wordless`` are those that PostgreSQL's index cannot find, or is not used for.
    """

    binds: tuple[str, ...]
    match: str = ""
    short: frozenset[str] = frozenset()
    wordless: frozenset[str] = frozenset()

    def is_indexed(self, dialect: str) -> bool:
        """Return whether the index of a database finds any of the terms."""
        return len(self.short if dialect == "sqlite" else self.wordless) < len(self.binds)


@dataclass(frozen=True, slots=True)
class Flag:
    """A column of true and false has this value."""

    column: str
    wanted: bool


@dataclass(frozen=True, slots=True)
class Switch:
    """A condition with a name of its own, such as ``overdue``, holds or does not hold."""

    name: str
    wanted: bool


@dataclass(frozen=True, slots=True)
class IsNull:
    """A field is null, or is not."""

    field: str
    wanted: bool


@dataclass(frozen=True, slots=True)
class HasTags:
    """A ticket has one of these tags, or all of them; ``binds`` has their names."""

    any_of_them: bool
    binds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Compare:
    """A field compares to one operand, which is a JSON list for ``in`` and ``not_in``."""

    field: str
    operator: str
    bind: str


Condition: TypeAlias = (
    And | Or | Not | OfTickets | Search | Flag | Switch | IsNull | HasTags | Compare
)
# All of the conditions must hold.
Where: TypeAlias = tuple[Condition, ...]


def depth(where: Where) -> int:
    """Return how deep the SQL of a filter nests: one, and two or three for each level inside.

    These are the levels of SQLite's parser stack that tests have measured, see ``objects``.
    """
    return 1 + max(map(_depth_of, where)) if where else 0


def _depth_of(condition: Condition) -> int:
    match condition:
        case And(filters) | Or(filters):
            return 2 + max(map(depth, filters))
        case Not(where) | OfTickets(where):
            return 1 + depth(where)
        case Search() | HasTags():
            return 1
        case _:
            return 0
