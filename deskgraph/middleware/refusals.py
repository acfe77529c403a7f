"""Requests that are refused before they reach the application: their answer and their line."""

import logging
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus

from deskgraph.observability.request_log import request_id_of

# The reasons as the metrics have them.
REASONS: Mapping[HTTPStatus, str] = {
    HTTPStatus.BAD_REQUEST: "malformed",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: "head",
    HTTPStatus.SERVICE_UNAVAILABLE: "connections",
}
# The name of what counts them by their reason, in the state that the application gives its server.
COUNT_REFUSAL = "count_refusal"
CountRefusal = Callable[[str], None]
logger = logging.getLogger("deskgraph.server")


def refuse(
    status: HTTPStatus,
    headers: Iterable[tuple[bytes, bytes]],
    address: str | None,
    count: CountRefusal | None,
) -> bytes:
    """Log and count a refusal, and return its answer; ``headers`` are those that were read."""
    request_id = request_id_of(headers)
    told = {"status": status.value, "address": address, "request_id": request_id}
    logger.info("refused unread", extra=told)
    if count is not None:
        count(REASONS[status])
    return _answer(status, request_id)


def _answer(status: HTTPStatus, request_id: str) -> bytes:
    body = f'{{"detail": "{status.phrase}."}}'.encode()
    lines = [
        f"HTTP/1.1 {status} {status.phrase}",
        "content-type: application/json",
        f"content-length: {len(body)}",
        "cache-control: no-store",
        "connection: close",
        f"x-request-id: {request_id}",
        # It has no data, so pages of any origin may read why they were refused.
        "access-control-allow-origin: *",
        "access-control-expose-headers: X-Request-ID",
        *(["retry-after: 1"] if status is HTTPStatus.SERVICE_UNAVAILABLE else []),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
