"""Reads beside the baseline, in one run on this machine: ``python -m benchmarks.read``.

Only ratios within a run mean something elsewhere, so the servers are loaded in turn.
"""

import argparse
import asyncio
import secrets
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks import databases, servers
from benchmarks.data import make_rows, viewer_id
from benchmarks.load import LoadError, Sample, measure, median_of
from benchmarks.peers.servers import PEERS, Peer, compare_ids
from benchmarks.report import Result, chart, conditions, table
from benchmarks.requests import Request, requests, taking_gzip
from deskgraph.demo.factory import Rows

DOCS = Path(__file__).parents[1] / "docs"
# Until statements are prepared on every connection and caches are warm.
WARM_UP = 1.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and with ``--write`` keep the table and the chart."""
    options = _options(arguments)
    if options.quick:
        options.tickets, options.seconds, options.rounds = 200, 1.0, 1
    try:
        results = asyncio.run(_measure_all(options))
    except (servers.ServerError, LoadError) as error:
        print(error, file=sys.stderr)
        return 1
    told = conditions(options.tickets, options.seconds, options.rounds)
    text = f"{table(results)}\n{told}"
    print(text, end="")
    if options.write:
        DOCS.mkdir(exist_ok=True)
        (DOCS / "read-benchmark.txt").write_text(text, "utf-8")
        (DOCS / "read-benchmark.svg").write_text(chart(results), "utf-8")
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.read", description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgres", "both"], default="both")
    parser.add_argument("--tickets", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=4.0, help="how long a round takes")
    parser.add_argument("--rounds", type=int, default=5, help="rounds for each server and read")
    parser.add_argument(
        "--bare", action="store_true", help="ours once more, with DESKGRAPH_RATE_LIMIT=off"
    )
    parser.add_argument(
        "--compressed",
        action="store_true",
        help="ours once more, with DESKGRAPH_COMPRESSION=on and a client that takes gzip",
    )
    parser.add_argument(
        "--peers", action="store_true", help="other servers as well, which make peers installs"
    )
    parser.add_argument("--quick", action="store_true", help="few rows, one round: does it work?")
    parser.add_argument("--write", action="store_true", help="keep table and chart in docs/")
    return parser.parse_args(arguments)


async def _measure_all(options: argparse.Namespace) -> list[Result]:
    rows = make_rows(options.tickets)
    found: list[Result] = []
    for kind in await databases.there(options.database):
        found += await measure_on(
            *(kind, rows, options.seconds, options.rounds),
            bare=options.bare,
            compressed=options.compressed,
            peers=options.peers,
        )
    return found


async def measure_on(
    kind: str,
    rows: Rows,
    seconds: float,
    rounds: int,
    *,
    bare: bool = False,
    compressed: bool = False,
    peers: bool = False,
) -> list[Result]:
    """Return what was measured on one kind of database."""
    async with databases.measured(kind, rows) as (url, folder, shown):
        return await asyncio.to_thread(
            _compare,
            *(url, folder, rows, shown, seconds, rounds),
            bare=bare,
            compressed=compressed,
            peers=PEERS[kind] if peers else (),
        )


def _compare(
    url: str,
    folder: Path,
    rows: Rows,
    shown: str,
    seconds: float,
    rounds: int,
    *,
    bare: bool,
    compressed: bool,
    peers: Sequence[Peer],
) -> list[Result]:
    key = secrets.token_urlsafe(48)
    access = servers.token(key, viewer_id(rows))
    results = []
    with servers.running(*(url, key, access, folder), bare=bare, compressed=compressed) as ports:
        for request in requests(access):
            size = servers.compare(request, ports)
            asked = {name: (request, port) for name, port in ports.items()}
            if compressed:
                asked["compressed"] = (taking_gzip(request), ports["compressed"])
            with ExitStack() as stack:
                for peer in peers:
                    if peer.answers == request.title:
                        port = stack.enter_context(peer.started(url, access, folder))
                        asked[peer.name] = (peer.request(request), port)
                        compare_ids(request, ports["ours"], *asked[peer.name])
                medians = _take_turns(request.title, asked, seconds, rounds)
            others = {peer.name: medians[peer.name] for peer in peers if peer.name in medians}
            results.append(
                Result(
                    *(shown, request.title, size, medians["ours"], medians["baseline"]),
                    *(medians.get("bare"), others, medians.get("compressed")),
                )
            )
    return results


def _take_turns(
    title: str, asked: Mapping[str, tuple[Request, int]], seconds: float, rounds: int
) -> dict[str, Sample]:
    """Return the median of the rounds for each server."""
    samples: dict[str, list[Sample]] = {name: [] for name in asked}
    for request, port in asked.values():
        measure(request, port, min(WARM_UP, seconds))
    for number in range(rounds):
        print(f"{title}: round {number + 1} of {rounds}", file=sys.stderr)
        for name, (request, port) in asked.items():
            samples[name].append(measure(request, port, seconds))
    return {name: median_of(some) for name, some in samples.items()}


if __name__ == "__main__":
    sys.exit(main())
