"""What a filter costs: how much work its conditions are for each row that it looks at."""

from collections.abc import Mapping

from resolvers.errors import BadInput
from resolvers.query.filters.search_terms import MAX_TERMS, search_terms

# In plain conditions: a term reads whole texts, and a tag takes a list apart.
TERM = 25
TAG = 10
# In points for a plain condition, each time that a list is read or counted by it. A list of its own
# is every row that the viewer may see, one below a row has only what belongs to that row.
OF_ALL = 20
OF_ONE = 2


def weight_of(raw: Mapping[str, object]) -> int:
    """Return how many plain conditions a filter is worth, before it is known to be right.

    The filter may have the names of either API.
    """
    return sum(_weight(key, value) for key, value in raw.items() if value is not None)


def _weight(key: str, value: object) -> int:
    if key in ("and", "or", "not", "tickets"):
        parts = value if isinstance(value, list) else [value]
        return sum(weight_of(part) for part in parts if isinstance(part, Mapping))
    if key == "search":
        return TERM * _terms_in(value)
    operands = value.values() if isinstance(value, Mapping) else [value]
    if key == "tags":
        return TAG * sum(len(one) if isinstance(one, list) else 1 for one in operands)
    return len(operands)


def _terms_in(value: object) -> int:
    try:
        return len(search_terms(value)) if isinstance(value, str) else 0
    except BadInput:
        return MAX_TERMS
