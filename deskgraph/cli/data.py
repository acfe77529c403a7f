"""The commands ``migrate`` and ``demo``, and the same two before ``serve``."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from deskgraph.cli.errors import CommandError, open_database
from deskgraph.cli.progress import bars_or_lines
from deskgraph.database.database import Database
from deskgraph.database.migrate import head, pending, upgrade
from deskgraph.settings import PREFIX, Settings, load_settings
from deskgraph.storage.store_urls import open_place


async def migrate_database() -> str:
    """Migrate, and say what was done."""
    async with open_database(load_settings(), migrated=False, create=True) as database:
        with bars_or_lines() as report:
            done = await upgrade(database, report)
    return f"The database {'now has' if done else 'already has'} the schema {head()}."


async def planned_migrations() -> list[str]:
    """Return a line for each migration that the database lacks."""
    async with open_database(load_settings(), migrated=False) as database:
        return [f"{revision}  {what}" for revision, what in await pending(database)]


async def fill_with_demo() -> str:
    """Load the demo where the database is empty, and say what was done.

    Raises ``CommandError`` in production, where its public password would give access.
    """
    settings = load_settings()
    if settings.production:
        raise CommandError(
            "The demo is for development only, its password is public "
            f"({PREFIX}ENVIRONMENT is production)."
        )
    async with open_database(settings) as database:
        loaded = await load(database, settings)
    return loaded or "The database has users or tickets already; the demo was not loaded."


async def load(database: Database, settings: Settings) -> str | None:
    """Load the demo with a progress bar; nothing where the database is not empty."""
    from deskgraph.demo.loading import is_empty, load_demo
    from deskgraph.demo.logins import LOGINS, PASSWORD

    if not await is_empty(database):
        return None
    with _progress() as progress:
        loaded = await load_demo(
            database, open_place(settings.files_url).store, datetime.now(UTC), progress
        )
    if loaded is None:
        return None
    logins = ", ".join(f"{name} ({what})" for name, what in LOGINS.items())
    return (
        f"Loaded {loaded.tickets} tickets, {loaded.users} users and {loaded.companies} companies.\n"
        f"Log in as {logins} with the password {PASSWORD}."
    )


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """Give what draws a progress bar on a terminal, and does nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Loading the demo", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
