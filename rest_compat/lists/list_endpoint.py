"""Lists: filters, search and ordering from the query, a window, and the answer around the rows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property, partial
from uuid import UUID

import orjson
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from resolvers.context import Context
from resolvers.errors import BadInput
from resolvers.query.execute import REST, Query, QueryRoot, plan_for, run
from resolvers.query.filters.ast import Where
from resolvers.query.filters.parse import parse
from resolvers.query.filters.search_terms import search_terms
from resolvers.query.shapes import Args, Shape
from rest_compat.http.error_messages import NOT_VALID_UUID, NULL_CHARACTERS
from rest_compat.http.responses import RestError, answer
from rest_compat.lists.pagination import MAX_PAGE, Window, window_of
from rest_compat.lists.parameters import ORDERING, WINDOW, near_misses
from rest_compat.serializers.reads import row_exists
from rest_compat.serializers.request_fields import uuid_of
from rest_compat.serializers.shapes import EXISTS

FLAG_SPELLINGS = {"1": True, "true": True, "0": False, "false": False}


@dataclass
class ParsedFilters:
    """The filters of a query string, as the resolvers take them, and what is wrong with them."""

    # What ``resolvers.query.filters.parse`` takes.
    conditions: dict[str, object] = field(default_factory=dict)
    problems: dict[str, list[str]] = field(default_factory=dict)
    # Parameter, entity and id of each row that has to exist.
    references: list[tuple[str, str, UUID]] = field(default_factory=list)


Reader = Callable[[str, str, ParsedFilters], None]


class BooleanFilter:
    """The type of a parameter that filters only where it is literally ``true``."""


@dataclass(frozen=True, eq=False)
class Filter:
    """Parses a parameter; the type of its value is a choice, an id, a text or a boolean."""

    read: Reader
    value_type: type[object]


def filter_of(value_type: type[object]) -> Callable[[Reader], Filter]:
    """Make a filter of the function that parses its parameter."""
    return partial(Filter, value_type=value_type)


def choice(choices: type[StrEnum]) -> Filter:
    """Filter by a choice; other values are refused (recorded: "filter status=bogus")."""
    values = frozenset(choice.value for choice in choices)

    @filter_of(choices)
    def read(name: str, value: str, parsed: ParsedFilters) -> None:
        if value in values:
            parsed.conditions[name] = {"eq": value}
        else:
            sentence = f"Select a valid choice. {value} is not one of the available choices."
            parsed.problems[name] = [sentence]

    return read


def reference(entity: str | None) -> Filter:
    """Filter by an id; of an entity, one that has no row is refused (recorded)."""

    @filter_of(UUID)
    def read(name: str, value: str, parsed: ParsedFilters) -> None:
        if "\0" in value:
            parsed.problems[name] = [NULL_CHARACTERS]
            return
        found = uuid_of(value)
        if found is None:
            parsed.problems[name] = [NOT_VALID_UUID.format(value=value)]
            return
        parsed.conditions[name] = {"eq": found}
        if entity is not None:
            parsed.references.append((name, entity, found))

    return read


@filter_of(str)
def text(name: str, value: str, parsed: ParsedFilters) -> None:
    """Filter by an exact text: one that no row has finds nothing."""
    if "\0" in value:
        parsed.problems[name] = [NULL_CHARACTERS]
    parsed.conditions[name] = {"eq": value}


@filter_of(str)
def trimmed(name: str, value: str, parsed: ParsedFilters) -> None:
    """Filter by an exact text without the blanks around it; only blanks do not filter."""
    if value := value.strip():
        text.read(name, value, parsed)


@filter_of(str)
def search(name: str, value: str, parsed: ParsedFilters) -> None:
    """Search for terms."""
    try:
        search_terms(value)
    except BadInput as error:
        parsed.problems[name] = [str(error)]
    if "\0" in value:
        parsed.problems[name] = [NULL_CHARACTERS]
    parsed.conditions[name] = value


@filter_of(bool)
def flag(name: str, value: str, parsed: ParsedFilters) -> None:
    """Filter by a boolean; other spellings do not filter."""
    if (found := FLAG_SPELLINGS.get(value.lower())) is not None:
        parsed.conditions[name] = found


def switch(condition: str) -> Filter:
    """Filter where the parameter is literally ``true`` (recorded: "filter my_tickets=false")."""

    @filter_of(BooleanFilter)
    def read(_name: str, value: str, parsed: ParsedFilters) -> None:
        if value == "true":
            parsed.conditions[condition] = True

    return read


@dataclass(frozen=True, eq=False)
class ListEndpoint:
    """A list: its path, its rows' shape, and the parameters and orders it knows.

    ``more`` are parameters that are neither filters nor of the window.
    """

    path: str
    entity: str
    shape: Shape
    filters: Mapping[str, Filter]
    orders: frozenset[str]
    more: frozenset[str] = frozenset()
    read: Query = field(init=False)

    @cached_property
    def known(self) -> frozenset[str]:
        """The names of its parameters; what looks like one of them and is none is refused."""
        return WINDOW.union(self.filters, self.more, [ORDERING] if self.orders else ())

    def __post_init__(self) -> None:
        read = Query(QueryRoot.PAGE, self.entity, ((self.entity, self.shape),), REST)
        object.__setattr__(self, "read", read)

    def filter(self, params: Mapping[str, str], parsed: ParsedFilters) -> None:
        """Read the filters of a query; empty values do not filter."""
        for name, value in params.items():
            if value and name in self.filters:
                self.filters[name].read(name, value, parsed)


async def list_answer(listing: ListEndpoint, request: Request, context: Context) -> Response:
    """Answer with a window of a list: ``count``, ``next``, ``previous``, ``results``."""
    parsed = await checked(listing, request, context)
    read = partial(_read, listing, context, parsed, order_of(listing, request.query_params))
    try:
        window = window_of(request.query_params)
    except RestError:
        # A wrong filter is reported first, as the rows are filtered before they are paged.
        await require_references(context, parsed)
        raise
    if window.page == 0:
        window = window.on_last_page((await read(Window(1, MAX_PAGE)))[0])
    count, text = await read(window)
    if count == 0:
        # Rows show that what they refer to exists; only without any it has to be looked for.
        await require_references(context, parsed)
    url = context.base_url + listing.path
    following, previous = window.links(url, query_of(request), count)
    results = orjson.Fragment(text)
    return answer({"count": count, "next": following, "previous": previous, "results": results})


def query_of(request: Request) -> str:
    """Return the query as it is in Starlette's ``url``, of which all other parts cost more."""
    query: bytes = request.scope["query_string"]
    # A fragment is no part of it, and tabs are left out (WHATWG URL, section 4.4).
    return query.decode().partition("#")[0].replace("\t", "")


