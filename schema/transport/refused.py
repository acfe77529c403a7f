"""Requests that are refused before there is an operation: a status, and JSON that says why."""

from collections.abc import Mapping

import orjson
from graphql import GraphQLError
from starlette.responses import Response

from schema.errors.codes import Code


class RequestRefused(Exception):
    """A request that is none, or none that is answered here; the text is a sentence."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: Code = Code.BAD_USER_INPUT,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = headers or {}

    def error(self) -> GraphQLError:
        """Return it as an error of GraphQL, for one request of several and for streams."""
        return GraphQLError(str(self), extensions={"code": self.code})

    def response(self, request_id: str) -> Response:
        """Return the answer; it is JSON whatever the client accepts, as nothing else is."""
        extensions = {"code": self.code, "requestId": request_id}
        shown = {"message": str(self), "extensions": extensions}
        return Response(
            orjson.dumps({"errors": [shown]}),
            self.status,
            {"Cache-Control": "no-store", **self.headers},
            media_type="application/json",
        )
