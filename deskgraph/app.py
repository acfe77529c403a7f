"""The application: puts the settings, the services, both APIs and the pages together.

In the order of a request: the middleware, the routes, and the services that both APIs share.
"""

import gc
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from structlog.typing import FilteringBoundLogger

from deskgraph import api_docs, console
from deskgraph.bulk.runner import BulkRunner
from deskgraph.database.database import Database
from deskgraph.database.migrate import check
from deskgraph.database.rate_buckets import rate_limiter
from deskgraph.database.readers import Observer
from deskgraph.demo.logins import check_production
from deskgraph.graphql_links.links import links_to
from deskgraph.health import Health
from deskgraph.manifests import persisted_documents, schema_of
from deskgraph.middleware.refusals import COUNT_REFUSAL, CountRefusal
from deskgraph.middleware.stack import middleware_stack
from deskgraph.observability.logs import request_logger
from deskgraph.observability.observation import Observation
from deskgraph.pages import (
    ASKED_AGAIN,
    STATIC,
    Files,
    PageConfig,
    content_security_policy,
    example_routes,
)
from deskgraph.retention.timer import purging
from deskgraph.settings import Settings, load_settings
from deskgraph.shutdown import on_stop
from deskgraph.storage.file_store import open_files
from deskgraph.webhooks.deliverer import Deliverer
from resolvers.auth.accounts import Viewers
from resolvers.auth.passwords import Passwords
from resolvers.auth.tokens import Tokens
from resolvers.events.broker import EventBroker
from resolvers.query.plans import Plans
from resolvers.services import Instruments, Services
from resolvers.signing import OldKey, Signer
from rest_compat.routes import rest_routes
from schema.execution.operation import DeskSchema
from schema.transport.view import GraphQLView

if TYPE_CHECKING:
    from deskgraph.observability.traces import Traces

Clock = Callable[[], datetime]


# Returns the time; every part of the process uses this clock, unless a test passes another.
utc_now: Clock = partial(datetime.now, UTC)


