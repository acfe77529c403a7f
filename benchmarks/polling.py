"""A list read again and again, and confirmed by its tag: ``python -m benchmarks.polling``.

Nothing changes meanwhile. In turn, the server answers the same request in full (200), and by
``If-None-Match`` (304). Processor time is that of the server and the database: of all that runs on
the machine, but the load.
"""

import argparse
import asyncio
import os
import secrets
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request as UrlRequest
from urllib.request import urlopen

import orjson

from benchmarks import databases, servers
from benchmarks.data import make_rows, viewer_id
from benchmarks.load import LoadError, Sample, generator, measure, median_of
from benchmarks.requests import HOST, NESTED, PAGE, Request
from deskgraph.demo.factory import Rows

# Until statements are prepared on every connection and caches are warm.
WARM_UP = 1.0


@dataclass(frozen=True)
class Cost:
    """Rounds of one answer: the median one, and the processor time of one request."""

    sample: Sample
    microseconds: float


@dataclass(frozen=True)
class Result:
    """One list on one database: its answer, and what says that it is the same."""

    database: str
    title: str
    size: int
    whole: Cost
    same: Cost

    @property
    def rates(self) -> float:
        """How many times as many requests are answered in the same time."""
        return self.same.sample.rate / self.whole.sample.rate

    @property
    def ratio(self) -> float:
        """How many times as cheap it is to be told that nothing has changed."""
        return self.whole.microseconds / self.same.microseconds


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    options = _options(arguments)
    if options.quick:
        options.tickets, options.seconds, options.rounds = 200, 1.0, 1
    try:
        results = asyncio.run(_measure_all(options))
    except (servers.ServerError, LoadError) as error:
        print(error, file=sys.stderr)
        return 1
    print(table(results), end="")
    print(
        f"Each line is the median of {options.rounds} rounds of {options.seconds:g} s, in turn; "
        f"{options.tickets:,} tickets, pages of {PAGE}, one worker.\nLoad: {generator()}."
    )
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.polling", description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgres", "both"], default="both")
    parser.add_argument("--tickets", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=3.0, help="how long a round takes")
    parser.add_argument("--rounds", type=int, default=5, help="rounds for each answer")
    parser.add_argument("--quick", action="store_true", help="few rows, one round: does it work?")
    return parser.parse_args(arguments)


def table(results: Sequence[Result]) -> str:
    """Return the figures, two lines for each list."""
    lines = [
        f"{'':38}{'requests/s':>11}{'ratio':>8}{'p50 ms':>9}{'p99 ms':>9}{'CPU us':>9}{'ratio':>8}"
    ]
    for result in results:
        lines.append(f"{result.title} on {result.database}, {result.size / 1000:.0f} kB of JSON")
        for name, cost, rates, ratio in (
            ("200, the answer", result.whole, 1.0, 1.0),
            ("304, nothing has changed", result.same, result.rates, result.ratio),
        ):
            one = cost.sample
            lines.append(
                f"  {name:36}{one.rate:>11.0f}{rates:>8.2f}{one.p50:>9.1f}{one.p99:>9.1f}"
                f"{cost.microseconds:>9.0f}{ratio:>8.2f}"
            )
    return "\n".join(lines) + "\n"


async def _measure_all(options: argparse.Namespace) -> list[Result]:
    rows = make_rows(options.tickets)
    found: list[Result] = []
    for kind in await databases.there(options.database):
        found += await measure_on(kind, rows, options.seconds, options.rounds)
    return found


async def measure_on(kind: str, rows: Rows, seconds: float, rounds: int) -> list[Result]:
    """Return what was measured on one kind of database."""
    async with databases.measured(kind, rows) as (url, folder, shown):
        return await asyncio.to_thread(_compare, url, folder, rows, shown, seconds, rounds)


def _compare(
    url: str, folder: Path, rows: Rows, shown: str, seconds: float, rounds: int
) -> list[Result]:
    key = secrets.token_urlsafe(48)
    known = {"Authorization": f"Bearer {servers.token(key, viewer_id(rows))}", "Host": HOST}
    variables = orjson.dumps({"first": PAGE}).decode()
    # Blanks have no meaning in a document, and a path has a limit.
    query = urlencode({"query": " ".join(NESTED.split()), "variables": variables})
    with servers.alone(servers.SERVE, url, key, folder) as port:
        return [
            _take_turns(Request(title, "GET", path, known), port, shown, seconds, rounds)
            for title, path in (
                ("GraphQL nested list by GET", f"/graphql?{query}"),
                ("REST list", f"/api/v1/tickets/?page_size={PAGE}"),
            )
        ]


def _take_turns(request: Request, port: int, shown: str, seconds: float, rounds: int) -> Result:
    status, tag, size = _ask(request, port)
    if status != 200:
        raise servers.ServerError(f"{status} is no answer to {request.title}.")
    again = replace(request, headers={**request.headers, "If-None-Match": tag})
    answers = {"200": request, "304": again}
    samples: dict[str, list[Sample]] = {name: [] for name in answers}
    spent = dict.fromkeys(answers, 0.0)
    for asked in answers.values():
        measure(asked, port, min(WARM_UP, seconds))
    for number in range(rounds):
        print(f"{request.title}: round {number + 1} of {rounds}", file=sys.stderr)
        for name, asked in answers.items():
            before = _cpu_seconds()
            samples[name].append(measure(asked, port, seconds))
            spent[name] += _cpu_seconds() - before
            if str(_ask(asked, port)[0]) != name:
                raise servers.ServerError(f"{request.title} was not answered {name}.")
    whole, same = (_cost(samples[name], spent[name], seconds) for name in answers)
    return Result(shown, request.title, size, whole, same)


def _cpu_seconds() -> float:
    """Return how long all processes have computed, but for this one and the load it starts."""
    line = Path("/proc/stat").read_text("ascii").partition("\n")[0]
    # User, nice, system; then idle and waiting; then interrupts of two kinds.
    fields = [int(field) for field in line.split()[1:8]]
    busy = (sum(fields[:3]) + sum(fields[5:])) / os.sysconf("SC_CLK_TCK")
    return busy - sum(os.times()[:4])


def _cost(samples: Sequence[Sample], spent: float, seconds: float) -> Cost:
    requests = sum(one.rate * seconds for one in samples)
    # Time is counted in ticks, and a short round may be over before the first one.
    spent = max(spent, 1 / os.sysconf("SC_CLK_TCK"))
    return Cost(median_of(samples), spent / requests * 1_000_000)


def _ask(request: Request, port: int) -> tuple[int, str, int]:
    """Return the status of an answer, its tag and its size."""
    asked = UrlRequest(f"http://127.0.0.1:{port}{request.path}", headers=request.headers)
    try:
        with urlopen(asked, timeout=servers.TIMEOUT_SECONDS) as answer:
            return answer.status, str(answer.headers["ETag"]), len(answer.read())
    except HTTPError as error:
        # urllib takes 304 for an error, too.
        return error.code, "", 0


if __name__ == "__main__":
    sys.exit(main())
