"""The command ``serve``: everything that can fail is tried before the first worker starts."""

import asyncio
import errno
import logging
import os
import resource
import socket
from contextlib import nullcontext
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

import typer
import uvicorn
from sqlalchemy.engine import URL
from starlette.types import ASGIApp
from uvicorn.supervisors import ChangeReload, Multiprocess

from deskgraph.cli.errors import CommandError, open_database
from deskgraph.database.urls import parse_replica_urls, parse_url
from deskgraph.manifests import persisted_documents, schema_of
from deskgraph.middleware.connection_limits import (
    ConnectionLimits,
    LimitedProtocol,
    PatientWebSocket,
)
from deskgraph.observability.logs import log_config
from deskgraph.observability.metrics_folder import metrics_folder
from deskgraph.observability.observation import check_traces
from deskgraph.settings import PREFIX, Settings, load_settings
from deskgraph.storage.store_urls import check_credentials, open_place

APP = "deskgraph.app:app_from_environment"
BACKLOG = 2048
METRICS_PORT = f"{PREFIX}METRICS_PORT"
ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - recognised, not listened on
# What a message over a WebSocket may have, in bytes; a document has less than a tenth of it.
MAX_MESSAGE_BYTES = 2**20
# How long a worker may take to start at SIGHUP, and to show that it is alive.
WORKER_SECONDS = 30
# An address of ``socket.getaddrinfo``; builds of Python without IPv6 have bytes in some.
Address = tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]
logger = logging.getLogger("deskgraph.server")


def run(host: str, port: int, *, workers: int, reload: bool, prepare: bool) -> None:
    """Serve until a signal ends it. Raises ``CommandError`` and its kin where it cannot start."""
    settings = load_settings()
    settings.signing_key()
    settings.old_key()
    check_traces(settings)
    open_place(settings.files_url)
    asyncio.run(check_credentials(settings.files_url))
    persisted_documents(settings, schema_of(settings).documents)
    sockets = _sockets(settings, host, port)
    try:
        logins = asyncio.run(_ready(settings, prepare=prepare))
        typer.echo(_banner(host, sockets[0].getsockname()[1], settings, logins))
        _serve(sockets, settings, workers=workers, reload=reload)
    finally:
        for listening in sockets:
            listening.close()


def _sockets(settings: Settings, host: str, port: int) -> list[socket.socket]:
    """Listen for requests, and for those of the metrics if they have a port of their own."""
    sockets = listen_on(host, port)
    if settings.metrics_port is None:
        return sockets
    try:
        if sockets[0].getsockname()[1] == settings.metrics_port:
            raise CommandError(f"{METRICS_PORT} is the port of all other requests: set another.")
        return sockets + listen_on(settings.metrics_host, settings.metrics_port, METRICS_PORT)
    except CommandError:
        for listening in sockets:
            listening.close()
        raise


def _serve(sockets: list[socket.socket], settings: Settings, *, workers: int, reload: bool) -> None:
    """Run uvicorn until a signal ends it. Raises ``CommandError`` if it could not start."""
    if workers > 1:
        # Each worker is a process that reads the environment itself.
        os.environ.setdefault(f"{PREFIX}RATE_LIMIT_SHARED", "on")
    # Every connection is a file, refused ones as well; and there are the database and uploads.
    _allow_files(2 * settings.max_connections + 1024)
    config = server_config(settings, workers=workers, reload=reload)
    _log_start(settings, workers=workers)
    server = uvicorn.Server(config)
    failed = False
    try:
        if reload:
            ChangeReload(config, target=server.run, sockets=sockets).run()
        elif workers > 1:
            supervisor = Multiprocess(config, sockets=sockets)
            with metrics_folder() if settings.metrics != "off" else nullcontext():
                supervisor.run()
            failed = any(worker.exitcode == 3 for worker in supervisor.processes)
        else:
            server.run(sockets=sockets)
            failed = not server.started
    except KeyboardInterrupt:
        pass  # That is how one stops it.
    if failed:
        raise CommandError("The server could not start; the lines above say why.")


