"""The commands ``migrate``, ``demo`` and ``purge``; the first two run before ``serve``, too."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from deskgraph.cli.errors import CommandError, open_database
from deskgraph.cli.progress import bars_or_lines
from deskgraph.database.database import Database
from deskgraph.database.migrate import Pending, current, pending, upgrade
from deskgraph.retention.purge import Retention, purge
from deskgraph.settings import PREFIX, Settings, load_settings
from deskgraph.storage.file_store import open_files
from deskgraph.storage.store_urls import open_place


async def migrate_database() -> str:
    """Migrate, and say what was done."""
    async with open_database(load_settings(), migrated=False, create=True) as database:
        with bars_or_lines() as report:
            done = await upgrade(database, report)
        revision = await current(database)
    return f"The database {'now has' if done else 'already has'} the schema {revision}."


async def planned_migrations() -> list[str]:
    """Return a line for each migration that the database lacks."""
    async with open_database(load_settings(), migrated=False) as database:
        missing = await pending(database)
        migrated = await current(database) is not None
    return [_line(one, migrated=migrated) for one in missing]


def _line(one: Pending, *, migrated: bool) -> str:
    said = f"{one.version.revision}  {one.what}"
    if not migrated:
        return said
    oldest = one.version.compatible_from
    if one.stops:
        return f"{said} Stop servers of schemas before {oldest} first."
    return f"{said} Servers of schema {oldest} and later go on."


async def purge_old() -> str:
    """Remove what is older than the settings allow, and say how much that was."""
    settings = load_settings()
    retention = Retention.of(settings)
    async with open_database(settings) as database:
        with bars_or_lines() as report:
            files = open_files(settings.files_url)
            found = await purge(database, files, retention, datetime.now(UTC), report)
    said = [
        f"Removed {found.events} events, {found.deliveries} deliveries of webhooks, "
        f"{found.sessions} ended sessions, {found.keys} idempotency keys, "
        f"{found.undo} undo records and {found.jobs} rows of bulk jobs."
    ]
    if found.held_by is not None:
        said.append(
            f"Older events are kept for the webhook {found.held_by}, which has not taken them yet."
        )
    return "\n".join(said)


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
