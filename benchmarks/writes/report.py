"""What was measured, as a table and as a bar chart."""

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from statistics import median

from benchmarks import chart as bars
from benchmarks.load import Sample, tool


@dataclass(frozen=True)
class Round:
    """One round of one server: what the clients saw, and what the server computed for it."""

    sample: Sample
    # Milliseconds of CPU time for each request.
    cpu: float


@dataclass(frozen=True)
class Result:
    """One write with a number of clients on one database: each server's rounds, in their order."""

    database: str
    title: str
    clients: int
    rounds: Mapping[str, Sequence[Round]]

    def rate(self, name: str) -> float:
        """Return the median of a server's requests a second."""
        return median(each.sample.rate for each in self.rounds[name])

    def p99(self, name: str) -> float:
        """Return the median of the milliseconds that 99 % stay below."""
        return median(each.sample.p99 for each in self.rounds[name])

    def cpu(self, name: str) -> float:
        """Return the median of a server's milliseconds of CPU time for each request."""
        return median(each.cpu for each in self.rounds[name])

    def ratio(self, name: str, other: str = "baseline") -> float:
        """Return how many of another server's requests one answers: the median of the rounds.

        Rounds are compared one by one, since what else the machine does changes with time.
        """
        pairs = zip(self.rounds[name], self.rounds[other], strict=True)
        return median(one.sample.rate / beside.sample.rate for one, beside in pairs)


def table(results: Sequence[Result]) -> str:
    """Return the figures, a line for each write and number of clients."""
    lines: list[str] = []
    for number, result in enumerate(results):
        if not number or results[number - 1].database != result.database:
            lines += _heads(result)
        lines.append(_line(result))
    return "\n".join(lines) + "\n"


def _heads(result: Result) -> list[str]:
    names = "".join(f"{name:>35}" for name in result.rounds)
    each = f"{'requests/s':>11}{'p99 ms':>9}{'CPU ms':>8}{'ratio':>7}" * len(result.rounds)
    return [f"{result.database:25}{names}", f"{'':25}{each}"]


def _line(result: Result) -> str:
    shown = f"  {result.title:17}{result.clients:>3}   "
    for name in result.rounds:
        shown += f"{result.rate(name):>11.0f}{result.p99(name):>9.1f}{result.cpu(name):>8.2f}"
        shown += f"{result.ratio(name):>7.2f}"
    return shown


def chart(results: Sequence[Result]) -> str:
    """Return a bar chart: the writes of the middle number of clients, beside the baseline."""
    numbers = sorted({result.clients for result in results})
    clients = numbers[len(numbers) // 2]
    return bars.draw(
        "Writes: requests a second, beside the baseline",
        f"Requests a second with {clients} clients, one worker; longer is better",
        "The baseline: bare Starlette with the same transactions written out",
        [_group(result) for result in results if result.clients == clients],
    )


def _group(result: Result) -> bars.Group:
    ours, baseline = result.rate("deskgraph"), result.rate("baseline")
    label = f"{ours:,.0f} · {result.ratio('deskgraph'):.2f} of the baseline"
    return bars.Group(
        f"{result.title}, {result.database}",
        [
            bars.Bar("deskgraph", "ours", ours, label),
            bars.Bar("the baseline", "baseline", baseline, f"{baseline:,.0f}"),
        ],
    )


def conditions(tickets: int, seconds: float, rounds: int) -> str:
    """Return what has to be known to read the figures."""
    ours = ("strawberry-graphql", "starlette", "uvicorn", "asyncpg", "sqlalchemy")
    versions = ", ".join(f"{name} {version(name)}" for name in ours)
    return (
        f"The third column is the number of clients. Each figure is the median of {rounds} rounds "
        f"of {seconds:g} s, the servers taking turns, one worker each.\n"
        f"Load: {tool()}; the database and the load are on the same machine, which has "
        f"{os.cpu_count()} cores. CPU is that of the server alone.\n"
        f"{tickets:,} tickets at the beginning. Both answers were compared as JSON before.\n"
        "The ratio is that of requests/s to the baseline: bare Starlette, uvicorn with the same "
        "settings, SQL written out, no schema, a constant token; its transactions store the same.\n"
        "A write is answered once it is on the disk (synchronous=FULL, synchronous_commit=on).\n"
        f"Python {platform.python_version()}, {versions}.\n"
    )
