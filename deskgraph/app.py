"""The application: puts the settings, the services, both APIs and the pages together.

In the order of a request: the middleware, the routes, and the services that both APIs share.
"""

import gc
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from functools import partial

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    RedirectResponse,
    Response,
)
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from structlog.typing import FilteringBoundLogger

from deskgraph import api_docs, console
from deskgraph.database.database import Database
from deskgraph.database.migrate import check
from deskgraph.database.rate_buckets import SharedBuckets
from deskgraph.database.readers import Observer
from deskgraph.demo.logins import check_production
from deskgraph.graphql_links.links import links_to
from deskgraph.health import Health
from deskgraph.manifests import persisted_documents, schema_of
from deskgraph.middleware.cors import cors_middleware
from deskgraph.middleware.disconnects import Disconnects
from deskgraph.middleware.unexpected_errors import UnexpectedErrors
from deskgraph.observability.logs import request_logger
from deskgraph.observability.request_log import HttpRecord, RequestLog
from deskgraph.pages import (
    ASKED_AGAIN,
    LASTING,
    STATIC,
    Files,
    PageConfig,
    content_security_policy,
    example_routes,
)
from deskgraph.settings import Settings, load_settings
from deskgraph.shutdown import on_stop
from deskgraph.storage.file_store import open_files
from deskgraph.webhooks.deliverer import Deliverer
from resolvers.auth.accounts import Viewers
from resolvers.auth.passwords import Passwords
from resolvers.auth.tokens import Tokens
from resolvers.events.broker import EventBroker
from resolvers.query.plans import Plans
from resolvers.rate_limits import MemoryBuckets, RateLimiter
from resolvers.services import Services
from resolvers.signing import Signer
from rest_compat.routes import rest_routes
from schema.execution.operation import DeskSchema
from schema.transport.view import GraphQLView

Clock = Callable[[], datetime]
Count = Callable[[HttpRecord], None]


# Returns the time; every part of the process uses this clock, unless a test passes another.
utc_now: Clock = partial(datetime.now, UTC)


def create_app(
    settings: Settings,
    *,
    clock: Clock = utc_now,
    observer: Observer | None = None,
    log: FilteringBoundLogger | None = None,
) -> Starlette:
    """Return the application; it opens the database when it starts.

    ``log`` gets a line for each request; without it, none is written.
    The start raises ``SchemaError`` if the database has another version's schema, and
    ``SettingsError`` in production if a user has the demo's password.
    """
    services, database = create_services(settings, clock=clock, observer=observer)
    config = PageConfig(settings)
    health = Health(database, services.files, clock)
    shown, count = _metrics(settings, services)
    app = Starlette(
        middleware=_middleware(settings, log, count),
        # The first one that fits is taken, so the busiest ones come first.
        routes=[*_routes(settings, services, config), *health.routes(), *shown],
        exception_handlers={404: _not_found},
        lifespan=_lifespan(settings, services, database, config, health),
    )
    app.state.services = services
    return app


def app_from_environment(*, observer: Observer | None = None) -> Starlette:
    """Return the application of this environment, for servers that import a factory."""
    settings = load_settings()
    log = request_logger(settings.log_format, settings.log_level)
    app = create_app(settings, observer=observer, log=log)
    # What is loaded by now stays, so the garbage collector shall not look through it again.
    gc.collect()
    gc.freeze()
    # A request leaves few cycles, but enough objects to start a collection each time.
    gc.set_threshold(20_000)
    return app


def _metrics(settings: Settings, services: Services) -> tuple[list[Route], Count | None]:
    """Return the route of the metrics and what counts requests, if there are any."""
    if settings.metrics == "off":
        return [], None
    # Only here: it reads the environment when it is imported, and takes memory.
    from deskgraph.observability.metrics import Metrics, metrics_route

    metrics = Metrics(services)
    token = None if settings.metrics == "on" else settings.metrics
    return [metrics_route(metrics, token)], metrics.count


def _middleware(
    settings: Settings, log: FilteringBoundLogger | None, count: Count | None
) -> list[Middleware]:
    """Return the middleware from the outside to the inside."""
    return [
        Middleware(RequestLog, log, count),
        # Before errors, so that answers to unexpected ones have CORS headers, too.
        *(
            [cors_middleware(settings.cors_origins, settings.cors_headers)]
            if settings.cors_origins
            else []
        ),
        Middleware(UnexpectedErrors),
        Middleware(Disconnects),
    ]


def _routes(settings: Settings, services: Services, config: PageConfig) -> list[BaseRoute]:
    schema = schema_of(settings)
    return [
        *_graphql_routes(settings, services, config, schema),
        *api_docs.reference_routes(config, settings.public_url),
        *_rest_routes(settings, services, schema),
        *example_routes(config),
        Route("/", _to_graphql if settings.shows_graphiql else _to_rest),
    ]


