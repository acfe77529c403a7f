"""How every connection to SQLite is prepared, for reads and for writes."""

import sqlite3
from collections.abc import Callable, Mapping
from time import monotonic, sleep
from typing import Any

# How long a writer waits for another one, in seconds.
SQLITE_BUSY_SECONDS = 30
SQLITE_PRAGMAS = (
    # First: another process may be switching the same new file to WAL.
    f"PRAGMA busy_timeout={SQLITE_BUSY_SECONDS * 1000}",
    "PRAGMA foreign_keys=ON",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA cache_size=-65536",
    "PRAGMA mmap_size=268435456",
    "PRAGMA temp_store=MEMORY",
)
# How soon a pragma is tried again that SQLite refuses at once, in seconds.
_RETRY_SECONDS = 0.01
# What SQLite may call, with any number of its values.
Function = Callable[..., Any]


def set_pragmas(connection: sqlite3.Connection, *more: str) -> None:
    """Prepare a connection; raises ``sqlite3.OperationalError``.

    Where two processes switch the same new file to WAL, SQLite does not wait for the other one,
    whatever its timeout: each would wait for the lock of the other.
    """
    patience = monotonic() + SQLITE_BUSY_SECONDS
    for pragma in (*SQLITE_PRAGMAS, *more):
        while True:
            try:
                connection.execute(pragma)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or monotonic() > patience:
                    raise
                sleep(_RETRY_SECONDS)
            else:
                break


def add_functions(connection: sqlite3.Connection, functions: Mapping[str, Function]) -> None:
    """Let statements call functions that SQLite lacks, by their names."""
    for name, function in functions.items():
        # Of any number of arguments.
        connection.create_function(name, -1, function, deterministic=True)
