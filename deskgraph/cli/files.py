"""The command ``files sweep``."""

import re
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta

import typer
from obstore.exceptions import BaseError

from deskgraph.cli.errors import CommandError, open_database
from deskgraph.settings import load_settings
from deskgraph.storage.file_store import open_files
from deskgraph.storage.orphan_cleanup import Finding, clean_up_orphans
from deskgraph.storage.store_urls import SETTING
from resolvers.errors import Unavailable

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
# The status for what is left for a person to look at; 1 and 2 are errors and wrong usage.
LEFT = 3
COUNTED = {
    "orphan": ("file without a row", "files without a row"),
    "unfinished": ("unfinished file", "unfinished files"),
    "missing": ("row without a file", "rows without a file"),
}
_DURATION = re.compile(r"([0-9]{1,4})([smhd])")


def duration(text: str) -> timedelta:
    """Read ``90m``, ``24h`` or ``7d``; raises ``typer.BadParameter``."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise typer.BadParameter("looks like 90m, 24h or 7d.", param_hint="--older-than")
    return timedelta(**{UNITS[match[2]]: int(match[1])})


async def run_cleanup(*, older_than: timedelta, remove: bool, quiet: bool) -> int:
    """Print what is found and how much; return the exit status."""
    before = datetime.now(UTC) - older_than
    counts: Counter[str] = Counter()
    size = 0
    async with aclosing(_findings(before, remove=remove)) as found:
        async for finding in found:
            counts[finding.kind] += 1
            size += finding.size if finding.kind != "missing" else 0
            typer.echo(_line(finding))
    if counts or not quiet:
        typer.echo(_summary(counts, size, remove=remove))
    return LEFT if counts["missing"] or (counts and not remove) else 0


async def _findings(before: datetime, *, remove: bool) -> AsyncGenerator[Finding, None]:
    """Yield what the orphan cleanup finds; errors of database and store become ``CommandError``."""
    settings = load_settings()
    files = open_files(settings.files_url)
    async with open_database(settings) as database, store_errors_told():
        async for finding in clean_up_orphans(database, files, before=before, remove=remove):
            yield finding


@asynccontextmanager
async def store_errors_told() -> AsyncIterator[None]:
    """Turn what a store says into a ``CommandError`` without its address."""
    try:
        yield
    except (BaseError, OSError, Unavailable) as error:
        cause = error.__cause__ or error
        code = re.search(r"<Code>(\w+)</Code>", str(cause))
        why = code[1] if code else type(cause).__name__
        raise CommandError(f"{SETTING}: The store could not be read or changed ({why}).") from None


def _line(finding: Finding) -> str:
    return f"{finding.kind:10}  {finding.at:%Y-%m-%d %H:%M}  {finding.size:>11}  {finding.key}"


def _summary(counts: Counter[str], size: int, *, remove: bool) -> str:
    if not counts:
        return "Every file has its row, and every row its file."
    parts = [
        f"{counts[kind]} {words[counts[kind] != 1]}"
        for kind, words in COUNTED.items()
        if counts[kind]
    ]
    files = counts["orphan"] + counts["unfinished"]
    done = "removed" if remove else "--remove would free"
    freed = f"; {done} {size} bytes" if files else ""
    return f"{', '.join(parts)}{freed}."
