"""Our server, which also tells its statements, its memory, and how many follow events."""

import argparse
from pathlib import Path

import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deskgraph.app import app_from_environment
from deskgraph.cli.serving import listen_on, server_config
from deskgraph.settings import load_settings

# More than subscribers connect to it.
CONNECTIONS = 20_000


def main() -> None:
    """Serve one process, as ``deskgraph serve`` does."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    statements = 0

    def count(_sql: str) -> None:
        nonlocal statements
        statements += 1

    async def told(_request: Request) -> Response:
        subscribers = app.state.services.broker.subscriber_count
        return JSONResponse(
            {"statements": statements, "memory": memory(), "followers": subscribers}
        )

    app = app_from_environment(observer=count)
    app.router.routes.insert(0, Route("/told", told))
    sockets = listen_on("127.0.0.1", parser.parse_args().port)
    settings = load_settings().model_copy(update={"max_connections": CONNECTIONS})
    uvicorn.Server(server_config(settings, app)).run(sockets)


def memory() -> int:
    """Return the memory of this process, in bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


if __name__ == "__main__":
    main()
