"""Plans: compiled read statements, kept by what changes their SQL.

Building a statement costs 5 ms and compiling it up to 4, running it 1: so a plan keeps the text
and the order of its values, and a request with the same structure only fills in the values. Large
structures take a hundred times as long: see ``resolvers.background``.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import (
    Dialect,
    Integer,
    SelectBase,
    UpdateBase,
    bindparam,
    case,
    func,
    literal_column,
    select,
)

import resolvers.query.sql.dialect  # noqa: F401 - registers how each database writes the elements
from resolvers.query import binds
from resolvers.query.sql.elements import SQL

MAX_PLANS = 1000


@dataclass(frozen=True)
class Plan:
    """A statement's text, and how to turn named values into the driver's positional ones.

    ``states`` is how many of its first columns are of the state of the data (``revalidation``).
    """

    sql: str
    names: tuple[str, ...]
    constants: Mapping[str, object]
    processors: Mapping[str, Callable[[object], object]]
    states: int = 0

    @cached_property
    def _slots(self) -> Sequence[tuple[str, bool, Callable[[object], object] | None]]:
        """Each name with whether it is a constant, and what its value goes through."""
        return [(name, name in self.constants, self.processors.get(name)) for name in self.names]

    def values(self, given: Mapping[str, object]) -> list[object]:
        """Return the driver's values in order; raises ``KeyError`` for one that is missing."""
        found = []
        for name, is_constant, process in self._slots:
            value = self.constants[name] if is_constant else given[name]
            found.append(value if process is None or value is None else process(value))
        return found


def compile_plan(columns: Sequence[SQL], dialect: Dialect) -> Plan:
    """Compile the select of some columns; the last one is the answer's JSON.

    PostgreSQL answers with an empty text instead of more than ``max_answer_bytes``, which is then
    neither sent nor kept here. SQLite has a limit for each connection
    (``deskgraph/database/readers.py``).
    """
    # Under short names: SQLite calls them by their whole text otherwise.
    statement = select(*(c.label(f"c{i}") for i, c in enumerate(columns)))
    if dialect.name == "postgresql":
        # With an offset the subquery stays one: its columns are computed once.
        *others, answer = statement.offset(literal_column("0")).subquery("answer").c
        is_large = func.octet_length(answer) > bindparam(binds.MAX_ANSWER_BYTES, type_=Integer)
        guarded = case((is_large, literal_column("''")), else_=answer)
        statement = select(*others, guarded.label(answer.name))
    return compile_statement(statement, dialect)


def compile_statement(statement: SelectBase | UpdateBase, dialect: Dialect) -> Plan:
    """Compile a statement; bind parameters that have a value keep it."""
    compiled = statement.compile(dialect=dialect)
    processors = {}
    constants = {}
    for bind, name in compiled.bind_names.items():
        process = bind.type.dialect_impl(dialect).bind_processor(dialect)
        if process is not None:
            processors[name] = process
        if not bind.required:
            constants[name] = bind.value
    names = tuple(compiled.positiontup or ())
    return Plan(str(compiled), names, constants, processors)


@dataclass(slots=True)
class _Kept:
    """A plan, and the number of the lookup that found it last."""

    plan: Plan
    found: int


class Plans:
    """A bounded cache of plans; the least recently used one leaves first.

    Keys are long to hash, and one that leaves has made room for a statement that took milliseconds.
    So a lookup only notes its number, and who leaves is looked for then.
    """

    def __init__(self, most: int = MAX_PLANS) -> None:
        self._most = most
        # How often a plan was there, and was not.
        self.hits = self.misses = 0
        self._plans: dict[Hashable, _Kept] = {}

    def get(self, key: Hashable) -> Plan | None:
        """Return the plan of a key if there is one."""
        kept = self._plans.get(key)
        if kept is None:
            self.misses += 1
            return None
        self.hits += 1
        kept.found = self.hits + self.misses
        return kept.plan

    def put(self, key: Hashable, plan: Plan) -> None:
        """Keep the plan of a key."""
        self._plans[key] = _Kept(plan, self.hits + self.misses)
        if len(self._plans) > self._most:
            del self._plans[min(self._plans, key=lambda one: self._plans[one].found)]

    def __len__(self) -> int:
        return len(self._plans)
