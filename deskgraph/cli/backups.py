"""The commands ``backup`` and ``restore``."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from deskgraph.backup.making import make_backup, restore_backup
from deskgraph.backup.manifest import BackupError
from deskgraph.backup.stored_files import Outcome
from deskgraph.cli.errors import CommandError, open_database
from deskgraph.cli.files import store_errors_told
from deskgraph.cli.progress import bars_or_lines
from deskgraph.database.database import Database
from deskgraph.database.migrate import head
from deskgraph.settings import load_settings
from deskgraph.storage.file_store import FileStore, open_files

# How many files are named that could not be copied.
MAX_NAMES = 10


async def backup(folder: Path) -> tuple[str, bool]:
    """Make a backup; return what was done, and whether all files are in it."""
    async with _opened(migrated=True) as (database, files):
        with bars_or_lines() as report:
            outcome = await make_backup(database, files, folder, datetime.now(UTC), report)
    lines = [f"{folder} has the database and {counted(outcome)}.", *trouble(outcome)]
    return "\n".join(lines), outcome.whole


async def restore(folder: Path) -> tuple[str, bool]:
    """Restore a backup; return what was done, and whether all its files came back."""
    async with _opened(migrated=False) as (database, files):
        with bars_or_lines() as report:
            outcome = await restore_backup(database, files, folder, report)
    lines = [f"Restored the database and {counted(outcome)}.", *trouble(outcome)]
    if outcome.absent:
        lines.append(f"Files that the backup does not have: {outcome.absent:,}.")
    if outcome.schema != head():
        lines.append(f'It has the older schema {outcome.schema}: run "deskgraph migrate".')
    return "\n".join(lines), outcome.whole


@asynccontextmanager
async def _opened(*, migrated: bool) -> AsyncIterator[tuple[Database, FileStore]]:
    settings = load_settings()
    files = open_files(settings.files_url)
    async with open_database(settings, migrated=migrated, create=True) as database:
        try:
            async with store_errors_told():
                yield database, files
        except BackupError as error:
            raise CommandError(str(error)) from None


def counted(outcome: Outcome) -> str:
    """Return how many files were copied, in words."""
    return f"{outcome.files:,} file" + ("" if outcome.files == 1 else "s")


def trouble(outcome: Outcome) -> list[str]:
    """Return a line for each reason for which files were not copied."""
    return [
        f"{what}: {len(keys):,} ({', '.join(keys[:MAX_NAMES])}{_more(keys)})."
        for what, keys in (
            ("Files that were not found", outcome.missing),
            ("Files that are not what their rows say", outcome.damaged),
        )
        if keys
    ]


def _more(keys: list[str]) -> str:
    more = len(keys) - MAX_NAMES
    return f" and {more:,} more" if more > 0 else ""
