"""The commands ``check``, ``counts check`` and ``counts rebuild``."""

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path

import typer

from deskgraph.checks import database as of_database
from deskgraph.checks import files, rows, search
from deskgraph.checks.running import Check, Desk, Result, Status, run_checks
from deskgraph.cli.errors import TROUBLE, explain, message_of, open_database
from deskgraph.database.database import Database
from deskgraph.database.ticket_counts.recount import WrongCount, rebuild_counts, wrong_counts
from deskgraph.database.urls import parse_replica_urls, parse_url
from deskgraph.manifests import persisted_documents, schema_of
from deskgraph.private_files import is_open_to_others
from deskgraph.settings import Settings, load_settings

SETTINGS = "settings"
# How many wrong counts are printed; one cause makes many.
MOST = 20
ROWS = ("schema",)
CHECKS = (
    Check("database", of_database.reachable),
    Check("encoding", of_database.encoding, ("database",)),
    Check("extensions", of_database.extensions, ("database",)),
    Check("schema", of_database.schema, ("database",)),
    Check("import", rows.unfinished_import, ROWS),
    Check("logins", rows.demo_logins, ROWS),
    Check("counts", rows.counts, ROWS),
    Check("search", search.search, ROWS),
    Check("sequences", of_database.sequences, ROWS),
    Check("clock", of_database.clock, ROWS),
    Check("webhooks", rows.webhooks, ROWS),
    Check("files", files.store),
    Check("orphans", files.orphans, ("schema", "files")),
)


async def check_desk(*, full: bool, as_json: bool) -> bool:
    """Print what the checks find; return whether none has failed."""
    results = []
    # Closed also where nobody reads on, as with ``head``.
    async with aclosing(_results(full=full)) as found:
        async for result in found:
            results.append(result)
            if not as_json:
                typer.echo(f"{result.name:11} {result.status.value:12} {result.text}")
    is_well = not any(result.status is Status.FAILED for result in results)
    if as_json:
        checks = [
            {"name": one.name, "status": one.status.value, "message": one.text} for one in results
        ]
        typer.echo(json.dumps({"ok": is_well, "checks": checks}, ensure_ascii=False))
    return is_well


async def _results(*, full: bool) -> AsyncGenerator[Result]:
    try:
        settings = load_settings()
        _check_settings(settings)
        database = Database(settings.direct_url, read_only=True, command=True)
    except Exception as error:
        yield Result(SETTINGS, Status.FAILED, explain(error))
        for check in CHECKS:
            yield Result(check.name, Status.NOT_CHECKED, f'It needs "{SETTINGS}".')
        return
    yield _of_settings(settings)
    try:
        desk = Desk(settings, database, lambda: datetime.now(UTC), full=full)
        async with aclosing(
            run_checks(desk, CHECKS, lambda error: _told(database, error))
        ) as found:
            async for result in found:
                yield result
    finally:
        await database.engine.dispose()


def _check_settings(settings: Settings) -> None:
    """Raise what keeps a server with these settings from starting, whatever else there is."""
    if settings.production or settings.secret_key is not None:
        # The key of development would be made.
        settings.signing_key()
    for url in {settings.direct_url, settings.database_url}:
        parse_replica_urls(settings.replica_urls, parse_url(url))
    if settings.graphql_manifest or settings.graphql_documents != "any":
        persisted_documents(settings, schema_of(settings).documents)


def _of_settings(settings: Settings) -> Result:
    """Return what there is to say of settings that are right: who else can read their file."""
    text = f"The settings of {settings.environment} are right."
    file = Path(str(settings.model_config["env_file"]))
    if settings.production and file.is_file() and is_open_to_others(file):
        more = f"Other users can read or change their file: run chmod 600 {file}."
        return Result(SETTINGS, Status.WARNING, f"{text} {more}")
    return Result(SETTINGS, Status.OK, text)


def _told(database: Database, error: Exception) -> str:
    """Return a sentence for what a check has raised, without a password."""
    return message_of(database.url, error) if isinstance(error, TROUBLE) else explain(error)


async def check_counts() -> bool:
    """Print which counts are wrong; return whether none is."""
    async with open_database(load_settings(), read_only=True) as database:
        wrong = await wrong_counts(database)
    for one in wrong[:MOST]:
        typer.echo(_line(one))
    if len(wrong) > MOST:
        typer.echo(f"… and {len(wrong) - MOST} more")
    if wrong:
        what = "A count of tickets is" if len(wrong) == 1 else f"{len(wrong)} counts of tickets are"
        typer.echo(f'{what} wrong: run "deskgraph counts rebuild".')
    else:
        typer.echo("All counts of tickets are right.")
    return not wrong


async def rebuild() -> str:
    """Count all tickets again, and say so."""
    async with open_database(load_settings()) as database:
        await rebuild_counts(database)
    return "All tickets are counted again."


def _line(wrong: WrongCount) -> str:
    values = ", ".join(str(value) for value in wrong.values if value != "")
    return f"{values}: counted {wrong.kept}, there are {wrong.tickets}"
