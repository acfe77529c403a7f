"""The memory of one process of the server: ``python -m benchmarks.scale.memory``.

It is what Linux calls the resident set: after the start and one request, and after the server has
answered each kind of request over 32 connections for some seconds.
"""

import argparse
import asyncio
import secrets
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import databases, servers
from benchmarks.data import make_rows, viewer_id
from benchmarks.load import LoadError, measure, tool
from benchmarks.requests import requests as reads
from benchmarks.writes.requests import requests as writes
from deskgraph.demo.factory import Rows

CONNECTIONS = 32
FILE = Path(__file__).parents[2] / "docs" / "memory-benchmark.txt"


@dataclass(frozen=True)
class Result:
    """One kind of database: megabytes after the start, after the load, and the most meanwhile."""

    database: str
    started: float
    loaded: float
    most: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and with ``--write`` keep the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale.memory", description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgres", "both"], default="both")
    parser.add_argument("--tickets", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=5.0, help="how long each request is sent")
    parser.add_argument("--write", action="store_true", help="keep the table in docs/")
    options = parser.parse_args(arguments)
    rows = make_rows(options.tickets)
    try:
        results = [
            asyncio.run(measure_on(kind, rows, options.seconds))
            for kind in asyncio.run(databases.there(options.database))
        ]
    except (servers.ServerError, LoadError) as error:
        print(error, file=sys.stderr)
        return 1
    text = (
        f"{table(results)}\n"
        f"Resident memory of one process, in MB. {options.tickets:,} tickets; each of 2 reads and "
        f"6 writes was sent for {options.seconds:g} s.\n"
        f"Load: {tool()}, {CONNECTIONS} connections. Python {sys.version.split()[0]}.\n"
    )
    print(text, end="")
    if options.write:
        FILE.write_text(text, "utf-8")
    return 0


def table(results: Sequence[Result]) -> str:
    """Return a line for each database."""
    lines = [f"{'MB':20}{'after start':>12}{'after load':>12}{'at most':>12}"]
    lines += [
        f"{one.database:20}{one.started:>12.0f}{one.loaded:>12.0f}{one.most:>12.0f}"
        for one in results
    ]
    return "\n".join(lines) + "\n"


async def measure_on(kind: str, rows: Rows, seconds: float) -> Result:
    """Return what was measured on one kind of database."""
    async with databases.measured(kind, rows) as (url, folder, shown):
        return await asyncio.to_thread(_measure, url, folder, rows, shown, seconds)


def _measure(url: str, folder: Path, rows: Rows, shown: str, seconds: float) -> Result:
    key = secrets.token_urlsafe(48)
    access = servers.token(key, viewer_id(rows))
    commands = {"ours": servers.Command(servers.SERVE)}
    with servers.started(commands, url, key, access, folder) as running:
        server = running["ours"]
        first, *others = [*reads(access), *writes(access, rows)]
        # The port is listened on before the application is there.
        servers.ask(first, server.port)
        before, _ = _memory(server)
        for request in (first, *others):
            print(request.title, file=sys.stderr)
            measure(request, server.port, seconds, CONNECTIONS)
        return Result(shown, before, *_memory(server))


def _memory(server: servers.Server) -> tuple[float, float]:
    """Return the memory of a server's process and the most it had, in MB."""
    lines = Path(f"/proc/{server.process.pid}/status").read_text("ascii").splitlines()
    found = dict(line.split(":", 1) for line in lines)
    now, most = (int(found[name].split()[0]) * 1024 / 1e6 for name in ("VmRSS", "VmHWM"))
    return now, most


if __name__ == "__main__":
    sys.exit(main())
