"""The command ``webhooks listen``."""

import typer
import uvicorn

from deskgraph.app import utc_now
from deskgraph.cli.errors import CommandError
from deskgraph.cli.serving import listen_on
from deskgraph.settings import PREFIX
from deskgraph.webhooks.listen import Listener
from deskgraph.webhooks.signing import key_of

HOST = "127.0.0.1"


def run_listener(port: int, secrets: list[str]) -> None:
    """Receive on this machine until a signal ends it; raises ``CommandError``."""
    for secret in secrets:
        try:
            key_of(secret)
        except ValueError:
            # Not the value: it may be a secret of something else.
            raise CommandError("A --secret looks like whsec_ and base64 after it.") from None
    sockets = listen_on(HOST, port)
    bound = sockets[0].getsockname()[1]
    typer.echo(f"Listening on http://{HOST}:{bound}/", err=True)
    typer.echo(
        f"The server needs {PREFIX}WEBHOOK_PRIVATE_ADDRESSES=allow to send here. Ctrl-C ends it.",
        err=True,
    )
    app = Listener(secrets, utc_now, typer.echo).app()
    config = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False)
    try:
        uvicorn.Server(config).run(sockets=sockets)
    except KeyboardInterrupt:
        pass  # That is how one stops it.
    finally:
        for listening in sockets:
            listening.close()
