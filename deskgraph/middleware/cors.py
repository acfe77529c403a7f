"""What pages of other origins may send and read (Fetch, "HTTP CORS protocol").

Only pages of the origins that are set. Tokens travel in a header, never in cookies, so a page
that may send any header still acts for nobody but itself.
"""

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from schema.execution.strawberry_internals import normalize_allowed_origins
from schema.transport.multipart import PREFLIGHT

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
# How long a browser may remember what it was allowed, in seconds. Chromium keeps it for two hours.
REMEMBERED_SECONDS = 86_400
# What clients, their libraries and what watches over them commonly send.
REQUEST_HEADERS = (
    *("Authorization", "Accept", "Accept-Language", "Content-Language", "Content-Type"),
    *("Cache-Control", "Pragma", "Prefer", "Range", "If-Range", "Last-Event-ID"),
    *("If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"),
    *("Idempotency-Key", "X-Idempotency-Key", "X-Requested-With"),
    *("X-CSRFToken", "X-CSRF-Token", "X-XSRF-Token"),
    *("X-Request-ID", "X-Correlation-ID", "X-Trace-ID", "Request-ID", "Request-Context"),
    "User-Agent",
    # Traces: W3C, Sentry, Zipkin, Datadog, New Relic, AWS, Google Cloud.
    *("Traceparent", "Tracestate", "Baggage", "Sentry-Trace"),
    *("B3", "X-B3-TraceId", "X-B3-SpanId", "X-B3-ParentSpanId", "X-B3-Sampled", "X-B3-Flags"),
    *("X-Datadog-Trace-Id", "X-Datadog-Parent-Id", "X-Datadog-Origin"),
    *("X-Datadog-Sampling-Priority", "Newrelic"),
    *("X-Amzn-Trace-Id", "X-Cloud-Trace-Context"),
    # GraphQL clients.
    *("ApolloGraphQL-Client-Name", "ApolloGraphQL-Client-Version", "X-Apollo-Operation-Id"),
    *("X-Apollo-Operation-Type", "GraphQL-Client-Name", "GraphQL-Client-Version"),
    *PREFLIGHT,
)
# What a browser hides from pages of other origins unless it is named here.
RESPONSE_HEADERS = (
    *("Link", "Location", "Allow", "WWW-Authenticate", "Retry-After", "X-Request-ID"),
    *("Content-Disposition", "Content-Range", "Accept-Ranges", "ETag"),
    *("Idempotency-Replayed", "Preference-Applied"),
)


def cors_middleware(origins: list[str], more_headers: list[str]) -> Middleware:
    """Return the middleware; ``more_headers`` may be sent besides the usual ones, ``*`` is all."""
    return Middleware(
        CORSMiddleware,
        # As WebSockets compare them: in the form in which browsers send them.
        allow_origins=normalize_allowed_origins(origins),
        allow_methods=METHODS,
        allow_headers=[*REQUEST_HEADERS, *more_headers],
        expose_headers=RESPONSE_HEADERS,
        max_age=REMEMBERED_SECONDS,
    )
