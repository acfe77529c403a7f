"""Multipart bodies, and the errors of this API for wrong ones."""

from collections.abc import AsyncIterator

from starlette.requests import Request

from resolvers.http.multipart import BadEncoding, BadMultipart, End, Event, Part
from resolvers.http.multipart import events as events_of
from rest_compat.http.responses import RestError

__all__ = ["End", "Event", "Part", "events"]


async def events(request: Request) -> AsyncIterator[Event]:
    """Yield each part, then its bytes in pieces, then its end.

    Raises ``RestError`` where the body cannot be read: a file that is being stored at that moment
    is not kept.
    """
    try:
        found = events_of(request.headers.get("content-type", ""), request.stream())
        async for event in found:
            yield event
    except BadMultipart as error:
        raise RestError(400, {"detail": f"Multipart form parse error - {error}"}) from None
    except BadEncoding as error:
        raise RestError(400, {"detail": str(error)}) from None
