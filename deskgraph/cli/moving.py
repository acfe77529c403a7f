"""The commands ``export`` and ``import``."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from deskgraph.backup.manifest import BackupError
from deskgraph.cli.backups import counted, trouble
from deskgraph.cli.errors import CommandError, message_of, open_database
from deskgraph.cli.files import store_errors_told
from deskgraph.cli.progress import bars_or_lines
from deskgraph.database.database import Database
from deskgraph.importer.source import SourceError
from deskgraph.settings import load_settings
from deskgraph.storage.file_store import FileStore, open_files
from deskgraph.transfer.exporting import Exported, export
from deskgraph.transfer.importing import Imported, run_import
from deskgraph.transfer.manifest import Manifest, TransferError


async def export_desk(folder: Path, *, with_files: bool) -> tuple[str, bool]:
    """Export; return what was done, and whether all files that were wanted are there."""
    async with _opened(read_only=True) as (database, files):
        with bars_or_lines() as report:
            now = datetime.now(UTC)
            exported = await export(database, files if with_files else None, folder, now, report)
    whole = not (exported.files.missing or exported.files.damaged)
    return "\n".join(_told_of_export(folder, exported)), whole


async def import_desk(folder: Path) -> tuple[str, bool]:
    """Import; return what was done, and whether all files of the export are in the store."""
    async with _opened(read_only=False) as (database, files):
        with bars_or_lines() as report:
            imported = await run_import(database, files, folder, report)
    whole = not (imported.files.missing or imported.files.damaged)
    return "\n".join(_told_of_import(folder, imported)), whole


@asynccontextmanager
async def _opened(*, read_only: bool) -> AsyncIterator[tuple[Database, FileStore]]:
    settings = load_settings()
    files = open_files(settings.files_url)
    async with open_database(settings, read_only=read_only) as database:
        try:
            async with store_errors_told():
                try:
                    yield database, files
                except OSError as error:
                    # Those of the folder and of the store are told before they come here.
                    raise CommandError(message_of(database.url, error)) from None
        except (BackupError, TransferError) as error:
            raise CommandError(str(error)) from None
        except SourceError as error:
            cause = error.__cause__
            text = message_of(database.url, cause) if cause else str(error)
            raise CommandError(text) from None


def _told_of_export(folder: Path, exported: Exported) -> list[str]:
    manifest = exported.manifest
    if not exported.fresh:
        kept = "no files" if manifest.files is None else f"{manifest.files:,} files"
        return [f"{folder} has a whole export already: {_rows(manifest)} and {kept}."]
    lines = []
    if exported.again:
        lines.append(
            "Rows may have changed since the export was interrupted: all were written again."
        )
    elif exported.resumed:
        lines.append("The export went on where it was interrupted.")
    with_files = "" if manifest.files is None else f" and {counted(exported.files)}"
    lines.append(f"{folder} has {_rows(manifest)}{with_files}.")
    return lines + trouble(exported.files)


def _told_of_import(folder: Path, imported: Imported) -> list[str]:
    manifest = imported.manifest
    if not imported.fresh:
        return [f"{folder} is imported already; nothing was changed."]
    lines = ["The import went on where it was interrupted."] if imported.resumed else []
    with_files = "" if manifest.files is None else f" and {counted(imported.files)}"
    lines.append(f"Imported {_rows(manifest)}{with_files}.")
    if manifest.files is None:
        lines.append("The export has no files: keep the file store that the old settings name.")
    return lines + trouble(imported.files)


def _rows(manifest: Manifest) -> str:
    moment = datetime.fromisoformat(manifest.moment)
    number = f"{manifest.rows:,} row" + ("" if manifest.rows == 1 else "s")
    return f"{number} of {moment:%Y-%m-%d %H:%M:%S} UTC"
