"""A migration from an old system, timed: ``python -m benchmarks.importing``.

The command itself is run, in a process of its own, twice: once to bring everything, and once to
find that nothing has changed. Old and new database are of the same kind, on the same machine.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from sqlalchemy import Table

from benchmarks import databases, old_desk
from benchmarks.old_desk import OLD, Row
from deskgraph.database.database import Database
from deskgraph.importer.inserts import insert_all

ROOT = Path(__file__).parents[1]
CHUNK = 5000


class ImportFailed(Exception):
    """The command ended with an error; the text is what it said."""


@dataclass(frozen=True)
class Result:
    """One kind of database: rows, seconds of both runs, and the most memory used, in MB."""

    database: str
    rows: int
    first: float
    second: float
    memory: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.importing", description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgres", "both"], default="both")
    parser.add_argument("--tickets", type=int, default=200_000)
    options = parser.parse_args(arguments)
    kinds = ["sqlite", "postgres"] if options.database == "both" else [options.database]
    results = []
    for kind in kinds:
        if kind == "postgres" and (missing := asyncio.run(databases.why_no_postgres())):
            print(f"{missing}: it is left out.", file=sys.stderr)
            continue
        results.append(asyncio.run(measure_on(kind, options.tickets)))
    print(table(results))
    return 0


async def measure_on(kind: str, tickets: int) -> Result:
    """Import a desk of so many tickets, twice."""
    shown = await databases.version(kind)
    print(f"Filling {shown} ...", file=sys.stderr)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with (
            databases.blank(kind, folder, "old") as old,
            databases.blank(kind, folder, "new") as new,
        ):
            count = await _fill(old, tickets)
            environment = {**os.environ, "DESKGRAPH_DATABASE_URL": new}
            await asyncio.to_thread(_run, ["migrate"], folder, environment)
            command = ["import-legacy", old]
            first, memory = await asyncio.to_thread(_run, command, folder, environment)
            second, _ = await asyncio.to_thread(_run, command, folder, environment)
            return Result(shown, count, first, second, memory)


def table(results: Sequence[Result]) -> str:
    """Return the results as text, with the conditions they were measured under."""
    lines = [f"{'':20}{'rows':>12}{'first run':>12}{'rows/s':>10}{'again':>10}{'most MB':>10}"]
    lines += [
        f"{one.database:20}{one.rows:>12,}{one.first:>10.1f} s{one.rows / one.first:>10,.0f}"
        f"{one.second:>8.1f} s{one.memory:>10.0f}"
        for one in results
    ]
    lines.append(f"Both databases and the import on the same machine, {os.cpu_count()} cores.")
    return "\n".join(lines)


async def _fill(url: str, tickets: int) -> int:
    """Make the old database: rows that are referred to come first."""
    engine = Database(url).engine
    count = 0
    async with engine.begin() as connection:
        await connection.run_sync(OLD.create_all)
        for each, rows in _chunks(old_desk.rows(tickets)):
            await insert_all(connection, each, rows)
            count += len(rows)
    await engine.dispose()
    return count


def _chunks(made: Iterator[tuple[Table, Row]]) -> Iterator[tuple[Table, list[Row]]]:
    """Gather rows by their tables, a few thousand at a time."""
    while some := list(islice(made, CHUNK)):
        for each in OLD.sorted_tables:
            if rows := [row for table, row in some if table is each]:
                yield each, rows


def _run(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> tuple[float, float]:
    """Run the command line; return its seconds and the most memory it had, in MB.

    Raises ``ImportFailed``.
    """
    command = [sys.executable, "-m", "deskgraph.cli", *arguments]
    started = time.perf_counter()
    with (folder / "output").open("w+") as output:
        # Where the project is, whatever folder it works in.
        process = subprocess.Popen(
            command,
            env={**environment, "PYTHONPATH": str(ROOT)},
            cwd=folder,
            stdout=output,
            stderr=output,
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - started
        output.seek(0)
        said = output.read()
    if process.returncode != 0:
        raise ImportFailed(said)
    return seconds, used.ru_maxrss / 1024


if __name__ == "__main__":
    sys.exit(main())