async def checked(listing: ListEndpoint, request: Request, context: Context) -> ParsedFilters:
    """Return what a query's filters ask for; raises ``RestError`` with all that is wrong."""
    parsed = ParsedFilters()
    # Empty values do not filter (recorded), and of repeated ones this is the last.
    given = {name: value for name, value in request.query_params.items() if value}
    listing.filter(given, parsed)
    parsed.problems |= near_misses(given, listing.known)
    if parsed.problems:
        await require_references(context, parsed)
    return parsed


async def require_references(context: Context, parsed: ParsedFilters) -> None:
    """Raise ``RestError`` with the problems found before and with references to nothing."""
    sentence = "Select a valid choice. That choice is not one of the available choices."
    for name, entity, key in parsed.references:
        # Customers see the staff on their tickets there only, so for them no user is unknown.
        hidden = entity == "User" and context.require_viewer().is_customer
        if not hidden and not await row_exists(context, EXISTS[entity], key):
            parsed.problems[name] = [sentence]
    if parsed.problems:
        raise RestError(400, parsed.problems)


def filter_args(parsed: ParsedFilters, **values: object) -> tuple[Where, dict[str, object]]:
    """Return the structure and the values of a query's filters."""
    bound: dict[str, object] = {}
    where = parse(parsed.conditions, bound)
    return where, {**bound, **values}


async def _read(
    listing: ListEndpoint,
    context: Context,
    parsed: ParsedFilters,
    order: tuple[tuple[str, bool], ...],
    window: Window,
) -> tuple[int, str]:
    where, values = filter_args(parsed, offset=window.bounded_offset)
    skips = window.offset > 0
    args = (Args(where, order, limit=window.limit, skips=skips, values=values),)
    plan = await plan_for(context, listing.read, args, key=listing.path)
    row = await run(context, plan, args)
    return row[0], row[1]


def order_of(listing: ListEndpoint, params: QueryParams) -> tuple[tuple[str, bool], ...]:
    """Read ``ordering``: fields the list does not know are ignored (recorded: "ordering bogus").

    Given several times it is one list, as clients write lists that do not know about the commas.
    """
    found: dict[str, bool] = {}
    for term in ",".join(params.getlist(ORDERING)).split(","):
        name = term.strip()
        descends = name.startswith("-")
        name = name[1:] if descends else name
        if name in listing.orders:
            found.setdefault(name, descends)
    return tuple(found.items())
