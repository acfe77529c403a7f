"""What a request costs its user: about what the same request would cost in GraphQL.

A read costs a point for each object of its answer: what it may have is drawn before, and what it
did not have is given back. A write costs ten.
"""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from resolvers.desk import Context
from resolvers.rates import bucket_of, count_objects
from resolvers.reading import Read
from resolvers.shapes import Shape
from rest_compat.answers import RestError
from rest_compat.operations import Operation
from rest_compat.paging import PAGE_SIZE, window_of

WRITE = 10
SAFE = ("GET", "HEAD")


def points_of(operation: Operation, request: Request) -> int:
    """Return the most that a request may cost."""
    if request.method not in SAFE:
        return WRITE
    answers = operation.answers
    rows = 1
    if operation.listing is not None:
        if answers is operation.listing.read or operation.follows:
            return 1 + _rows(request) * _objects(operation.listing.shape)
        rows = PAGE_SIZE
    if not isinstance(answers, Read):
        return 1
    return 1 + rows * sum(_objects(shape) for _, shape in answers.shapes)


def _rows(request: Request) -> int:
    try:
        return window_of(request.query_params).limit
    except RestError:
        return 0


def _objects(shape: Shape) -> int:
    """Return the objects of one row: all that REST nests are lists."""
    nested = (field.shape for field in shape.fields if field.shape is not None)
    return 1 + PAGE_SIZE * sum(map(_objects, nested))


async def charged(
    operation: Operation,
    request: Request,
    context: Context,
    respond: Callable[[], Awaitable[Response]],
) -> Response:
    """Answer a request, and settle what it costs; raises ``Throttled``."""
    rates = context.desk.rates
    if rates is None or request.method == "OPTIONS":
        return await respond()
    points, key = points_of(operation, request), bucket_of(context)
    level = await rates.draw(key, points)
    used = 0 if request.method in SAFE else points
    try:
        response = await respond()
        if request.method in SAFE:
            used = max(1, count_objects(bytes(getattr(response, "body", b""))))
        return response
    finally:
        if used != points:
            rates.give_back(key, points - used, level)
