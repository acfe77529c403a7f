"""The ``Link`` header of REST answers: GraphiQL with the request's equivalent operation."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import lru_cache
from urllib.parse import quote_plus

import orjson
from starlette.datastructures import QueryParams
from starlette.requests import Request

from deskgraph.graphql_links.equivalents import EQUIVALENTS, ID, YOURS, Equivalent
from models import Team
from resolvers.naming import camel
from rest_compat.http.endpoint import Link
from rest_compat.http.responses import RestError
from rest_compat.lists.list_endpoint import ListEndpoint, ParsedFilters, order_of
from rest_compat.lists.pagination import window_of
from rest_compat.serializers.request_fields import uuid_of
from schema.types.page_arguments import MAX_PAGE_SIZE

# The longest header that common proxies accept; a longer one goes without its variables.
MAX_BYTES = 4000
# So many headers are kept for each list, of queries that are shorter than this.
MAX_KEPT = 256
MAX_KEPT_LENGTH = 200
# Stands for the id in a header that is made before there is one; no character of it is escaped.
KEY = "ID-IN-THE-PATH"


class Alternate:
    """Makes the header of one equivalent; what is the same for all requests is made once."""

    def __init__(self, equivalent: Equivalent, graphiql: str) -> None:
        self._equivalent = equivalent
        self._graphiql = graphiql
        self._query = quote_plus(equivalent.text)
        self._alone = self._with(filled(equivalent.variables, YOURS))
        self._of_id = (
            self._with(filled(equivalent.variables, KEY)) if has_id(equivalent.variables) else None
        )
        self._of_kept = lru_cache(MAX_KEPT)(self._of_parameters)

    def header(self, request: Request) -> str:
        """Return the header's value for a request."""
        if self._of_id is not None:
            key = uuid_of(request.path_params.get("id"))
            return self._alone if key is None else self._of_id.replace(KEY, str(key))
        query: bytes = request.scope["query_string"]
        if not query or not (self._equivalent.listing or self._equivalent.instead):
            return self._alone
        # Clients ask for the same pages again and again.
        return (self._of_kept if len(query) < MAX_KEPT_LENGTH else self._of_parameters)(query)

    def _of_parameters(self, query: bytes) -> str:
        params = QueryParams(query.decode("latin-1"))
        equivalent = next(
            (t for name, t in self._equivalent.instead.items() if params.get(name)), None
        )
        if equivalent is not None:
            return Alternate(equivalent, self._graphiql)._of_parameters(query)
        return self._with(
            {**filled(self._equivalent.variables, YOURS), **variables_of(self._equivalent, params)}
        )

    def _with(self, variables: Mapping[str, object]) -> str:
        start, end = f"<{self._graphiql}?query={self._query}", '>; rel="alternate"; title="GraphQL"'
        if not variables:
            return start + end
        value = f"{start}&variables={quote_plus(orjson.dumps(variables))}{end}"
        return value if len(value) < MAX_BYTES else start + end


def links_to(graphiql: str) -> Callable[[str], Link | None]:
    """Return ``links`` of ``rest_routes``; ``graphiql`` is the address of GraphiQL."""
    return lambda path: _link_of(path, graphiql)


# Kept for all applications of a process: it is a third of the work of making one.
@lru_cache(256)
def _link_of(path: str, graphiql: str) -> Link | None:
    """Return what makes the header for the methods of a path; None if it has no equivalents.

    Methods without an equivalent get the header of the path's first one: HEAD, OPTIONS, and those
    that the path does not have.
    """
    equivalents = EQUIVALENTS.get(path, {})
    made = {
        method: Alternate(equivalent, graphiql)
        for method, equivalent in equivalents.items()
        if equivalent
    }
    if not made:
        return None
    first = next(iter(made.values()))

    def link(request: Request) -> str | None:
        method = request.method
        if method in equivalents and method not in made:
            return None
        return made.get(method, first).header(request)

    return link


def has_id(variables: Mapping[str, object]) -> bool:
    """Whether the id in the path is among the variables of an equivalent."""
    return any(
        has_id(value) if isinstance(value, Mapping) else value is ID for value in variables.values()
    )


def filled(variables: Mapping[str, object], key: str) -> dict[str, object]:
    """Return variables with the id in its place."""
    return {
        name: filled(value, key) if isinstance(value, Mapping) else key if value is ID else value
        for name, value in variables.items()
    }


def variables_of(equivalent: Equivalent, params: QueryParams) -> dict[str, object]:
    """Return the variables for a list's parameters, without filters whose value is wrong."""
    if equivalent.listing is None:
        return {}
    filters = equivalent.listing.filters
    parsed = ParsedFilters()
    for name, value in params.items():
        if value and name in equivalent.filters:
            filters[name].read(name, value, parsed)
    known = {
        name: value for name, value in parsed.conditions.items() if name not in parsed.problems
    }
    found: dict[str, object] = {}
    if equivalent.nested:
        if known:
            found["filter"] = {
                camel(name): _graph(equivalent.listing, name, value)
                for name, value in known.items()
            }
    else:
        found |= {
            name: value["eq"] if isinstance(value, dict) else value for name, value in known.items()
        }
    if equivalent.ordered and (order := order_of(equivalent.listing, params)):
        found["orderBy"] = [
            {"field": name.upper(), "direction": "DESC" if turned else "ASC"}
            for name, turned in order
        ]
    if equivalent.paged and (size := _size(params)):
        found["first"] = size
    return found


def _graph(listing: ListEndpoint, name: str, value: object) -> object:
    """Return a condition as GraphQL writes it: choices by name."""
    taken = listing.filters[name].value_type if name in listing.filters else bool
    choices: type[object] = Team if name == "assigned_team" else taken
    if not issubclass(choices, StrEnum) or not isinstance(value, Mapping):
        return value
    named = {choice.value: choice.name for choice in choices}
    # REST accepts an unknown team, which finds nothing; GraphQL has no name for it.
    return {"eq": named[value["eq"]]} if value["eq"] in named else None


def _size(params: Mapping[str, str]) -> int | None:
    if not {"limit", "page_size"} & params.keys():
        return None
    try:
        return min(window_of(params).limit, MAX_PAGE_SIZE)
    except RestError:
        return None
