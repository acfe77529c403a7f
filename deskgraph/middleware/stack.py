"""The middleware in its order."""

from collections.abc import Callable

from starlette.middleware import Middleware
from structlog.typing import FilteringBoundLogger

from deskgraph.middleware.cors import cors_middleware
from deskgraph.middleware.disconnects import Disconnects
from deskgraph.middleware.unexpected_errors import UnexpectedErrors
from deskgraph.observability.observation import Observation
from deskgraph.observability.request_log import RequestLog
from deskgraph.settings import Settings


def middleware_stack(
    settings: Settings,
    log: FilteringBoundLogger | None,
    watched: Observation,
    is_ending: Callable[[], bool],
) -> list[Middleware]:
    """Return the middleware from the outside to the inside; ``is_ending``: the process drains."""
    return [
        *watched.middleware,
        Middleware(RequestLog, log, watched.count, watched.record_of, is_ending),
        # Before errors, so that answers to unexpected ones have CORS headers, too.
        *(
            [cors_middleware(settings.cors_origins, settings.cors_headers)]
            if settings.cors_origins
            else []
        ),
        Middleware(UnexpectedErrors),
        Middleware(Disconnects),
    ]
