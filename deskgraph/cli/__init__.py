"""The command line. Commands are thin: what they do is in the modules they import when they run.

Imports are inside the commands because each command needs another part of the house, and help
should not wait for any of them.
"""

import asyncio
import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from deskgraph.cli import desk_commands
from deskgraph.cli.user_commands import sessions, users

app = typer.Typer(
    help="A support desk that answers GraphQL and REST. Settings come from the environment.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.add_typer(users, name="user")
app.add_typer(sessions, name="sessions")
files = typer.Typer(help="Look after uploaded files.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(files, name="files")
counts = typer.Typer(
    help="Look after the counts of tickets.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(counts, name="counts")
hooks = typer.Typer(help="Try webhooks out.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(hooks, name="webhooks")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"deskgraph {version('deskgraph')}")
        raise typer.Exit


@app.callback()
def options(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Take what stands before a command."""


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address or name to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, help="Processes that answer requests.")] = 1,
    reload: Annotated[
        bool, typer.Option("--reload", help="Restart when the code changes.")
    ] = False,
    prepare: Annotated[
        bool, typer.Option("--prepare", help="First migrate, and load the demo in development.")
    ] = False,
) -> None:
    """Run the server."""
    if reload and workers > 1:
        raise typer.BadParameter("goes with one worker only.", param_hint="--reload")
    from deskgraph.cli.serving import run

    run(host, port, workers=workers, reload=reload, prepare=prepare)


@app.command()
def migrate(
    plan: Annotated[
        bool, typer.Option("--plan", help="Only print what would be migrated.")
    ] = False,
    check: Annotated[
        bool,
        typer.Option("--check", help="As --plan; the status is 1 if there is anything to do."),
    ] = False,
) -> None:
    """Bring the database's schema up to date."""
    from deskgraph.cli.data import migrate_database, planned_migrations

    if not (plan or check):
        typer.echo(asyncio.run(migrate_database()))
        return
    lines = asyncio.run(planned_migrations())
    typer.echo("\n".join(lines) or "There is nothing to migrate.")
    if check and lines:
        raise typer.Exit(1)


app.command()(desk_commands.backup)
app.command()(desk_commands.restore)
app.command()(desk_commands.export)
app.command("import")(desk_commands.import_)
app.command()(desk_commands.check)


@app.command()
def purge() -> None:
    """Remove events, deliveries and sessions that are older than the settings allow."""
    from deskgraph.cli.data import purge_old

    typer.echo(asyncio.run(purge_old()))


@app.command()
def demo() -> None:
    """Load demo data into an empty database, for development."""
    from deskgraph.cli.data import fill_with_demo

    typer.echo(asyncio.run(fill_with_demo()))


@app.command("import-legacy")
def import_legacy(
    url: Annotated[
        str, typer.Argument(help="The old database: postgresql://user@host/name or sqlite:///file.")
    ],
    media: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            file_okay=False,
            resolve_path=True,
            help="The folder of the old system's uploaded files.",
        ),
    ] = None,
    rejects: Annotated[
        Path, typer.Option(help="Where rows that cannot be taken are written, with the reason.")
    ] = Path("import-rejects.jsonl"),
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Do all of it, and undo it at the end.")
    ] = False,
) -> None:
    """Import the database of the old system; again, to bring what is new or changed."""
    from deskgraph.cli.importing import import_legacy as bring

    report, agrees = bring(url, folder=media, rejects=rejects, dry_run=dry_run)
    typer.echo(report)
    if not agrees:
        raise typer.Exit(1)


@app.command()
def token(username: Annotated[str, typer.Argument(help="Whose token to print.")]) -> None:
    """Print an access token of a user, and nothing else."""
    from deskgraph.cli.people import access_token

    typer.echo(asyncio.run(access_token(username)))


@files.command("sweep")
def cleanup_files(
    older_than: Annotated[
        str, typer.Option(help="Leave younger files alone: uploads may be under way.")
    ] = "24h",
    remove: Annotated[bool, typer.Option("--remove", help="Remove files without a row.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing where all is well.")] = False,
) -> None:
    """List files without a row, and rows without a file; the status is 3 if any is left."""
    from deskgraph.cli.files import duration, run_cleanup

    least = duration(older_than)
    raise typer.Exit(asyncio.run(run_cleanup(older_than=least, remove=remove, quiet=quiet)))


@counts.command("check")
def check_counts() -> None:
    """Compare the counts with the tickets; the status is 1 if any is wrong."""
    from deskgraph.cli.checks import check_counts as check

    if not asyncio.run(check()):
        raise typer.Exit(1)


@counts.command("rebuild")
def rebuild_counts() -> None:
    """Count all tickets again; changes of tickets wait for it."""
    from deskgraph.cli.checks import rebuild

    typer.echo(asyncio.run(rebuild()))


@hooks.command()
def listen(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 9000,
    secret: Annotated[
        list[str] | None,
        typer.Option(help="A secret that may sign, whsec_…; again for several. Checks if given."),
    ] = None,
) -> None:
    """Receive webhooks on this machine, check their signatures, and print them."""
    from deskgraph.cli.webhooks import run_listener

    run_listener(port, secret or [])


@app.command()
def schema() -> None:
    """Print the GraphQL schema."""
    from schema import sdl

    typer.echo(sdl().rstrip())


@app.command()
def openapi() -> None:
    """Print the API document of the REST paths."""
    from deskgraph.api_docs import openapi as document

    typer.echo(document().rstrip())


def main() -> None:
    """Run the command line; what keeps a command from its work is one line on standard error."""
    try:
        app(prog_name="deskgraph")
    except BrokenPipeError:
        _close_stdout()
        sys.exit(1)
    except Exception as error:
        # A traceback helps nobody at a terminal.
        from deskgraph.cli.errors import explain

        typer.echo(f"deskgraph: {explain(error)}", err=True)
        sys.exit(1)
    finally:
        _flush()


def _flush() -> None:
    """Write what is left now, while a closed pipe can still be caught."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _close_stdout()


def _close_stdout() -> None:
    """Let the interpreter's last flush go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
