"""Checks of the database itself: whether it answers, how it is set up, its schema and its clock."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import text

from deskgraph.checks.running import Desk, Finding, failed, ok, warning
from deskgraph.database.migrate import check, head
from deskgraph.database.trigrams import TrigramsMissing, require_fts5
from deskgraph.transfer.sequences import highest, last_number

OLDEST_POSTGRES = 15
# How far clocks may be apart, and how far ahead of ours the time of an event may be.
MOST_APART = timedelta(seconds=2)
MOST_AHEAD = timedelta(minutes=1)
# How many of the last events are looked at.
LAST_EVENTS = 1000
_COUNTER = "SELECT value FROM day_counters WHERE day = :day"
_NUMBERS = "SELECT ticket_number FROM tickets WHERE ticket_number LIKE :like"
_AHEAD_OF_LOG = text("SELECT count(*) FROM webhooks WHERE enabled AND cursor > :last")


async def reachable(desk: Desk) -> Finding:
    """Whether the database answers, in which version."""
    if desk.database.is_sqlite and not _is_file(path := str(desk.database.url.database)):
        return failed(f'There is no file {path}: run "deskgraph migrate".')
    statement = "SELECT sqlite_version()" if desk.database.is_sqlite else "SHOW server_version"
    async with desk.database.engine.connect() as connection:
        version = str(await connection.scalar(text(statement)))
        if desk.database.is_sqlite:
            await connection.execute(text("SELECT count(*) FROM sqlite_master"))
            return ok(f"SQLite {version} answers.")
        number = int(str(await connection.scalar(text("SHOW server_version_num")))) // 10_000
    if number < OLDEST_POSTGRES:
        return failed(f"PostgreSQL {version} is too old: {OLDEST_POSTGRES} or newer is needed.")
    return ok(f"PostgreSQL {version.split()[0]} answers.")


def _is_file(path: str) -> bool:
    return Path(path).is_file()


async def encoding(desk: Desk) -> Finding:
    """Whether the database has all characters, and makes trigrams of all letters."""
    async with desk.database.engine.connect() as connection:
        if desk.database.is_sqlite:
            found = await connection.scalar(text("PRAGMA encoding"))
            return ok(f"The encoding is {found}.")
        row = (
            await connection.execute(
                text(
                    "SELECT pg_encoding_to_char(encoding) AS encoding, datctype AS locale "
                    "FROM pg_database WHERE datname = current_database()"
                )
            )
        ).one()
    if row.encoding != "UTF8":
        return failed(f"The encoding is {row.encoding}, and UTF8 is needed.")
    if row.locale in ("C", "POSIX"):
        return warning(
            f"The locale is {row.locale}: searches for letters outside ASCII read every row. "
            "Use a UTF-8 locale."
        )
    return ok(f"The encoding is UTF8, the locale {row.locale}.")


async def extensions(desk: Desk) -> Finding:
    """Whether what searches need is there."""
    async with desk.database.engine.connect() as connection:
        if desk.database.is_sqlite:
            try:
                await connection.run_sync(require_fts5)
            except TrigramsMissing as error:
                return failed(str(error))
            return ok("FTS5 with trigrams is there.")
        found = await connection.scalar(
            text("SELECT extversion FROM pg_extension WHERE extname = 'pg_trgm'")
        )
    if found is None:
        return failed('The extension pg_trgm is missing: run "deskgraph migrate".')
    return ok(f"pg_trgm {found} is there.")


async def schema(desk: Desk) -> Finding:
    """Whether the schema is that of this program; raises ``SchemaError`` if not."""
    await check(desk.database)
    return ok(f"The schema is {head()}.")


async def sequences(desk: Desk) -> Finding:
    """Whether the next numbers that are given out are free."""
    today = f"{desk.now():%Y%m%d}"
    async with desk.database.engine.connect() as connection:
        sql = last_number(sqlite=desk.database.is_sqlite)
        last = await connection.scalar(text(sql)) or 0
        seq = await highest(connection)
        ahead = await connection.scalar(_AHEAD_OF_LOG, {"last": max(last, seq)}) or 0
        counter = await connection.scalar(text(_COUNTER), {"day": today}) or 0
        numbers = await connection.scalars(text(_NUMBERS), {"like": f"T-{today}-%"})
        parts = [str(number).rpartition("-")[2] for number in numbers]
    given = max((int(part) for part in parts if part.isdecimal()), default=0)
    if last < seq:
        return failed(f"The next event would have the number {last + 1}, and there is {seq}.")
    if counter < given:
        return failed(f"The counter of today's tickets is {counter}, and there is number {given}.")
    if ahead:
        return warning(f"Webhooks that are ahead of the event log, and will miss events: {ahead}.")
    return ok("The next numbers of events and tickets are free.")


async def clock(desk: Desk) -> Finding:
    """Whether this machine's clock is the database's, and no event is from the future."""
    latest = f"SELECT at FROM ticket_events ORDER BY seq DESC LIMIT {LAST_EVENTS}"  # noqa: S608
    async with desk.database.engine.connect() as connection:
        apart = timedelta()
        if not desk.database.is_sqlite:
            before = desk.now()
            theirs = await connection.scalar(text("SELECT clock_timestamp()"))
            # It was read at some time between these two.
            after = desk.now()
            assert isinstance(theirs, datetime)
            apart = max(before - theirs, theirs - after, apart)
        times = list(await connection.scalars(text(latest)))
    if apart > MOST_APART:
        return warning(
            f"The clock of the database is {apart.total_seconds():.0f} seconds away from this one."
        )
    until = desk.now() + MOST_AHEAD
    if future := sum(_time(at) > until for at in times):
        return warning(f"Events from the future: {future} of the last {len(times)}.")
    return ok("The clocks agree, and no event is from the future.")


def _time(stored: object) -> datetime:
    """Return a time as either database returns it."""
    if isinstance(stored, datetime):
        return stored.astimezone(UTC)
    return datetime.fromisoformat(str(stored))
