"""The terms of a search of several types, and the values by which its statement compares them."""

from collections.abc import Mapping, Sequence

from models.search import SEPARATOR, normalize_search
from resolvers.errors import BadInput
from resolvers.query.filters.ast import Search, Where
from resolvers.query.filters.parse import parse
from resolvers.query.filters.search_terms import like_pattern, search_terms

# The bind parameters of patterns for a row that has the whole search as one of its short fields.
EXACT_FIRST, EXACT_OTHER = "exact_first", "exact_other"


def parse_search(text: str, values: dict[str, object]) -> Where:
    """Return a search as a filter; what else its statement needs goes into ``values``, too.

    Raises ``BadInput`` for a text without terms, and as ``parse`` does.
    """
    where = parse({"search": text}, values)
    if not where:
        raise BadInput("A search takes at least one term.")
    terms = [normalize_search(term) for term in search_terms(text)]
    for bind, term in zip(search_of(where).binds, terms, strict=True):
        values[term_bind(bind)] = term
        for fields in (1, 2):
            values[title_bind(bind, fields)] = like_pattern(term) + (SEPARATOR + "%") * fields
    whole = like_pattern(" ".join(terms))
    values[EXACT_FIRST] = whole.removeprefix("%").removesuffix("%") + SEPARATOR + "%"
    values[EXACT_OTHER] = f"%{SEPARATOR}{whole.removeprefix('%').removesuffix('%')}{SEPARATOR}%"
    return where


def search_of(where: Where) -> Search:
    """Return the one condition of the filter of a search."""
    (search,) = where
    assert isinstance(search, Search)
    return search


def term_bind(bind: str) -> str:
    """Return the name of the bind parameter that is a term itself."""
    return f"{bind}_term"


def title_bind(bind: str, fields: int) -> str:
    """Return the name of a pattern that finds a term only where so many fields follow it."""
    return f"{bind}_before{fields}"


def terms_in(where: Where, values: Mapping[str, object]) -> Sequence[str]:
    """Return the terms of a search as texts are compared with them."""
    return [str(values[term_bind(bind)]) for bind in search_of(where).binds]
