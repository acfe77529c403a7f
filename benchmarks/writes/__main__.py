"""Writes beside the baseline, in one run on this machine: ``python -m benchmarks.writes``.

Only ratios within a run mean something elsewhere, so the servers are loaded in turn.
"""

import argparse
import asyncio
import re
import secrets
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import databases, servers
from benchmarks.data import make_rows, viewer_id
from benchmarks.load import LoadError, measure
from benchmarks.requests import Request, next_numbers
from benchmarks.writes.report import Result, Round, chart, conditions, table
from benchmarks.writes.requests import requests, writer
from deskgraph.demo.factory import Rows

DOCS = Path(__file__).parents[2] / "docs"
CLIENTS = (1, 8, 32)
# Until statements are prepared on every connection and caches are warm.
WARM_UP = 1.0
# What is another one in the answers of two servers: ids, ticket numbers, times and numbers.
_OWN = re.compile(
    rb"[0-9a-f]{8}-[0-9a-f-]{27}|T-\d{8}-\d+|\d{4}-[\dT:.-]+Z"
    rb'|(?<=since )\d+|(?<=\()\d+|(?<="version":)\d+'
)


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    seconds: float
    rounds: int
    clients: Sequence[int] = CLIENTS
    # Of the writes' titles, only those with this in them.
    only: str = ""
    # A checkout of another version, to be measured as well.
    other: Path | None = None


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and with ``--write`` keep the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.writes", description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgres", "both"], default="both")
    parser.add_argument("--tickets", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=2.0, help="how long a round takes")
    parser.add_argument("--rounds", type=int, default=5, help="rounds for each server and write")
    parser.add_argument("--clients", type=int, nargs="+", default=CLIENTS)
    parser.add_argument("--only", default="", help="a part of the titles of the writes wanted")
    parser.add_argument("--other", type=Path, help="a checkout that is measured as well")
    parser.add_argument("--write", action="store_true", help="keep table and chart in docs/")
    options = parser.parse_args(arguments)
    plan = Plan(options.seconds, options.rounds, options.clients, options.only, options.other)
    results = []
    try:
        for kind in ["sqlite", "postgres"] if options.database == "both" else [options.database]:
            if kind == "postgres" and (missing := asyncio.run(databases.why_no_postgres())):
                print(f"{missing}: it is left out.", file=sys.stderr)
                continue
            results += asyncio.run(measure_on(kind, make_rows(options.tickets), plan))
    except (servers.ServerError, LoadError) as error:
        print(error, file=sys.stderr)
        return 1
    told = conditions(options.tickets, options.seconds, options.rounds)
    text = f"{table(results)}\n{told}"
    print(text, end="")
    if options.write:
        (DOCS / "write-benchmark.txt").write_text(text, "utf-8")
        (DOCS / "write-benchmark.svg").write_text(chart(results), "utf-8")
    return 0


async def measure_on(kind: str, rows: Rows, plan: Plan) -> list[Result]:
    """Return what was measured on one kind of database."""
    shown = await databases.version(kind)
    print(f"Filling {shown} ...", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        async with databases.scratch(kind, Path(folder), rows) as url:
            return await asyncio.to_thread(_measure, url, Path(folder), rows, shown, plan)


def _measure(url: str, folder: Path, rows: Rows, shown: str, plan: Plan) -> list[Result]:
    key = secrets.token_urlsafe(48)
    access = servers.token(key, viewer_id(rows))
    commands = {"deskgraph": servers.Command(servers.SERVE)}
    if plan.other is not None:
        commands["other"] = servers.Command(servers.SERVE, {"PYTHONPATH": str(plan.other)})
    user = {"BASELINE_USER": writer(rows)}
    commands["baseline"] = servers.Command(["benchmarks.writes.baseline"], user)
    results = []
    with servers.started(commands, url, key, access, folder) as running:
        for request in requests(access, rows):
            if plan.only not in request.title:
                continue
            check_answers(request, {name: server.port for name, server in running.items()})
            results += [_rounds(request, running, shown, clients, plan) for clients in plan.clients]
    return results


def _rounds(
    request: Request,
    running: Mapping[str, servers.Server],
    shown: str,
    clients: int,
    plan: Plan,
) -> Result:
    print(f"{request.title}, {clients} clients", file=sys.stderr)
    for server in running.values():
        measure(request, server.port, min(WARM_UP, plan.seconds), clients)
    rounds: dict[str, list[Round]] = {name: [] for name in running}
    for _ in range(plan.rounds):
        for name, server in running.items():
            before = server.cpu_seconds()
            sample = measure(request, server.port, plan.seconds, clients)
            spent = server.cpu_seconds() - before
            rounds[name].append(Round(sample, 1000 * spent / sample.requests))
    return Result(shown, request.title, clients, rounds)


def check_answers(request: Request, ports: Mapping[str, int]) -> None:
    """Raise ``ServerError`` where two servers answer a write differently.

    Each is sent one of its own, so what is new in each answer is left out.
    """
    number = next_numbers()
    answers = {}
    for place, (name, port) in enumerate(ports.items()):
        # Of the same row: a write that changes nothing would be another one.
        sent = request.numbered(number + place * len(request.ids))
        answers[name] = _OWN.sub(b"0", servers.ask(sent, port))
    (first, one), *others = answers.items()
    for name, other in others:
        if servers.without_cost(other) != servers.without_cost(one):
            raise servers.ServerError(
                f"{first} and {name} answer {request.title} differently:\n{one!r}\n{other!r}"
            )


if __name__ == "__main__":
    sys.exit(main())
