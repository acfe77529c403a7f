"""The commands for a whole desk: its backups, moving it, and checking it."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer


def backup(
    folder: Annotated[Path, typer.Argument(help="An empty folder, or one that is not there.")],
) -> None:
    """Copy the database and all files into a folder, while servers go on."""
    from deskgraph.cli.backups import backup as make

    _end(*asyncio.run(make(folder)))


def restore(
    folder: Annotated[
        Path, typer.Argument(exists=True, file_okay=False, help="The folder of a backup.")
    ],
) -> None:
    """Bring a backup into an empty database; no server may run meanwhile."""
    from deskgraph.cli.backups import restore as bring

    _end(*asyncio.run(bring(folder)))


def export(
    folder: Annotated[
        Path, typer.Argument(help="An empty or new folder, or that of an interrupted export.")
    ],
    files: Annotated[
        bool, typer.Option("--files", help="Copy the files of attachments, too.")
    ] = False,
) -> None:
    """Write all rows into a folder as lines of JSON, for the import into another database."""
    from deskgraph.cli.moving import export_desk

    _end(*asyncio.run(export_desk(folder, with_files=files)))


def import_(
    folder: Annotated[
        Path, typer.Argument(exists=True, file_okay=False, help="The folder of an export.")
    ],
) -> None:
    """Bring an export into an empty, migrated database; no server may run meanwhile."""
    from deskgraph.cli.moving import import_desk

    _end(*asyncio.run(import_desk(folder)))


def check(
    full: Annotated[
        bool, typer.Option("--full", help="Look at every row in the search of texts, not at some.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check settings, database, rows and files; the status is 1 if anything has failed."""
    from deskgraph.cli.checks import check_desk

    if not asyncio.run(check_desk(full=full, as_json=as_json)):
        raise typer.Exit(1)


def _end(report: str, whole: bool) -> None:
    """Print a report; the status is 3 where something is left for a person to look at."""
    typer.echo(report)
    if not whole:
        raise typer.Exit(3)
