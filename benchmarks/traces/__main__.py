"""The same server without traces and with them: ``python -m benchmarks.traces``.

With traces, one request in ten is sampled, and its spans go to a receiver on this machine. A second
server without traces shows how much of a difference is chance. Processor time is that of the server
alone, with that of sending the spans.
"""

import argparse
import asyncio
import platform
import secrets
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import orjson

from benchmarks import databases, servers
from benchmarks.data import make_rows, viewer_id
from benchmarks.load import LoadError, Sample, generator, measure, median_of
from benchmarks.polling import Cost
from benchmarks.read import DOCS, WARM_UP
from benchmarks.requests import HOST, Request, requests
from benchmarks.servers import SERVE, Command, Server
from deskgraph.demo.factory import Rows
from deskgraph.settings import PREFIX

SAMPLED = 0.1
OFF, AGAIN, ON = "off", "again", "on"
NAMES: Mapping[str, str] = {
    OFF: "without traces",
    AGAIN: "without traces, a second server",
    ON: f"with traces, {SAMPLED:.0%} sampled",
}


@dataclass(frozen=True)
class Result:
    """One request on one database: each server as the median of the rounds."""

    database: str
    title: str
    costs: Mapping[str, Cost]

    def rates(self, name: str) -> float:
        """How many requests a server answers, beside one without traces."""
        return self.costs[name].sample.rate / self.costs[OFF].sample.rate

    def ratio(self, name: str) -> float:
        """How much processor time one of its requests takes, beside one without traces."""
        return self.costs[name].microseconds / self.costs[OFF].microseconds


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and with ``--write`` keep the table."""
    options = _options(arguments)
    if options.quick:
        options.tickets, options.seconds, options.rounds = 200, 1.0, 1
    rows = make_rows(options.tickets)
    try:
        results = [
            result
            for kind in asyncio.run(databases.there(options.database))
            for result in asyncio.run(measure_on(kind, rows, options.seconds, options.rounds))
        ]
    except (servers.ServerError, LoadError) as error:
        print(error, file=sys.stderr)
        return 1
    text = table(results) + _conditions(options)
    print(text, end="")
    if options.write:
        (DOCS / "traces-benchmark.txt").write_text(text, "utf-8")
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.traces", description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgres", "both"], default="both")
    parser.add_argument("--tickets", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=4.0, help="how long a round takes")
    parser.add_argument("--rounds", type=int, default=9, help="rounds for each server")
    parser.add_argument("--quick", action="store_true", help="few rows, one round: does it work?")
    parser.add_argument("--write", action="store_true", help="keep the table in docs/")
    return parser.parse_args(arguments)


async def measure_on(kind: str, rows: Rows, seconds: float, rounds: int) -> list[Result]:
    """Return what was measured on one kind of database."""
    async with databases.measured(kind, rows) as (url, folder, shown):
        return await asyncio.to_thread(_compare, url, folder, rows, shown, seconds, rounds)


def _compare(
    url: str, folder: Path, rows: Rows, shown: str, seconds: float, rounds: int
) -> list[Result]:
    key = secrets.token_urlsafe(48)
    access = servers.token(key, viewer_id(rows))
    headers = {"Authorization": f"Bearer {access}", "Host": HOST}
    path = f"/api/v1/tickets/{rows.tickets[0]['id']}/"
    asked = [*requests(access), Request("REST ticket", "GET", path, headers)]
    collector = {"receiver": Command(["benchmarks.traces.receiver"])}
    with servers.started(collector, url, key, access, folder) as receiving:
        to = receiving["receiver"].port
        commands = {OFF: Command(SERVE), AGAIN: Command(SERVE), ON: Command(SERVE, _traces(to))}
        with servers.started(commands, url, key, access, folder) as processes:
            found = [_measure(request, processes, shown, seconds, rounds) for request in asked]
        # What is left is sent when the server ends.
        told = servers.ask(Request("the number of requests with spans", "GET", "/"), to)
    if not orjson.loads(told)["received"]:
        raise servers.ServerError("No spans were sent.")
    return found


def _measure(
    request: Request, processes: Mapping[str, Server], shown: str, seconds: float, rounds: int
) -> Result:
    """Load the servers in turn."""
    servers.compare(request, {name: one.port for name, one in processes.items()})
    for one in processes.values():
        measure(request, one.port, min(WARM_UP, seconds))
    samples: dict[str, list[Sample]] = {name: [] for name in processes}
    before = {name: one.cpu_seconds() for name, one in processes.items()}
    for number in range(rounds):
        print(f"{request.title}: round {number + 1} of {rounds}", file=sys.stderr)
        for name, one in processes.items():
            samples[name].append(measure(request, one.port, seconds))
    spent = {name: one.cpu_seconds() - before[name] for name, one in processes.items()}
    costs = {name: _cost(some, spent[name]) for name, some in samples.items()}
    return Result(shown, request.title, costs)


def _cost(samples: Sequence[Sample], spent: float) -> Cost:
    return Cost(median_of(samples), spent / sum(one.requests for one in samples) * 1e6)


def _traces(port: int) -> dict[str, str]:
    return {
        f"{PREFIX}TRACES": "on",
        f"{PREFIX}TRACES_SAMPLED": str(SAMPLED),
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
    }


def table(results: Sequence[Result]) -> str:
    """Return the figures, a line for each server."""
    lines = [
        f"{'':38}{'requests/s':>11}{'ratio':>8}{'p50 ms':>9}{'p99 ms':>9}{'CPU us':>9}{'ratio':>8}"
    ]
    for result in results:
        lines.append(f"{result.title} on {result.database}")
        for name, cost in result.costs.items():
            one = cost.sample
            lines.append(
                f"  {NAMES[name]:36}{one.rate:>11.0f}{result.rates(name):>8.3f}{one.p50:>9.1f}"
                f"{one.p99:>9.1f}{cost.microseconds:>9.0f}{result.ratio(name):>8.3f}"
            )
    return "\n".join(lines) + "\n"


def _conditions(options: argparse.Namespace) -> str:
    return (
        f"Each line is the median of {options.rounds} rounds of {options.seconds:g} s, the servers "
        f"taking turns, one worker each; {options.tickets:,} tickets.\n"
        f"Load: {generator()}. The load, the database and the receiver of the spans are on the "
        "same machine.\n"
        f"Python {platform.python_version()}, opentelemetry-sdk {version('opentelemetry-sdk')}.\n"
    )


if __name__ == "__main__":
    sys.exit(main())
