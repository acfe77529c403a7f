"""Which errors of the drivers say that the database is away, full or read-only.

All others, such as those of a wrong statement, are errors of this program.
"""

import logging
import sqlite3
from collections.abc import Iterator
from functools import partial

import asyncpg
from sqlalchemy import exc

from deskgraph.availability import Availability
from deskgraph.database.postgres.connections import leave_values_out
from resolvers.errors import CHANGES, Changes, Contended, ServiceError, Unavailable
from resolvers.services import Instruments

PART = "database"

# Errors of asyncpg itself that blame its caller.
_OURS = (
    ValueError,
    asyncpg.OutdatedSchemaCacheError,
    asyncpg.UnsupportedClientFeatureError,
    asyncpg.UnsupportedServerFeatureError,
)
# Classes of PostgreSQL's errors (its manual, appendix A): of the connection, of the login, a
# database that is gone, full disks and too many connections, an operator's, and of the system.
_CLASSES = ("08", "28", "3D", "53", "57P", "58")
_READ_ONLY_TRANSACTION = "25006"
# Transactions that waited for each other, or for too long, and were undone.
_CONTENDED = frozenset({"40001", "40P01", "55P03"})
# The primary codes of SQLite. A damaged file is one that an operator replaces, as one that is away.
_CODES = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_READONLY,
    }
)
# Why a database that is there refuses writes, by the codes of PostgreSQL and of SQLite.
_REFUSALS: dict[object, str] = {
    _READ_ONLY_TRANSACTION: "it is read-only",
    "53100": "its disk is full",
    sqlite3.SQLITE_READONLY: "it is read-only",
    sqlite3.SQLITE_FULL: "its disk is full",
    sqlite3.SQLITE_IOERR: "its disk fails",
    sqlite3.SQLITE_BUSY: "another program has locked it",
}
# Those with which a commit may have reached the disk.
_UNCLEAR_CODES = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_IOERR})
logger = logging.getLogger("deskgraph.database")


class Watch:
    """Converts the errors of one use of a database, and notes whether that use works."""

    def __init__(self, instruments: Instruments, *, writes: bool) -> None:
        """Take what counts failures. Only a write may find the database read-only."""
        self._use = "write" if writes else "read"
        report = partial(instruments.turned, PART, self._use)
        self.availability = Availability(logger, PART, f"{self._use}s", report)
        self._instruments = instruments
        self._writes = writes

    def converted(self, error: Exception) -> Exception:
        """Return ``Unavailable`` where the database is away, full or read-only; or the error.

        Where a commit has begun, it tells whether the transaction is known to be undone.
        """
        cause = self._cause(error)
        if cause is None:
            return Contended(PART) if _is_contended(error) else error
        leave_values_out(cause)
        self.availability.fails(f"{type(cause).__name__}: {cause}", _refusal(cause))
        self._instruments.failed(PART, self._use)
        changes = CHANGES.get()
        if changes is Changes.UNKNOWN and _is_undone(cause):
            changes = Changes.NONE
        return Unavailable(PART, changes)

    def _cause(self, error: Exception) -> BaseException | None:
        if isinstance(error, ServiceError):
            return None
        return next((each for each in _chain(error) if self._is_away(each)), None)

    def _is_away(self, error: BaseException) -> bool:
        if isinstance(error, asyncpg.PostgresError):
            return _is_of_the_server(error) or (
                self._writes and error.sqlstate == _READ_ONLY_TRANSACTION
            )
        if isinstance(error, sqlite3.Error):
            code = _code_of(error)
            # The connections for reads refuse writes, which are errors of ours, by this very code.
            return code & 0xFF in _CODES and (self._writes or code != sqlite3.SQLITE_READONLY)
        if isinstance(error, asyncpg.InterfaceError | asyncpg.InternalClientError):
            return not isinstance(error, _OURS)
        # The pool of the engine raises its own where every connection is in use for too long.
        return isinstance(error, OSError | exc.TimeoutError)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and its causes: SQLAlchemy wraps what drivers raise."""
    while error is not None:
        yield error
        error = error.__cause__


def _is_contended(error: Exception) -> bool:
    return any(getattr(one, "sqlstate", None) in _CONTENDED for one in _chain(error))


def _is_of_the_server(error: asyncpg.PostgresError) -> bool:
    """Return whether the server is away or full; it ends the connection with a fatal error."""
    return str(error.sqlstate).startswith(_CLASSES) or _is_fatal(error)


def _is_fatal(error: asyncpg.PostgresError) -> bool:
    return getattr(error, "severity_en", None) in ("FATAL", "PANIC")


def _is_undone(error: BaseException) -> bool:
    """Return whether an error of a commit says that the transaction was rolled back."""
    if isinstance(error, asyncpg.PostgresError):
        # One that ends the connection may come after the commit.
        return not _is_fatal(error) and not str(error.sqlstate).startswith(("08", "57P"))
    return isinstance(error, sqlite3.Error) and _code_of(error) & 0xFF not in _UNCLEAR_CODES


def _refusal(error: BaseException) -> str | None:
    """Return why writes are refused while reads go on; None where the database may be away."""
    if isinstance(error, sqlite3.Error):
        return _REFUSALS.get(_code_of(error) & 0xFF)
    return _REFUSALS.get(getattr(error, "sqlstate", None))


def _code_of(error: sqlite3.Error) -> int:
    """Return the extended code, 0 for an error that was not raised by SQLite itself."""
    return int(getattr(error, "sqlite_errorcode", 0))
