"""Answers: finished JSON as it comes from the database, and what goes around it."""

import json
from collections.abc import Mapping

import orjson
from starlette.responses import Response

JSON_TYPE = "application/json"
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="api"'}


class RestError(Exception):
    """A refusal that only REST knows, with its finished answer."""

    def __init__(
        self, status: int, payload: object, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status, payload)
        self.status = status
        self.payload = payload
        self.headers = headers

    def response(self) -> Response:
        """Return the answer."""
        return answer(self.payload, self.status, self.headers)


def answer(
    payload: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return plain values, or ``orjson.Fragment`` inside of them, as a response."""
    return text_answer(_dumps(payload), status, headers)


def text_answer(
    text: str | bytes, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return finished JSON as a response."""
    return Response(text, status, headers, media_type=JSON_TYPE)


def empty_answer(status: int) -> Response:
    """Return a response that has nothing to say."""
    return Response(status_code=status)


def not_found() -> RestError:
    """Return what a path answers that leads nowhere, or whose id is no UUID."""
    return RestError(404, {"detail": "Not found."})


def _dumps(payload: object) -> bytes:
    try:
        return orjson.dumps(payload)
    except TypeError:
        # An error repeats what was sent, and half a surrogate pair has no UTF-8.
        return json.dumps(payload).encode()
