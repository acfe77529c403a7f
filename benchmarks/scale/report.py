"""What was measured, as a table and as a bar chart."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks import chart as bars


@dataclass(frozen=True)
class Result:
    """One request on one database: the median milliseconds with each number of tickets."""

    database: str
    title: str
    sizes: Sequence[int]
    times: Sequence[float]

    @property
    def growth(self) -> float:
        """How many times as long it takes on the large desk."""
        return self.times[1] / self.times[0]


def table(results: Sequence[Result]) -> str:
    """Return the figures, a line for each request."""
    lines: list[str] = []
    for number, result in enumerate(results):
        if not number or results[number - 1].database != result.database:
            heads = "".join(f"{f'{size:,}':>14}" for size in result.sizes)
            lines += [f"{result.database:34}{heads}{'growth':>10}"]
        times = "".join(f"{time:>11.2f} ms" for time in result.times)
        lines.append(f"  {result.title:32}{times}{result.growth:>10.1f}")
    return "\n".join(lines) + "\n"


def conditions(seconds: float, rounds: int) -> str:
    """Return what has to be known to read the figures."""
    return (
        f"Medians of {seconds:g} s for each request in {rounds} rounds, both desks taking turns.\n"
        "One client, one worker, the client and the database on the same machine, which has "
        f"{os.cpu_count()} cores. About 3 comments and 1 attachment on each ticket.\n"
        f"Python {platform.python_version()}.\n"
    )


def chart(results: Sequence[Result]) -> str:
    """Return the chart: a bar for each request on the large desk, with its growth."""
    groups = []
    for database in dict.fromkeys(result.database for result in results):
        measured = [result for result in results if result.database == database]
        small, large = (f"{size:,}" for size in measured[0].sizes)
        some = [
            bars.Bar(
                result.title,
                "ours",
                result.times[1],
                f"{result.times[1]:,.1f} ms · {result.growth:.1f} times",
            )
            for result in measured
        ]
        groups.append(bars.Group(f"{database}, {large} tickets; growth from {small}", some))
    return bars.draw(
        "Milliseconds of each request on a large desk",
        "Milliseconds for one request; shorter is better",
        "One client, one worker, the database on the same machine",
        groups,
        names=230,
    )
