"""The cost of a request: about that of the same request in GraphQL.

A read costs a point for each object of its answer: what it may have is drawn before, and what it
did not have is given back; and points for the conditions of a list. A write costs ten.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import cache

from starlette.requests import Request
from starlette.responses import Response

from resolvers.context import Context
from resolvers.errors import TimedOut
from resolvers.query.execute import Query, QueryRoot
from resolvers.query.filters.cost import OF_ALL, weight_of
from resolvers.query.shapes import Shape
from resolvers.rate_limits import count_objects
from rest_compat.http.responses import RestError
from rest_compat.lists.list_endpoint import ListEndpoint, ParsedFilters
from rest_compat.lists.pagination import PAGE_SIZE, window_of
from rest_compat.openapi.operations import Operation

WRITE = 10
SCANS = 2
SAFE = ("GET", "HEAD")


def points_of(operation: Operation, request: Request) -> int:
    """Return the most that a request may cost."""
    if request.method not in SAFE:
        return WRITE
    objects = _objects_of(operation)
    if operation.listing is None or not _has_window(operation, operation.listing):
        return objects
    try:
        return 1 + objects * window_of(request.query_params).limit
    except RestError:
        return 1


def points_of_filters(operation: Operation, request: Request) -> int:
    """Return what the conditions of a list cost: its rows are counted, and read."""
    listing = operation.listing
    if listing is None or request.method not in SAFE or not request.scope["query_string"]:
        return 0
    wanted = ParsedFilters()
    listing.filter(request.query_params, wanted)
    return OF_ALL * SCANS * weight_of(wanted.conditions)


def _has_window(operation: Operation, listing: ListEndpoint) -> bool:
    return operation.answers is listing.read or operation.follows


@cache
def _objects_of(operation: Operation) -> int:
    """Return the objects of an answer, or of each row of a window."""
    answers, listing = operation.answers, operation.listing
    if listing is not None and _has_window(operation, listing):
        return _objects(listing.shape)
    if not isinstance(answers, Query):
        return 1
    rows = PAGE_SIZE if answers.root is QueryRoot.LIST else 1
    return rows * sum(_objects(shape) for _, shape in answers.shapes)


def _objects(shape: Shape) -> int:
    """Return the objects of one row: all that REST nests are lists."""
    nested = (field.shape for field in shape.fields if field.shape is not None)
    return 1 + PAGE_SIZE * sum(map(_objects, nested))


async def throttle(
    operation: Operation,
    request: Request,
    context: Context,
    respond: Callable[[], Awaitable[Response]],
) -> Response:
    """Answer a request, and settle what it costs; raises ``Throttled``."""
    rates = context.services.rates
    if rates is None or request.method == "OPTIONS":
        return await respond()
    points, key = points_of(operation, request), context.rate_key
    filters = points_of_filters(operation, request)
    level = await rates.draw(key, points + filters)
    # What is refused has been looked for, too.
    used = 1 + filters if request.method in SAFE else points
    points += filters
    try:
        response = await respond()
        if request.method in SAFE:
            body = bytes(getattr(response, "body", b""))
            used = filters + max(1, count_objects(body))
        return response
    except (asyncio.CancelledError, TimedOut):
        # Who disconnects, or asks for what takes too long, pays for the work, as in GraphQL.
        used = points
        raise
    finally:
        if used != points:
            rates.give_back(key, points - used, level)