def _graphql_routes(
    settings: Settings, services: Services, config: PageConfig, schema: DeskSchema
) -> list[BaseRoute]:
    view = GraphQLView(
        schema,
        services,
        page=partial(_graphiql, config) if settings.shows_graphiql else None,
        base_url=settings.public_url,
        allowed_origins=settings.cors_origins,
        persisted=persisted_documents(settings, schema.documents),
    )
    # GraphiQL's files are also served if it is not built: it may be built while the server runs.
    files = [
        Mount("/graphql/assets", Files(console.ASSETS, LASTING)),
        Mount("/graphql/static", Files(STATIC)),
    ]
    return [
        *(files if settings.shows_graphiql else ()),
        Route("/graphql", view),
        WebSocketRoute("/graphql", view),
        # A temporary redirect keeps the method, so POST works with a slash at the end, too.
        Route("/graphql/", _to_graphql, methods=["GET", "POST"]),
    ]


def _graphiql(config: PageConfig) -> HTMLResponse:
    headers = {
        "Content-Security-Policy": content_security_policy(),
        "Cache-Control": ASKED_AGAIN,
        "Vary": "Accept",
    }
    return HTMLResponse(console.page(config), headers=headers)


def _rest_routes(settings: Settings, services: Services, schema: DeskSchema) -> list[BaseRoute]:
    # Without GraphiQL, the links would lead to a page that does not exist.
    links = links_to(f"{settings.public_url or ''}/graphql") if settings.shows_graphiql else None
    return rest_routes(
        services, settings.public_url, words=partial(api_docs.words, schema), links=links
    )


async def _to_graphql(_request: Request) -> Response:
    return RedirectResponse("/graphql")


async def _to_rest(_request: Request) -> Response:
    return RedirectResponse("/api/v1/")


async def _not_found(_request: Request, _error: Exception) -> Response:
    return JSONResponse({"detail": "Not found."}, 404)


def create_services(
    settings: Settings, *, clock: Clock = utc_now, observer: Observer | None = None
) -> tuple[Services, Database]:
    """Return what both APIs share, and the database, which is still to be opened.

    Raises ``SettingsError``, ``DatabaseUrlError`` and ``FilesUrlError``.
    """
    key = settings.signing_key()
    signer = Signer(key)
    database = _database(settings, signer, observer)
    services = Services(
        database=database,
        event_signal=database.event_signal,
        broker=EventBroker(),
        files=open_files(settings.files_url),
        tokens=Tokens(
            key,
            access_minutes=settings.access_token_minutes,
            refresh_days=settings.refresh_token_days,
            clock=clock,
        ),
        signer=signer,
        plans=Plans(),
        viewers=Viewers(),
        passwords=Passwords(),
        clock=clock,
        max_upload_bytes=settings.max_upload_mb * 1024 * 1024,
        max_text_bytes=settings.max_text_kb * 1024,
        signed_media=settings.media_links == "signed",
        operation_seconds=settings.operation_seconds,
        private_webhooks=settings.webhook_private_addresses == "allow",
        rates=_rates(settings, database, clock),
    )
    return services, database


def _database(settings: Settings, signer: Signer, observer: Observer | None) -> Database:
    return Database(
        settings.database_url,
        functions=signer.sql_functions(),
        observer=observer,
        pooled=settings.pgbouncer == "on",
        listen_url=settings.listen_url,
        replica_urls=settings.replica_urls,
    )


def _rates(settings: Settings, database: Database, clock: Clock) -> RateLimiter | None:
    if settings.rate_limit == "off":
        return None
    shared = None
    if settings.rate_limit_shared == "on":
        shared = SharedBuckets(database.url, pooled=database.pooled)
    return RateLimiter(
        shared or MemoryBuckets(),
        known=shared,
        per_minute=settings.rate_limit,
        maximum=settings.max_cost,
        clock=clock,
    )


def _lifespan(
    settings: Settings,
    services: Services,
    database: Database,
    config: PageConfig,
    health: Health,
) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    """Return what opens everything at the start, and closes it at the end."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        await database.open()
        try:
            await check(database)
            await check_production(settings, database)
            if services.rates is not None:
                await services.rates.open()
            await config.prepare(database)
            deliverer = Deliverer(services)
            await deliverer.start()
            on_stop(health.drain, services.broker.end, drain_seconds=settings.drain_seconds)
            try:
                yield
            finally:
                await deliverer.stop()
        finally:
            await services.broker.close()
            if services.rates is not None:
                await services.rates.close()
            await database.close()

    return lifespan
