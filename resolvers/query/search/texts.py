"""The texts of each type that a search looks at: which are titles, and which are shown cut out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import and_, case, cast, func, literal_column, or_, true
from sqlalchemy.types import BigInteger, Integer, String

from resolvers import access
from resolvers.query.catalog import ENTITIES
from resolvers.query.compile_context import CompileContext, Row
from resolvers.query.field_types import Scalar
from resolvers.query.filters.ast import Search
from resolvers.query.filters.search_terms import LIKE_ESCAPE
from resolvers.query.search.terms import EXACT_FIRST, EXACT_OTHER, term_bind, title_bind
from resolvers.query.sql.elements import SQL, JsonObject, JsonTextOrNull, LastOfThree

# Of a longer text the database sends so many characters, around the first term.
WINDOW = 1_000
# More than any place in a text.
_NOWHERE = 2**31 - 1

# The normalised text of a field alone.
Normal = Callable[[Row], SQL]


@dataclass(frozen=True)
class Searched:
    """What a type is searched in.

    ``titles``: how many fields of its ``search_text`` follow those that rank above others; none do
    without it. ``long`` are the fields whose texts may be long, ``short`` the others.
    """

    short: tuple[str, ...]
    long: Mapping[str, Normal]
    titles: int | None = None
    has_company: bool = False


SEARCHED: Mapping[str, Searched] = {
    "Ticket": Searched(
        ("ticket_number", "subject"),
        {"description": lambda row: LastOfThree(row.search_text)},
        titles=1,
        has_company=True,
    ),
    "Comment": Searched((), {"text": lambda row: row.search_text}),
    "Contact": Searched(("name", "email", "phone", "title"), {}, titles=2, has_company=True),
    "Company": Searched(
        ("name", "website", "country"), {"notes": lambda row: row.search_private}, titles=2
    ),
}
# As snippets call the field of an object beside it.
COMPANY_NAME = "company.name"


def score(build: CompileContext, entity: str, row: Row, search: Search, prefix: str) -> SQL:
    """Return how good a found row is: 2 if a short field is the search, 1 for a title, or 0."""
    searched = SEARCHED[entity]
    if searched.titles is None:
        return literal_column("0", Integer)

    def has(name: str) -> SQL:
        pattern = build.bind(prefix + name, String)
        found: SQL = row.search_text.like(pattern, escape=LIKE_ESCAPE)
        return found

    in_title = and_(true(), *(has(title_bind(bind, searched.titles)) for bind in search.binds))
    is_exact = or_(has(EXACT_FIRST), has(EXACT_OTHER))
    best, good, other = (literal_column(number, Integer) for number in "210")
    return case((is_exact, best), (in_title, good), else_=other)


def texts_of(build: CompileContext, entity: str, row: Row, search: Search, prefix: str) -> SQL:
    """Return the JSON object of a row's texts that the viewer may search, long ones cut."""
    searched = SEARCHED[entity]
    terms = [build.bind(prefix + term_bind(bind), String) for bind in search.binds]
    pairs = [(name, row[name]) for name in searched.short]
    for name, normal in searched.long.items():
        is_private = entity == "Company"
        if is_private and not _sees_private(build, entity, row):
            continue
        pairs.append((name, _window(build, row[name], normal(row), terms)))
    if searched.has_company:
        company = ENTITIES[entity].fields["company_name"]
        assert isinstance(company, Scalar)
        pairs.append((COMPANY_NAME, company.sql(build, row, None)))
    return JsonObject([(name, JsonTextOrNull(text)) for name, text in pairs])


def _sees_private(build: CompileContext, entity: str, row: Row) -> bool:
    may_search = access.may_search_private_text(entity, row, build.kind, build.bind_viewer)
    return may_search is true()


def _window(build: CompileContext, text: SQL, normal: SQL, terms: Sequence[SQL]) -> SQL:
    """Return a text, or the part of a long one that has the first term.

    Its place is estimated where the text and what is compared differ in length.
    """
    on_sqlite = build.dialect == "sqlite"
    find = func.instr if on_sqlite else func.strpos
    least, greatest = (func.min, func.max) if on_sqlite else (func.least, func.greatest)
    nowhere, window = _number(_NOWHERE), _number(WINDOW)
    places = [
        func.coalesce(func.nullif(find(normal, term, type_=Integer), _number(0)), nowhere)
        for term in terms
    ]
    first = cast(places[0] if len(places) == 1 else least(*places), BigInteger)
    length = func.length(text, type_=Integer)
    place = (first * length).op("/")(func.length(normal, type_=Integer))
    start = greatest(least(place, length) - _number(WINDOW // 2), _number(1))
    cut = func.substr(text, cast(start, Integer), window)
    return case((length > window, cut), else_=text)


def _number(number: int) -> SQL:
    return literal_column(str(number), Integer)
