"""What every path has in common: who asks, which methods there are, and how refusals look."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from resolvers.context import Context
from resolvers.errors import ServiceError, TimedOut
from resolvers.http.base_url import base_url_of
from resolvers.http.compression import compress
from resolvers.http.conditional import conclude
from resolvers.query.revalidation.known_answers import StateRecorder
from resolvers.services import Services
from resolvers.time_limits import TimeLimit
from rest_compat.http.authentication import viewer_of
from rest_compat.http.bodies import FORM, MULTIPART, limit_body
from rest_compat.http.error_messages import response_to
from rest_compat.http.negotiation import require_json
from rest_compat.http.polling import read_again
from rest_compat.http.responses import JSON_TYPE, RestError, answer, not_found
from rest_compat.http.throttle import SAFE, throttle
from rest_compat.http.writes import respond_to_write
from rest_compat.openapi.operations import Handler, operation_of

# Returns the ``Link`` header for the answer to a request, None for no header.
Link = Callable[[Request], str | None]
Respond = Callable[[], Awaitable[Response]]


class Endpoint:
    """One path: answers each method by its handler, as an ASGI application.

    ``public`` paths take no token; ``negotiates`` is for those that answer with JSON. ``Allow`` is
    on every answer, refusals included (recorded), and so is the header that ``link`` returns.
    """

    def __init__(
        self,
        services: Services,
        public_url: str | None,
        name: str,
        handlers: Mapping[str, Handler],
        *,
        public: bool = False,
        negotiates: bool = True,
        link: Link | None = None,
    ) -> None:
        self._services = services
        self._public_url = public_url
        self._public = public
        self._negotiates = negotiates
        self._link = link
        self._handlers = dict(handlers)
        if "GET" in handlers:
            self._handlers["HEAD"] = handlers["GET"]
        self._handlers["OPTIONS"] = partial(_options, name)
        self._allow = ", ".join(self._handlers)

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods that the path has."""
        return tuple(self._handlers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        request = Request(scope, receive, send)
        response = await self._respond(request)
        if request.method in SAFE:
            if self._services.compresses:
                await compress(response, request.headers)
            if self._negotiates and response.status_code == 200:
                conclude(response, request.headers)
        if all(name != b"cache-control" for name, _ in response.raw_headers):
            # What is answered depends on who asks, and may change at any time.
            response.raw_headers.append((b"cache-control", b"no-store"))
        response.headers["Allow"] = self._allow
        if self._link is not None and (link := self._link(request)) is not None:
            # Not by ``headers``: nothing else has set it, and looking for it costs as much again.
            response.raw_headers.append((b"link", link.encode("latin-1")))
        if request.method == "HEAD":
            response = _without_body(response)
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        try:
            if self._negotiates:
                require_json(request)
            # The token is looked at before the method, so a stranger learns 401 and never 405.
            viewer = None if self._public else await viewer_of(self._services, request)
            limit_body(request, None if viewer is None else self._services.max_text_bytes)
            handler = self._handlers.get(request.method)
            if handler is None:
                raise RestError(405, {"detail": f'Method "{request.method}" not allowed.'})
            base_url = self._public_url or base_url_of(request)
            address = request.client.host if request.client else ""
            reads = request.method in SAFE and viewer is not None and self._negotiates
            recorder = StateRecorder(self._services.clock()) if reads else None
            context = Context(self._services, viewer, "rest", base_url, address, recorder=recorder)
            operation = operation_of(handler)
            respond: Respond = partial(handler, request, context)
            if operation.listing is not None and request.method in SAFE:
                respond = partial(_in_time, self._services, respond)
            elif viewer is not None and request.method not in (*SAFE, "OPTIONS"):
                respond = partial(respond_to_write, handler, request, context)
            answered = partial(throttle, operation, request, context, respond)
            return await (read_again(request, context, answered) if reads else answered())
        except (RestError, ServiceError) as error:
            return response_to(error, request)


async def _in_time(services: Services, respond: Respond) -> Response:
    """Answer a read of rows; raises ``TimedOut`` where finding them takes too long."""
    seconds = services.operation_seconds
    try:
        with TimeLimit(services.operation_timer, seconds):
            return await respond()
    except TimeoutError:
        raise TimedOut(seconds) from None


async def append_slash(request: Request) -> Response:
    """Redirect a path without its trailing slash, query included (recorded for details)."""
    target = quote(request.scope["path"], safe="/:@-._~!$&'()*+,;=") + "/"
    query = request.scope["query_string"].decode("latin-1")
    return Response(status_code=301, headers={"Location": f"{target}?{query}" if query else target})


async def nowhere(_request: Request) -> Response:
    """Answer a path that does not exist."""
    return not_found().response()


async def _options(name: str, _request: Request, _context: Context) -> Response:
    """Describe a path as the old system did, for tools that ask what it takes."""
    parses = [JSON_TYPE, FORM, MULTIPART]
    return answer({"name": name, "description": "", "renders": [JSON_TYPE], "parses": parses})


def _without_body(response: Response) -> Response:
    empty = Response(status_code=response.status_code)
    empty.raw_headers = response.raw_headers
    return empty
