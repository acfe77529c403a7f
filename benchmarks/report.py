"""What was measured, as a table."""

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version

from benchmarks import chart as bars
from benchmarks.load import Sample, generator
from benchmarks.servers import RATE_LIMIT


@dataclass(frozen=True)
class Result:
    """One read on one database: ours and the baseline, each as the median of the rounds.

    ``bare`` is ours where nothing is counted, ``peers`` are other servers by their names, and
    ``compressed`` is ours with compression.
    """

    database: str
    title: str
    size: int
    ours: Sample
    baseline: Sample
    bare: Sample | None = None
    peers: Mapping[str, Sample] = field(default_factory=dict)
    compressed: Sample | None = None

    @property
    def ratio(self) -> float:
        """How many of the baseline's requests ours answers in the same time."""
        return self.ours.rate / self.baseline.rate


def table(results: Sequence[Result]) -> str:
    """Return the figures, a line for each server."""
    lines = [f"{'':42}{'requests/s':>11}{'p50 ms':>9}{'p99 ms':>9}{'ratio':>10}"]
    for result in results:
        lines.append(f"{result.title} on {result.database}, {result.size / 1000:.0f} kB of JSON")
        ratio = f"{result.ratio:.2f}"
        lines.append(_line("deskgraph", result.ours, ratio))
        if result.bare is not None:
            lines.append(
                _line(
                    "with nothing counted",
                    result.bare,
                    f"{result.bare.rate / result.baseline.rate:.2f}",
                )
            )
            counted = result.ours.rate / result.bare.rate
            lines.append(f"  {'what is left of that where all is counted':69}{counted:>10.3f}")
        if result.compressed is not None:
            ratio = f"{result.compressed.rate / result.baseline.rate:.2f}"
            lines.append(_line("with compression", result.compressed, ratio))
        lines.append(_line("the baseline", result.baseline, "1.00"))
        for name, sample in result.peers.items():
            lines.append(_line(name, sample, f"{sample.rate / result.baseline.rate:.2f}"))
    return "\n".join(lines) + "\n"


def conditions(tickets: int, seconds: float, rounds: int) -> str:
    """Return what has to be known to read the figures."""
    ours = ("strawberry-graphql", "starlette", "uvicorn", "asyncpg", "sqlalchemy")
    versions = ", ".join(f"{name} {version(name)}" for name in ours)
    return (
        f"Each line is the median of {rounds} rounds of {seconds:g} s, the servers taking turns, "
        "one worker each.\n"
        f"Load: {generator()}; the database and the load are on the same machine, which has "
        f"{os.cpu_count()} cores.\n"
        f"{tickets:,} tickets, pages of 20. Both answers were compared as JSON before.\n"
        f"Ours counts what each request costs, with DESKGRAPH_RATE_LIMIT={RATE_LIMIT}.\n"
        "No server logs requests (ours: DESKGRAPH_LOG_LEVEL=warning).\n"
        "The ratio is that of requests/s to the baseline: bare Starlette, uvicorn with the same "
        "settings, SQL written out, no schema, a constant token.\n"
        f"Python {platform.python_version()}, {versions}.\n"
    )


def chart(results: Sequence[Result]) -> str:
    """Return a bar chart: two bars for each read on each database."""
    return bars.draw(
        "Reads: requests a second, beside the baseline",
        "Requests a second, one worker; longer is better",
        "20 tickets with all that belongs to them in one answer. "
        "The baseline: bare Starlette with the same SQL",
        [
            bars.Group(
                f"{result.title}, {result.database}",
                [
                    bars.Bar(
                        "deskgraph",
                        "ours",
                        result.ours.rate,
                        f"{result.ours.rate:,.0f} · {result.ratio:.2f} of the baseline",
                    ),
                    bars.Bar(
                        "the baseline",
                        "baseline",
                        result.baseline.rate,
                        f"{result.baseline.rate:,.0f}",
                    ),
                    *(
                        bars.Bar(
                            name,
                            "baseline",
                            sample.rate,
                            f"{sample.rate:,.0f} · "
                            f"deskgraph is {result.ours.rate / sample.rate:.1f} times as fast",
                        )
                        for name, sample in result.peers.items()
                    ),
                ],
            )
            for result in results
        ],
        names=210,
    )


def _line(name: str, sample: Sample, ratio: str) -> str:
    return f"  {name:40}{sample.rate:>11.0f}{sample.p50:>9.1f}{sample.p99:>9.1f}{ratio:>10}"
