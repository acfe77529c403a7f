"""Making a backup and restoring one."""

from collections.abc import Callable
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from sqlalchemy import inspect
from sqlalchemy.ext.asyncio import AsyncConnection

from deskgraph.backup import postgres_dump, sqlite_dump
from deskgraph.backup.manifest import (
    FILES,
    FILES_LIST,
    FORMAT,
    BackupError,
    Manifest,
    read_manifest,
    sha256,
)
from deskgraph.backup.stored_files import (
    Outcome,
    StoredFile,
    copy_noted,
    count_files,
    files_of,
    listed,
    new_list,
)
from deskgraph.database.database import Database
from deskgraph.database.migrate import current, head
from deskgraph.database.search_texts import Report
from deskgraph.private_files import create_folder
from deskgraph.storage.file_store import FileStore, open_files


async def make_backup(
    database: Database, files: FileStore, folder: Path, now: datetime, report: Report
) -> Outcome:
    """Write a backup into a folder that is empty or not there; raises ``BackupError``.

    The database is that of one moment, also while servers write, and so are its files: those that
    are uploaded meanwhile are copied before, those that are deleted meanwhile as well. Only one
    that comes and goes while the backup is made can be missing.
    """
    if not database.is_sqlite:
        postgres_dump.require_program()
    target = _new_folder(folder)
    outcome = Outcome(await current(database) or "")
    async with database.engine.connect() as connection:
        await _copy_all(connection, files, target, Outcome(""), lambda _file: None, report)
    module = sqlite_dump if database.is_sqlite else postgres_dump
    with new_list(folder) as add:
        async with module.dumped(database, folder, report) as connection:
            await _copy_all(connection, files, target, outcome, add, report)
    Manifest(
        format=FORMAT,
        version=version("deskgraph"),
        schema=outcome.schema,
        database=database.url.get_backend_name(),
        made_at=now.isoformat(),
        dump=module.NAME,
        dump_sha256=sha256(folder / module.NAME),
        list_sha256=sha256(folder / FILES_LIST),
        files=outcome.files,
        missing=len(outcome.missing) + len(outcome.damaged),
    ).write(folder)
    return outcome


def _new_folder(folder: Path) -> FileStore:
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise BackupError(f"{folder} is not an empty folder.")
        create_folder(folder / FILES)
    except OSError as error:
        raise BackupError(f"{folder} cannot be written: {error.strerror}.") from None
    return _files_of(folder)


def _files_of(folder: Path) -> FileStore:
    return open_files((folder / FILES).resolve().as_uri())


async def _copy_all(
    connection: AsyncConnection,
    source: FileStore,
    target: FileStore,
    outcome: Outcome,
    add: Callable[[StoredFile], None],
    report: Report,
) -> None:
    total = await count_files(connection)
    done = 0
    async for file in files_of(connection):
        copied = await copy_noted(file, source, target, outcome)
        if copied is not None:
            add(copied)
        done += 1
        report("Files", done, total)


async def restore_backup(
    database: Database, files: FileStore, folder: Path, report: Report
) -> Outcome:
    """Bring a backup into a database without tables; raises ``BackupError``.

    The files come first, so that no row is without its file. What was interrupted can be repeated.
    """
    manifest = read_manifest(folder)
    if manifest.schema > head():
        raise BackupError(
            f"The backup has the schema {manifest.schema} of a newer deskgraph; this one has "
            f"{head()}."
        )
    kind = database.url.get_backend_name()
    if manifest.database != kind:
        raise BackupError(f"The backup is of {manifest.database}, and the database is {kind}.")
    if await _has_tables(database):
        raise BackupError("The database is not empty: a backup is restored into an empty one.")
    outcome = Outcome(manifest.schema, absent=manifest.missing)
    source = _files_of(folder)
    for file in listed(folder):
        await copy_noted(file, source, files, outcome)
        report("Files", outcome.files, manifest.files)
    module = sqlite_dump if database.is_sqlite else postgres_dump
    await module.load(database, folder / manifest.dump, report)
    return outcome


async def _has_tables(database: Database) -> bool:
    if database.is_sqlite and not _exists(str(database.url.database)):
        # Connecting would make the file.
        return False
    async with database.engine.connect() as connection:
        names = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    return bool(names)


def _exists(path: str) -> bool:
    return Path(path).exists()
