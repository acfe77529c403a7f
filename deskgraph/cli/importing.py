"""The command ``import-legacy``: its progress, and the table that it ends with."""

import asyncio
import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deskgraph.cli.errors import CommandError, message_of, open_database
from deskgraph.cli.progress import bars
from deskgraph.database.urls import parse_url
from deskgraph.importer.counts import Count, ImportSummary, Rejects
from deskgraph.importer.importing import run_import
from deskgraph.importer.source import SourceError, open_source
from deskgraph.settings import load_settings
from deskgraph.storage.file_store import open_files

MAX_NAMES = 10
# After so many new objects the garbage collector looks for cycles. A batch has more than that, all
# of which it needs, and leaves none: by default a tenth of an import would be spent on it.
COLLECTED_AFTER = 200_000
_COLUMNS = ("read", "written", "unchanged", "rejected")


def import_legacy(
    url: str, *, folder: Path | None, rejects: Path, dry_run: bool
) -> tuple[str, bool]:
    """Import, and return the report and whether its sums agree; trouble is a ``CommandError``."""
    started = time.monotonic()
    try:
        kept = Rejects(rejects)
    except OSError as error:
        raise CommandError(f"{rejects} cannot be written: {error.strerror}.") from None
    with kept, _few_collections():
        outcome = asyncio.run(_import(url, kept, folder, dry_run=dry_run))
    report = _report(outcome, rejects, time.monotonic() - started, dry_run=dry_run)
    return report, not outcome.disagreements


@contextmanager
def _few_collections() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(COLLECTED_AFTER)
    try:
        yield
    finally:
        gc.set_threshold(*before)


async def _import(
    url: str, rejects: Rejects, folder: Path | None, *, dry_run: bool
) -> ImportSummary:
    settings = load_settings()
    parsed = parse_url(url)
    files = open_files(settings.files_url)
    async with open_database(settings) as database:
        if parsed == database.url:
            raise CommandError("This is deskgraph's own database: give the URL of the old one.")
        try:
            async with open_source(url) as source:
                with bars() as progress:
                    return await run_import(
                        source,
                        database,
                        files,
                        rejects,
                        folder=folder,
                        dry_run=dry_run,
                        progress=progress,
                    )
        except SourceError as error:
            cause = error.__cause__
            raise CommandError(message_of(parsed, cause) if cause else str(error)) from None


def _report(outcome: ImportSummary, rejects: Path, seconds: float, *, dry_run: bool) -> str:
    counts = dict(outcome.kinds)
    if outcome.files is not None:
        counts["files"] = outcome.files
    lines = [f"{'kind':12}" + "".join(f"{name:>12}" for name in _COLUMNS)]
    lines += [_line(name, count) for name, count in counts.items()]
    rows = sum(count.read for count in outcome.kinds.values())
    lines.append(f"\n{rows:,} rows in {seconds:.1f} s, {rows / max(seconds, 0.001):,.0f} a second.")
    if dry_run:
        lines.append("This was a dry run: nothing was written, and no file was copied.")
    lines += [
        f"Deleted in the old system since their import: {count.gone:,} {name}; they stay here."
        for name, count in outcome.kinds.items()
        if count.gone
    ]
    if outcome.missing:
        names = ", ".join(outcome.missing[:MAX_NAMES])
        more = len(outcome.missing) - MAX_NAMES
        names += f" and {more:,} more" if more > 0 else ""
        lines.append(f"Files not found: {len(outcome.missing):,} ({names}).")
    elif outcome.without_file and outcome.files is None:
        lines.append(f"Attachments without a file here: {outcome.without_file:,}. Give --media.")
    if outcome.rejected:
        lines.append(f"{rejects} has the reason for each rejected row.")
    lines += outcome.disagreements or ["The sums agree."]
    return "\n".join(lines)


def _line(name: str, count: Count) -> str:
    return f"{name:12}" + "".join(f"{getattr(count, column):>12,}" for column in _COLUMNS)
