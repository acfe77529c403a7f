"""Errors of drivers that say that the database is away, full or read-only.

All others are faults of this program, and stay what they are.
"""

import logging
import sqlite3

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from deskgraph.database.postgres import leave_values_out
from resolvers.errors import Outcome, Unavailable

# Classes and codes of SQLSTATE (PostgreSQL, appendix A): connection exceptions, wrong credentials,
# no such database, too few resources, an operator's intervention but cancelling, failing disks, and
# a database that takes no connections (55000).
_CLASSES = ("08", "28", "3D", "53", "58")
_CODES = ("55000", "57P01", "57P02", "57P03", "57P04")
# Of writes to a server that is read-only. A read that writes is a fault of this program.
_READ_ONLY = "25006"
_SQLITE = {
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
}
logger = logging.getLogger("deskgraph.database")


def is_outage(error: BaseException | None, *, writes: bool) -> bool:
    """Return whether an error says that the database is away, full or, for writes, read-only."""
    if isinstance(error, DBAPIError):
        # SQLAlchemy wraps the driver's errors, those of asyncpg twice.
        causes = (error.orig, error.orig and error.orig.__cause__)
        return any(is_outage(cause, writes=writes) for cause in causes)
    if isinstance(error, asyncpg.PostgresError):
        code = error.sqlstate or ""
        return code[:2] in _CLASSES or code in _CODES or (writes and code == _READ_ONLY)
    if isinstance(error, sqlite3.Error):
        # The lower byte is the primary code.
        primary = getattr(error, "sqlite_errorcode", 0) & 0xFF
        return primary in _SQLITE or (writes and primary == sqlite3.SQLITE_READONLY)
    if isinstance(error, asyncpg.InterfaceError):
        # It also has this program's own mistakes.
        return "closed" in str(error) or "closing" in str(error)
    return isinstance(error, OSError | PoolTimeout | asyncpg.InternalClientError)


class Outages:
    """Turns the errors of an outage into ``Unavailable``, and logs its beginning and its end."""

    def __init__(self) -> None:
        self.lasts = False

    def turned(self, error: Exception, outcome: Outcome, *, writes: bool) -> Unavailable | None:
        """Return what to raise in place of an error of the driver; None for all other errors."""
        if not is_outage(error, writes=writes):
            return None
        if not self.lasts:
            self.lasts = True
            leave_values_out(error)
            logger.error("the database is not available: %s", _shown(error))
        return Unavailable("database", outcome)

    def ended(self) -> None:
        """Note that a statement worked again."""
        self.lasts = False
        logger.warning("the database is available again")


def _shown(error: Exception) -> str:
    cause = error.orig if isinstance(error, DBAPIError) else error
    return str(cause) or type(cause).__name__