def create_app(
    settings: Settings,
    *,
    clock: Clock = utc_now,
    observer: Observer | None = None,
    log: FilteringBoundLogger | None = None,
    traces: "Traces | None" = None,
) -> Starlette:
    """Return the application; it opens the database when it starts.

    ``log`` gets a line for each request; without it, none is written. ``traces`` takes the place
    of what the settings say of traces.
    The start raises ``SchemaError`` if the database has another version's schema, and
    ``SettingsError`` in production if a user has the demo's password.
    """
    watched = Observation(settings, clock, traces)
    services, database = create_services(
        settings, clock=clock, observer=observer, instruments=watched.instruments
    )
    watched.watch(services)
    config = PageConfig(settings)
    health = Health(database, services.files, clock)
    app = Starlette(
        middleware=middleware_stack(settings, log, watched, lambda: health.draining),
        # The first one that fits is taken, so the busiest ones come first.
        routes=[*_routes(settings, services, config), *health.routes(), *watched.routes],
        exception_handlers={404: _not_found},
        lifespan=_lifespan(settings, services, database, config, health, watched),
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


def _routes(settings: Settings, services: Services, config: PageConfig) -> list[BaseRoute]:
    schema = schema_of(settings)
    return [
        *_graphql_routes(settings, services, config, schema),
        *_rest_routes(settings, services, config, schema),
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
        Mount("/graphql/assets", Files(console.ASSETS, hashed=console.HASHED)),
        Mount("/graphql/static/{version}", Files(STATIC, versioned=True)),
    ]
    return [
        Route("/graphql", view),
        WebSocketRoute("/graphql", view),
        *(files if settings.shows_graphiql else ()),
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


def _rest_routes(
    settings: Settings, services: Services, config: PageConfig, schema: DeskSchema
) -> list[BaseRoute]:
    # Without GraphiQL, the links would lead to a page that does not exist.
    links = links_to(f"{settings.public_url or ''}/graphql") if settings.shows_graphiql else None
    return rest_routes(
        services,
        settings.public_url,
        pages=api_docs.reference_routes(config, settings.public_url),
        words=partial(api_docs.words, schema),
        links=links,
    )


async def _to_graphql(_request: Request) -> Response:
    return RedirectResponse("/graphql")


async def _to_rest(_request: Request) -> Response:
    return RedirectResponse("/api/v1/")


async def _not_found(_request: Request, _error: Exception) -> Response:
    return JSONResponse({"detail": "Not found."}, 404)


def create_services(
    settings: Settings,
    *,
    clock: Clock = utc_now,
    observer: Observer | None = None,
    instruments: Instruments | None = None,
) -> tuple[Services, Database]:
    """Return what both APIs share, and the database, which is still to be opened.

    Raises ``SettingsError``, ``DatabaseUrlError`` and ``FilesUrlError``.
    """
    key, old = settings.signing_key(), _old_key(settings, clock)
    signer = Signer(key, old)
    instruments = instruments or Instruments()
    database = _database(settings, signer, observer, instruments)
    services = Services(
        database=database,
        event_signal=database.event_signal,
        broker=EventBroker(),
        files=open_files(settings.files_url, instruments),
        tokens=_tokens(settings, key, old, clock),
        signer=signer,
        plans=Plans(),
        viewers=Viewers(),
        passwords=Passwords(),
        clock=clock,
        max_upload_bytes=settings.max_upload_mb * 1024 * 1024,
        max_text_bytes=settings.max_text_kb * 1024,
        signed_media=settings.media_links == "signed",
        compresses=settings.compression == "on",
        operation_seconds=settings.operation_seconds,
        idempotency_hours=settings.idempotency_hours,
        undo_hours=settings.undo_hours,
        private_webhooks=settings.webhook_private_addresses == "allow",
        rates=rate_limiter(settings, database, clock),
        instruments=instruments,
    )
    return services, database


def _tokens(settings: Settings, key: str, old: OldKey | None, clock: Clock) -> Tokens:
    return Tokens(
        key,
        access_minutes=settings.access_token_minutes,
        refresh_days=settings.refresh_token_days,
        clock=clock,
        old=old,
    )


def _old_key(settings: Settings, clock: Clock) -> OldKey | None:
    found = settings.old_key()
    return None if found is None else OldKey(*found, clock)


def _database(
    settings: Settings, signer: Signer, observer: Observer | None, instruments: Instruments
) -> Database:
    return Database(
        settings.database_url,
        functions=signer.sql_functions(),
        observer=observer,
        pooled=settings.pgbouncer == "on",
        listen_url=settings.listen_url,
        replica_urls=settings.replica_urls,
        instruments=instruments,
    )


def _lifespan(
    settings: Settings,
    services: Services,
    database: Database,
    config: PageConfig,
    health: Health,
    watched: Observation,
) -> Callable[[Starlette], AbstractAsyncContextManager[Mapping[str, CountRefusal]]]:
    """Return what opens everything at the start, and closes it at the end."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[Mapping[str, CountRefusal]]:
        await database.open()
        try:
            await check(database)
            await check_production(settings, database)
            if services.rates is not None:
                await services.rates.open()
            await config.prepare(database)
            deliverer = Deliverer(services, traced=watched.traced)
            await deliverer.start()
            runner = BulkRunner(services)
            await runner.start()
            on_stop(health.drain, services.broker.end, drain_seconds=settings.drain_seconds)
            try:
                async with purging(services, settings):
                    # The server shows it to its connections.
                    yield {COUNT_REFUSAL: services.instruments.refused}
            finally:
                await runner.stop()
                await deliverer.stop()
        finally:
            await services.broker.close()
            if services.rates is not None:
                await services.rates.close()
            await database.close()
            await watched.close()

    return lifespan
