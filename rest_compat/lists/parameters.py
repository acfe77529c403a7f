"""Parameters that look like ones that a list knows, and are none of them.

The old system ignored every parameter that it did not know (recorded). That stays, but for those
that some client library makes of a known one: ignored, they would answer with rows that nobody
asked for.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from itertools import islice

WINDOW = frozenset({"page", "page_size", "limit", "offset"})
ORDERING = "ordering"
# How many names of one request are looked at; no library makes up that many.
MAX_NAMES = 100

_SENTENCE = "This is no parameter of the list. Use “{name}”."
# ``status[]``, ``filter[status]``, ``status__in``, ``status.in``.
_PARTS = re.compile(r"[\[\].]+|__+")
_NOT_IN_WORDS = re.compile(r"[\W_]+")
_ENDINGS = ("", "s", "es", "id", "ids")


def near_misses(names: Iterable[str], known: Collection[str]) -> Mapping[str, list[str]]:
    """Return the problems of names that are spelled otherwise than the known ones they look like.

    Another case, other separators, brackets, lookups such as ``__in``, a plural or an ``_id``.
    """
    unknown = [name for name in islice(names, MAX_NAMES) if name not in known]
    if not unknown:
        return {}
    spellings = {_word(name) + ending: name for ending in _ENDINGS for name in known}
    meant = {name: _meant(name, spellings) for name in unknown}
    return {name: [_SENTENCE.format(name=one)] for name, one in meant.items() if one is not None}


def _meant(name: str, spellings: Mapping[str, str]) -> str | None:
    whole = spellings.get(_word(name))
    parts = (spellings.get(_word(part)) for part in _PARTS.split(name))
    return whole or next(filter(None, parts), None)


def _word(name: str) -> str:
    return _NOT_IN_WORDS.sub("", name).lower()
