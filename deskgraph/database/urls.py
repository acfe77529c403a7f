"""URLs of databases: which are taken, and how the driver takes them."""

from collections.abc import Sequence

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError


class DatabaseUrlError(Exception):
    """The database URL is not one we can use; the text is a sentence that never repeats it."""


def parse_url(url: str) -> URL:
    """Check a database URL: ``sqlite:///path`` or ``postgresql://…``.

    Raises ``DatabaseUrlError``; its text leaves the URL out, which may hold a password.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise DatabaseUrlError(
            "The database URL cannot be read; it looks like sqlite:///var/deskgraph.db "
            "or postgresql://user@host/name."
        ) from None
    backend = parsed.get_backend_name()
    backend = {"postgres": "postgresql"}.get(backend, backend)
    if backend not in ("sqlite", "postgresql"):
        raise DatabaseUrlError(f"The database URL names {backend!r}; use sqlite or postgresql.")
    if backend == "sqlite":
        _check_file(parsed)
    elif not parsed.database and not parsed.query.keys() & {"database", "dbname"}:
        # The driver would take the one that is called as the user of this machine.
        raise DatabaseUrlError("The database URL names no database: postgresql://user@host/name.")
    return parsed.set(drivername=backend)


def _check_file(url: URL) -> None:
    """Raise ``DatabaseUrlError`` where a URL of SQLite is not just a file."""
    if not url.database or url.database == ":memory:":
        raise DatabaseUrlError("The database URL names no file: sqlite:///path/to/file.db.")
    if url.query or url.database.startswith("file:"):
        raise DatabaseUrlError(
            "The database URL has parameters, which none of SQLite has: sqlite:///path/to/file.db."
        )


def parse_replica_urls(urls: Sequence[str], primary: URL) -> list[URL]:
    """Check the URLs of replicas of a database; raises ``DatabaseUrlError`` as ``parse_url``."""
    if urls and primary.get_backend_name() == "sqlite":
        raise DatabaseUrlError("DESKGRAPH_REPLICA_URLS needs PostgreSQL: the database is SQLite.")
    parsed = []
    for number, url in enumerate(urls, 1):
        try:
            found = parse_url(url)
        except DatabaseUrlError as error:
            raise DatabaseUrlError(f"DESKGRAPH_REPLICA_URLS, URL {number}: {error}") from None
        if found.get_backend_name() == "sqlite":
            raise DatabaseUrlError(
                f"DESKGRAPH_REPLICA_URLS, URL {number}: replicas are PostgreSQL servers."
            )
        parsed.append(found)
    return parsed


def dsn_of(url: URL) -> str:
    """Return the URL as asyncpg takes it, with its password."""
    return url.set(drivername="postgresql").render_as_string(hide_password=False)
