"""What went wrong, in one sentence for the person at the terminal; never with a password in it."""

import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from socket import gaierror

import asyncpg
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from deskgraph.database.database import Database
from deskgraph.database.failures import PART
from deskgraph.database.migrate import SchemaError, check
from deskgraph.database.pragmas import set_pragmas
from deskgraph.database.urls import DatabaseUrlError, parse_url
from deskgraph.database.writers import read_only_address
from deskgraph.private_files import create_private
from deskgraph.settings import PREFIX, Settings, SettingsError
from deskgraph.storage.store_urls import FilesUrlError
from resolvers.errors import Unavailable


class CommandError(Exception):
    """A command cannot do what it was asked; the text is a sentence."""


SETTING = f"{PREFIX}DATABASE_URL"
SENTENCES = (
    CommandError,
    SettingsError,
    SchemaError,
    DatabaseUrlError,
    FilesUrlError,
    Unavailable,
)
TROUBLE = (
    OSError,
    SQLAlchemyError,
    sqlite3.Error,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
)
# In the order in which they are tried; the rest speaks for itself.
_POSTGRES = (
    (asyncpg.InvalidAuthorizationSpecificationError, "refused the user or the password"),
    (asyncpg.InvalidCatalogNameError, "has no such database; create it first"),
    (asyncpg.TooManyConnectionsError, "has no connection left"),
    (asyncpg.InsufficientPrivilegeError, "does not let this user do that"),
    (asyncpg.CannotConnectNowError, "is starting or stopping; try again"),
)
_SQLITE = (
    ("not a database", "is not a SQLite database"),
    ("malformed", "is damaged"),
    ("readonly", "cannot be written"),
    ("locked", "is in use by another process for too long"),
    ("full", "has no room left on its disk"),
)


@asynccontextmanager
async def open_database(
    settings: Settings, *, migrated: bool = True, create: bool = False, read_only: bool = False
) -> AsyncIterator[Database]:
    """Give the settings' database, its schema checked; trouble becomes a ``CommandError``.

    ``create`` makes the file of SQLite where there is none. ``read_only`` is for commands that
    change nothing: no writer waits for them.
    """
    try:
        url = parse_url(settings.direct_url)
    except DatabaseUrlError as error:
        raise CommandError(f"{SETTING}: {error}") from None
    try:
        database = Database(settings.direct_url, read_only=read_only, command=True)
        try:
            if database.is_sqlite:
                _try_file(str(url.database), create=create, read_only=read_only)
            if migrated:
                await check(database)
            yield database
        finally:
            await database.engine.dispose()
    except Unavailable as error:
        if error.part != PART or error.__cause__ is None:
            raise
        raise CommandError(f"{SETTING}: {message_of(url, error.__cause__)}") from error
    except TROUBLE as error:
        raise CommandError(f"{SETTING}: {message_of(url, error)}") from error


def message_of(url: URL, error: BaseException) -> str:
    """Return what is the matter with a database, in one sentence without a password."""
    return (_sqlite if url.get_backend_name() == "sqlite" else _postgres)(url, error)


def _try_file(path: str, *, create: bool, read_only: bool) -> None:
    """Open a SQLite file once without threads.

    Where the asynchronous driver cannot open it, its thread may outlive the event loop, and then
    writes a traceback.
    """
    if not create and not Path(path).exists():
        return
    if read_only:
        with closing(sqlite3.connect(read_only_address(Path(path)), uri=True)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master")
        return
    create_private(Path(path))
    with closing(sqlite3.connect(path)) as connection:
        set_pragmas(connection)


def explain(error: Exception) -> str:
    """Return the sentence for any error; one that nobody foresaw is named and hides passwords."""
    if isinstance(error, SENTENCES):
        return str(error)
    text = " ".join(str(error).split())
    return f"Unexpected {type(error).__name__}: {re.sub(r'//[^/@ ]*@', '//***@', text)}"


def _sqlite(url: URL, error: BaseException) -> str:
    text = str(error.orig) if isinstance(error, DBAPIError) else str(error)
    for part, sentence in _SQLITE:
        if part in text:
            return f"The database file {url.database} {sentence}."
    if url.database and Path(url.database).is_dir():
        return f"{url.database} is a folder, not a file in one."
    if isinstance(error, OSError) or "unable to open" in text:
        return f"The database file {url.database} cannot be opened: is its folder writable?"
    return f"The database file {url.database} could not be used: {text}."


def _postgres(url: URL, error: BaseException) -> str:
    cause = _driver_error(error)
    where = f"{url.host or 'localhost'}:{url.port or 5432}"
    for kind, sentence in _POSTGRES:
        if isinstance(cause, kind):
            return f"PostgreSQL at {where} {sentence} (database {url.database!r})."
    if isinstance(cause, asyncpg.PostgresError):
        return f"PostgreSQL at {where} answered: {' '.join(str(cause).split())}."
    if isinstance(cause, gaierror):
        return f"The host {url.host!r} of the database URL is unknown."
    if isinstance(cause, OSError):
        return f"No PostgreSQL server answers at {where}."
    return f"PostgreSQL at {where} could not be used ({type(cause).__name__})."


def _driver_error(error: BaseException) -> BaseException:
    """Return what the driver said, below what SQLAlchemy made of it."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        return error.orig.__cause__ or error.orig
    return error
