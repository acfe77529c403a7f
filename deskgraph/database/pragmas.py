"""How every connection to SQLite is prepared, for reads and for writes."""

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
