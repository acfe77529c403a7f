"""Filters as they are given become a tree and its values.

A filter is a mapping as the GraphQL API has it, in snake case: field → comparator → operand, with
``and``, ``or`` and ``not``. The tree (``ast``) is what changes the SQL; the values do not.
"""

import json
from collections.abc import Mapping
from typing import Any

from models import TicketPriority
from models.search import normalize_search
from resolvers.errors import BadInput
from resolvers.query import binds
from resolvers.query.filters.ast import (
    And,
    Compare,
    Condition,
    Flag,
    HasTags,
    IsNull,
    Not,
    OfTickets,
    Or,
    Search,
    Switch,
    Where,
)
from resolvers.query.filters.search_terms import (
    TRIGRAM,
    has_word,
    like_pattern,
    match_phrases,
    search_terms,
)
from resolvers.texts import is_storable

MAX_IN_LIST = 100
MAX_CONDITIONS = 100
MAX_DEPTH = 10
FLAGS = frozenset({"is_internal", "is_active", "is_primary"})
SWITCHES = frozenset({"open", "unassigned", "mine", "overdue"})
_PRIORITY_RANK = {priority.value: i for i, priority in enumerate(TicketPriority)}

# By name of their bind parameter.
Values = dict[str, object]
# A filter as a client sent it: each operand is checked where it is read.
Raw = Mapping[str, Any]


def parse(raw: Raw | None, values: Values, prefix: str = binds.FILTER) -> Where:
    """Parse a filter; the values go into ``values`` under names that start with the prefix.

    What has no content is no condition, wherever it stands: a null, a comparator without operators,
    a search without terms, ``and``, ``or`` and ``not`` of nothing. Raises ``BadInput`` where a list
    or the whole is larger than allowed.
    """
    if not raw:
        return ()
    where = _parse(raw, values, prefix, depth=0)
    if _size(where) > MAX_CONDITIONS:
        raise BadInput(f"A filter takes at most {MAX_CONDITIONS} conditions.")
    return _pruned(where)


def _pruned(where: Where) -> Where:
    """Return a filter without the parts that have no content."""
    return tuple(kept for part in where if (kept := _with_content(part)) is not None)


def _with_content(part: Condition) -> Condition | None:
    match part:
        case And(filters) | Or(filters):
            kept = tuple(filter(None, map(_pruned, filters)))
            return type(part)(kept) if kept else None
        case Not(where) | OfTickets(where):
            inside = _pruned(where)
            return type(part)(inside) if inside else None
        case Search(binds) if not binds:
            return None
        case _:
            return part


def _size(where: Where) -> int:
    """Return how many conditions a filter has; one that is empty counts, too."""
    return max(1, sum(map(_conditions_in, where)))


def _conditions_in(part: Condition) -> int:
    match part:
        case And(filters) | Or(filters):
            return sum(map(_size, filters))
        case Not(where) | OfTickets(where):
            return _size(where)
        case Search(binds) | HasTags(_, binds):
            return max(1, len(binds))
        case _:
            return 1


def _parse(raw: Raw, values: Values, prefix: str, depth: int) -> Where:
    if depth > MAX_DEPTH:
        raise BadInput(f"A filter nests at most {MAX_DEPTH} levels deep.")
    where: list[Condition] = []
    for key, value in raw.items():
        name = f"{prefix}_{key}"
        if value is None:
            continue
        if key in ("and", "or"):
            if len(value) > MAX_CONDITIONS:
                raise BadInput(f"A filter takes at most {MAX_CONDITIONS} conditions.")
            parts = (_parse(v, values, f"{name}{i}", depth + 1) for i, v in enumerate(value))
            where.append((And if key == "and" else Or)(tuple(parts)))
        elif key in ("not", "tickets"):
            inside = _parse(value, values, name, depth + 1)
            where.append(Not(inside) if key == "not" else OfTickets(inside))
        elif key == "search":
            where.append(_parse_search(value, values, name))
        elif key in SWITCHES:
            where.append(Switch(key, bool(value)))
        elif key in FLAGS:
            where.append(Flag(key, bool(value)))
        else:
            where += _parse_comparator(key, value, values, name)
    return tuple(where)


def _parse_search(text: str, values: Values, name: str) -> Search:
    terms = [normalize_search(term) for term in search_terms(text)]
    _checked(text)
    named = {f"{name}{i}": like_pattern(term) for i, term in enumerate(terms)}
    values.update(named)
    if match := match_phrases(terms):
        values[f"{name}_match"] = match
    of_bind = dict(zip(named, terms, strict=True))
    return Search(
        tuple(named),
        f"{name}_match",
        short=frozenset(bind for bind, term in of_bind.items() if len(term) < TRIGRAM),
        wordless=frozenset(bind for bind, term in of_bind.items() if not has_word(term)),
    )


def _checked(text: str) -> str:
    """Return a text that can be stored; ``BadInput`` where no row can have it."""
    if not is_storable(text):
        raise BadInput("A text in a filter has a NUL or another character that no text can have.")
    return text


def _parse_comparator(key: str, comparator: Raw, values: Values, name: str) -> list[Condition]:
    where: list[Condition] = []
    for operator, operand in comparator.items():
        if operand is None:
            continue
        if operator == "is_null":
            where.append(IsNull(key, bool(operand)))
            continue
        bound = f"{name}_{operator}"
        if operator in ("in", "not_in", "has_any", "has_all"):
            if len(operand) > MAX_IN_LIST:
                raise BadInput(f"A list in a filter takes at most {MAX_IN_LIST} values.")
            if key == "tags":
                named = {f"{bound}{i}": _checked(tag) for i, tag in enumerate(operand)}
                values.update(named)
                where.append(HasTags(operator == "has_any", tuple(named)))
                continue
            operand = json.dumps([_checked(str(value)) for value in operand])
        elif key == "priority" and operator in ("gte", "lte"):
            operand = _PRIORITY_RANK[operand]
        values[bound] = _checked(str(operand)) if isinstance(operand, str) else operand
        where.append(Compare(key, operator, bound))
    return where
