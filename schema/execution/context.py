"""Who asks: the context of a request, or of a WebSocket for as long as it lasts."""

import secrets
from collections.abc import Mapping
from copy import copy
from dataclasses import replace

import strawberry
from graphql import GraphQLResolveInfo
from starlette.requests import HTTPConnection

from resolvers.auth.viewers import viewer_of
from resolvers.context import Context
from resolvers.errors import Unauthenticated
from resolvers.http.base_url import base_url_of
from resolvers.query.revalidation.known_answers import StateRecorder
from resolvers.services import Services
from resolvers.viewer import Viewer


class GraphContext:
    """Who asks: the user that the token of a request belongs to; None without a token.

    A WebSocket has one for all its operations, so each of them verifies the token again
    (``identify``), and a subscription does for each event (``refreshed``). A login changes the
    token. What belongs to one operation is in ``FragmentExecutor``, and in its result.
    ``resumes_after`` is the ``Last-Event-ID`` of a request.
    """

    def __init__(
        self,
        services: Services,
        base_url: str,
        request_id: str,
        token: str | None,
        address: str = "",
        resumes_after: str | None = None,
    ) -> None:
        self.resolver_context = Context(services, None, "graphql", base_url, address)
        self.request_id = request_id
        self.token = token
        # Why the token is not valid; None while it is.
        self.bad_token: Unauthenticated | None = None
        # Strawberry puts the payload of connection_init here.
        self.connection_params: dict[str, object] | None = None
        self.resumes_after = resumes_after

    async def use(self, token: str) -> None:
        """Go on with another token: that of a login."""
        self.token = token
        await self.identify()

    async def identify(self) -> None:
        """Verify the token and set its viewer: None without a token or with an invalid one."""
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
            # Not by replace(): this is done for each request.
            old = self.resolver_context
            self.resolver_context = Context(
                old.services, viewer, old.via, old.base_url, old.address
            )

    def inside(self, context: Context) -> "GraphContext":
        """Return a copy for what is done in a unit of work; others may use this one meanwhile."""
        found = copy(self)
        found.resolver_context = context
        return found

    def record_state(self) -> None:
        """Let the reads of a request tell of which state of the data they are."""
        old = self.resolver_context
        if old.viewer is not None:
            recorder = StateRecorder(old.services.clock())
            self.resolver_context = replace(old, recorder=recorder)

    async def refreshed(self) -> Context:
        """Return the context as of now; raises ``Unauthenticated`` where the token is not valid."""
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
    base_url = base_url or base_url_of(request)
    # Where a client that follows events lost the connection (HTML, section 9.2.4).
    place = request.headers.get("last-event-id") if request.scope["type"] == "http" else None
    return GraphContext(services, base_url, request_id, token, address, place or None)