def server_config(
    settings: Settings, app: str | ASGIApp = APP, *, workers: int = 1, reload: bool = False
) -> uvicorn.Config:
    """Return uvicorn's settings; workers and reloading need the app by name."""
    root = Path(__file__).parents[2]
    limits = ConnectionLimits(
        head_seconds=settings.head_seconds,
        body_seconds=settings.body_seconds,
        connections=settings.max_connections,
        private_port=settings.metrics_port,
    )
    return uvicorn.Config(
        app,
        http=partial(LimitedProtocol, limits=limits, excess=set()),  # type: ignore[arg-type] # makes protocols
        factory=isinstance(app, str),
        workers=workers,
        reload=reload,
        reload_dirs=[
            str(root / name)
            for name in ("models", "resolvers", "schema", "rest_compat", "deskgraph")
        ]
        if reload
        else None,
        backlog=BACKLOG,
        log_config=log_config(settings.log_format, settings.log_level),
        access_log=False,
        ws=PatientWebSocket,
        ws_max_size=MAX_MESSAGE_BYTES,
        timeout_worker_healthcheck=WORKER_SECONDS,
        timeout_graceful_shutdown=settings.shutdown_seconds,
        server_header=False,
    )


def _log_start(settings: Settings, *, workers: int) -> None:
    """Log what is started: addresses without users, passwords and parameters."""
    url = parse_url(settings.database_url)
    database = URL.create(url.get_backend_name(), None, None, url.host, url.port, url.database)
    files = urlsplit(settings.files_url)
    about = {
        "version": version("deskgraph"),
        "environment": settings.environment,
        "database": database.render_as_string(),
        "replicas": len(settings.replica_urls),
        "files": f"{files.scheme}://{files.netloc.rpartition('@')[2]}{files.path}",
        "workers": workers,
    }
    logger.info("starting", extra=about)
    until = settings.secret_key_old_until
    if until is not None and until <= datetime.now(UTC):
        logger.warning(
            "%sSECRET_KEY_OLD is not accepted any more since %s: remove it", PREFIX, until
        )


def _allow_files(count: int) -> None:
    """Let this process and its workers open as many files, as far as the system allows it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < count:
        wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def _ready(settings: Settings, *, prepare: bool) -> list[str]:
    """Check the database, made ready first if so wished; return the demo's logins."""
    async with open_database(settings, migrated=not prepare, create=prepare) as database:
        parse_replica_urls(settings.replica_urls, database.url)
        if prepare:
            from deskgraph.database.migrate import upgrade

            await upgrade(database)
        from deskgraph.demo.logins import check_production, working_logins

        await check_production(settings, database)
        if settings.production:
            return []
        if prepare:
            from deskgraph.cli.data import load

            await load(database, settings)
        return await working_logins(database)


def _banner(host: str, port: int, settings: Settings, logins: list[str]) -> str:
    base = _address(host, port)
    lines = [
        f"{'GraphiQL' if settings.shows_graphiql else 'GraphQL '}  {base}/graphql",
        f"REST      {base}/api/v1/",
    ]
    if settings.metrics != "off":
        own = settings.metrics_port
        at = base if own is None else _address(settings.metrics_host, own)
        lines.append(f"Metrics   {at}/metrics")
    if logins:
        from deskgraph.demo.logins import LOGINS, PASSWORD

        who = ", ".join(f"{name} ({LOGINS[name]})" for name in logins)
        lines.append(f"Log in as {who} with the password {PASSWORD}")
    return "\n".join(lines)


def _address(host: str, port: int) -> str:
    shown = ANYWHERE.get(host, host)
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"


def listen_on(host: str, port: int, option: str = "--port") -> list[socket.socket]:
    """Listen on every address of the host, as asyncio would, but in time to say what is wrong.

    ``option`` is what sets the port.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError):
        raise CommandError(f"The host {host!r} is unknown.") from None
    sockets: list[socket.socket] = []
    missing: OSError | None = None
    try:
        for family, *_, address in dict.fromkeys(found):
            try:
                sockets.append(_listen(family, address, sockets))
            except OSError as error:
                if error.errno != errno.EADDRNOTAVAIL:
                    raise
                missing = error  # A name may stand for more addresses than this machine has.
        if not sockets and missing is not None:
            raise missing
    except OSError as error:
        for listening in sockets:
            listening.close()
        raise CommandError(_cannot_listen(host, port, option, error)) from None
    return sockets


def _listen(family: int, address: Address, others: list[socket.socket]) -> socket.socket:
    if others and address[1] == 0:
        # A free port was asked for: the same one on every address.
        address = (address[0], others[0].getsockname()[1], *address[2:])
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
        made.listen(BACKLOG)
    except OSError:
        made.close()
        raise
    return made


def _cannot_listen(host: str, port: int, option: str, error: OSError) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return (
                f"Port {port} of {host} is in use: stop what listens there or give another "
                f"{option}."
            )
        case errno.EACCES:
            return f"Port {port} may not be listened on by this user: give another {option}."
        case errno.EADDRNOTAVAIL:
            return f"The host {host} is no address of this machine."
        case _:
            return f"Cannot listen on port {port} of {host}: {error.strerror}."
