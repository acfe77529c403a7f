"""The commands ``counts check`` and ``counts rebuild``."""

import typer

from deskgraph.cli.errors import open_database
from deskgraph.database.ticket_counts import WrongCount, rebuild_counts, wrong_counts
from deskgraph.settings import load_settings

# How many differences are printed; one cause makes many.
MOST = 20


async def check_counts() -> bool:
    """Print which counts are wrong; return whether none is."""
    async with open_database(load_settings()) as database:
        wrong = await wrong_counts(database)
    for one in wrong[:MOST]:
        typer.echo(_line(one))
    if len(wrong) > MOST:
        typer.echo(f"… and {len(wrong) - MOST} more")
    if wrong:
        what = "A count of tickets is" if len(wrong) == 1 else f"{len(wrong)} counts of tickets are"
        typer.echo(f'{what} wrong: run "deskgraph counts rebuild".')
    else:
        typer.echo("All counts of tickets are right.")
    return not wrong


async def rebuild() -> str:
    """Count all tickets again, and say so."""
    async with open_database(load_settings()) as database:
        await rebuild_counts(database)
    return "All tickets are counted again."


def _line(wrong: WrongCount) -> str:
    values = ", ".join(str(value) for value in wrong.values if value != "")
    return f"{values}: counted {wrong.kept}, there are {wrong.tickets}"
