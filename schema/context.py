"""Who asks: the context of a request, or of a WebSocket for as long as it lasts."""

import secrets
from collections.abc import Mapping
from dataclasses import replace

from starlette.requests import HTTPConnection

from resolvers.auth import viewer_of
from resolvers.desk import Context, Desk, Viewer
from resolvers.errors import Unauthenticated
from resolvers.rates import Level


class GraphContext:
    """The context of a request; ``login`` makes its viewer somebody.

    A WebSocket has one for all its operations, so ``renewed`` looks again whose the token is.
    ``resumes_after`` and ``place`` are where a stream of events goes on and where it is.
    """

    def __init__(
        self, desk: Desk, base_url: str, request_id: str, token: str | None, address: str = ""
    ) -> None:
        self.desk_context = Context(desk, None, "graphql", base_url, address)
        self.request_id = request_id
        self.token = token
        # Why the token is no good, None while it is.
        self.bad_token: Unauthenticated | None = None
        # Strawberry puts the payload of connection_init here.
        self.connection_params: dict[str, object] | None = None
        self.resumes_after: str | None = None
        self.place: str | None = None
        # How full the viewer's bucket is, and how long to wait for it where it was too empty.
        self.level: Level | None = None
        self.retry_after: int | None = None

    def become(self, viewer: Viewer | None) -> None:
        """Go on as somebody who has just logged in, or as nobody."""
        self.desk_context = replace(self.desk_context, viewer=viewer)

    async def identify(self) -> None:
        """Find out whose the token is; one that is no good makes them nobody."""
        if self.token is None:
            self.bad_token = None
            return
        failure = None
        try:
            viewer = await viewer_of(self.desk_context.desk, self.token)
        except Unauthenticated as error:
            viewer, failure = None, error
        # Only now: other operations of the connection look at it meanwhile.
        self.bad_token = failure
        if viewer != self.desk_context.viewer:
            self.become(viewer)

    async def renewed(self) -> Context:
        """Return the context as of now; raises ``Unauthenticated`` where the token is no good."""
        await self.identify()
        if self.bad_token:
            raise Unauthenticated
        return self.desk_context


def bearer_token(header: object) -> str | None:
    """Return the token of an ``Authorization`` header, None for any other."""
    scheme, _, token = header.partition(" ") if isinstance(header, str) else ("", "", "")
    return token.strip() if scheme.lower() == "bearer" else None


def token_of_payload(payload: Mapping[str, object]) -> str | None:
    """Return the token in the payload of connection_init, whose key is written in any case."""
    found = (value for key, value in payload.items() if key.lower() == "authorization")
    return next(filter(None, map(bearer_token, found)), None)


def context_of(desk: Desk, request: HTTPConnection, base_url: str | None) -> GraphContext:
    """Return the context of a request, whose viewer is still to be found out."""
    request_id = request.scope.get("state", {}).get("request_id") or secrets.token_hex(8)
    token = bearer_token(request.headers.get("authorization"))
    address = request.client.host if request.client else ""
    return GraphContext(desk, base_url or _base_url_of(request), request_id, token, address)


def _base_url_of(request: HTTPConnection) -> str:
    """Return the address that the client used; Starlette's own costs ten times as much."""
    scheme = {"ws": "http", "wss": "https"}.get(request.scope["scheme"], request.scope["scheme"])
    host = request.headers.get("host") or "{}:{}".format(*(request.scope["server"] or ("", 0)))
    return f"{scheme}://{host}{request.scope.get('root_path', '')}"
