"""Names in camelCase, as GraphQL has them, and in snake_case, as the code and REST have them."""

import re
from functools import lru_cache

# Where a word ends: before each capital, but not inside of an abbreviation.
_WORD_END = re.compile(r"([a-z]|[A-Z0-9]+)(?=[A-Z])")


@lru_cache(maxsize=1000)
def snake(name: str) -> str:
    """Return a name in snake_case: ``not_in`` for ``notIn``."""
    return _WORD_END.sub(r"\1_", name).lower()


def camel(name: str) -> str:
    """Return a name in camelCase: ``notIn`` for ``not_in``, ``and`` for ``and_``."""
    head, *rest = name.rstrip("_").split("_")
    return head + "".join(part.capitalize() for part in rest)
