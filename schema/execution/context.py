"""Who asks: the context of a request, or of a WebSocket for as long as it lasts."""

import secrets
from collections.abc import Mapping
from dataclasses import replace

import strawberry
from graphql import GraphQLResolveInfo
from starlette.requests import HTTPConnection

from resolvers.auth.viewers import viewer_of
from resolvers.errors import Unauthenticated
from resolvers.http.base_url import base_url_of
from resolvers.rate_levels import Level
from resolvers.services import Context, Services, Viewer
from schema.transport.multipart import Uploads


class GraphContext:
    """The context of a request; its viewer is whoever its token belongs to, and nobody without one.

    A WebSocket has one for all its operations, so ``refreshed`` looks again whose the token is. A
    login puts its own token here.
    ``resumes_after`` and ``cursor`` are where a stream of events goes on and where it is.
    """

    def __init__(
        self,
        services: Services,
        base_url: str,
        request_id: str,
        token: str | None,
        address: str = "",
    ) -> None:
        self.resolver_context = Context(services, None, "graphql", base_url, address)
        self.request_id = request_id
        self.token = token
        # Why the token is no good, None while it is.
        self.bad_token: Unauthenticated | None = None
        # Strawberry puts the payload of connection_init here.
        self.connection_params: dict[str, object] | None = None
        self.resumes_after: str | None = None
        # The files that come with a request, which are still to be read.
        self.uploads: Uploads | None = None
        self.cursor: str | None = None
        # How much the requests before this one in a batch have been answered with.
        self.batch_bytes = 0
        # How full the viewer's bucket is, and how long to wait for it where it was too empty.
        self.level: Level | None = None
        self.retry_after: int | None = None

    async def use(self, token: str) -> None:
        """Go on with another token: that of a login."""
        self.token = token
        await self.identify()

    async def identify(self) -> None:
        """Find out whose the token is; one that is no good makes them nobody."""
        viewer: Viewer | None = None
        failure: Unauthenticated | None = None
        token = self.token
        if token is not None:
            try:
                viewer = await viewer_of(self.resolver_context.services, token)
            except Unauthenticated as error:
                failure = error
        if token != self.token:
            # Somebody has logged in on the connection meanwhile.
            return
        # Only now: other operations of the connection look at it meanwhile.
        self.bad_token = failure
        if viewer != self.resolver_context.viewer:
            self.resolver_context = replace(self.resolver_context, viewer=viewer)

    async def refreshed(self) -> Context:
        """Return the context as of now; raises ``Unauthenticated`` where the token is no good."""
        await self.identify()
        if self.bad_token:
            raise Unauthenticated
        return self.resolver_context


Info = strawberry.Info[GraphContext, None]
CoreInfo = GraphQLResolveInfo[GraphContext]


def bearer_token(header: object) -> str | None:
    """Return the token of an ``Authorization`` header, None for any other."""
    scheme, _, token = header.partition(" ") if isinstance(header, str) else ("", "", "")
    return token.strip() if scheme.lower() == "bearer" else None


def token_of_payload(payload: Mapping[str, object]) -> str | None:
    """Return the token in the payload of connection_init, whose key is written in any case."""
    found = (value for key, value in payload.items() if key.lower() == "authorization")
    return next(filter(None, map(bearer_token, found)), None)


def context_of(services: Services, request: HTTPConnection, base_url: str | None) -> GraphContext:
    """Return the context of a request, whose viewer is still to be found out."""
    request_id = request.scope.get("state", {}).get("request_id") or secrets.token_hex(8)
    token = bearer_token(request.headers.get("authorization"))
    address = request.client.host if request.client else ""
    return GraphContext(services, base_url or base_url_of(request), request_id, token, address)
