"""What requests cost as a desk grows: ``python -m benchmarks.scale``.

One client sends one request after the other. The servers of both desks run at the same time and
take turns. Filling a million tickets takes some minutes and 8 GB of disk for each database.
"""

import argparse
import asyncio
import http.client
import secrets
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack, ExitStack, closing
from itertools import count
from pathlib import Path
from statistics import median

import orjson

from benchmarks import databases, servers
from benchmarks.requests import HOST, Request
from benchmarks.scale.desks import Desk
from benchmarks.scale.report import Result, chart, conditions, table
from benchmarks.scale.requests import cursor_of, requests

DOCS = Path(__file__).parents[2] / "docs"
SIZES = (20_000, 1_000_000)
ROUNDS = 5
# Requests that are not measured, at each desk, so that statements are prepared.
WARM_UP = 8
_numbers = count()


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and with ``--write`` keep the table and the chart."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgres", "both"], default="both")
    parser.add_argument("--sizes", type=int, nargs=2, default=SIZES, help="numbers of tickets")
    parser.add_argument("--seconds", type=float, default=1.0, help="for each request and round")
    parser.add_argument("--write", action="store_true", help="keep table and chart in docs/")
    options = parser.parse_args(arguments)
    results = []
    for kind in ["sqlite", "postgres"] if options.database == "both" else [options.database]:
        if kind == "postgres" and (missing := asyncio.run(databases.why_no_postgres())):
            print(f"{missing}: it is left out.", file=sys.stderr)
            continue
        results += asyncio.run(measure_on(kind, options.sizes, options.seconds))
    text = f"{table(results)}\n{conditions(options.seconds, ROUNDS)}"
    print(text, end="")
    if options.write:
        (DOCS / "scale-benchmark.txt").write_text(text, "utf-8")
        (DOCS / "scale-benchmark.svg").write_text(chart(results), "utf-8")
    return 0


async def measure_on(kind: str, sizes: Sequence[int], seconds: float) -> list[Result]:
    """Return what was measured on one kind of database."""
    shown = await databases.version(kind)
    desks = [Desk(size) for size in sizes]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        async with AsyncExitStack() as stack:
            urls = []
            for desk in desks:
                print(f"Filling {shown}: {desk.tickets:,} tickets ...", file=sys.stderr)
                name = f"desk{desk.tickets}"
                filled = databases.filled(kind, folder, name, desk.chunks())
                urls.append(await stack.enter_async_context(filled))
            return await asyncio.to_thread(_measure, shown, desks, urls, folder, seconds)


def _measure(
    shown: str, desks: Sequence[Desk], urls: Sequence[str], folder: Path, seconds: float
) -> list[Result]:
    key = secrets.token_urlsafe(48)
    with ExitStack() as stack:
        clients = []
        for desk, url in zip(desks, urls, strict=True):
            own = folder / f"server{desk.tickets}"
            own.mkdir()
            port = stack.enter_context(servers.alone(["deskgraph.cli", "serve"], url, key, own))
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            clients.append(_Client(desk, stack.enter_context(closing(connection)), key))
        results = []
        for asked in zip(*(client.requests for client in clients), strict=True):
            times = _take_turns(clients, asked, seconds / ROUNDS)
            # All of it takes an hour: what was measured is not lost where it is stopped.
            took = " and ".join(f"{one:.2f} ms" for one in times)
            print(f"{shown}, {asked[0].title}: {took}", file=sys.stderr, flush=True)
            results.append(Result(shown, asked[0].title, [desk.tickets for desk in desks], times))
        return results


def _take_turns(
    clients: Sequence["_Client"], asked: Sequence[Request], seconds: float
) -> list[float]:
    """Return the median milliseconds of a request at each desk."""
    spent: list[list[float]] = [[] for _ in clients]
    for client, request in zip(clients, asked, strict=True):
        client.connect()
        for _ in range(WARM_UP):
            client.send(request)
    for _ in range(ROUNDS):
        for client, request, times in zip(clients, asked, spent, strict=True):
            client.connect()
            until = time.perf_counter() + seconds
            while True:
                started = time.perf_counter()
                client.send(request)
                ended = time.perf_counter()
                times.append(1000 * (ended - started))
                if ended > until:
                    break
    return [median(times) for times in spent]


class _Client:
    """One connection to the server of a desk, and the requests for it."""

    def __init__(self, desk: Desk, connection: http.client.HTTPConnection, key: str) -> None:
        assert desk.viewer is not None
        self._connection = connection
        headers = {"Authorization": f"Bearer {servers.token(key, desk.viewer)}", "Host": HOST}
        found = orjson.loads(self.send(cursor_of(desk, headers)))
        cursor = found["data"]["tickets"]["pageInfo"]["endCursor"]
        self.requests = requests(desk, headers, cursor)

    def connect(self) -> None:
        """Connect again: a server closes connections that wait for another desk's turn."""
        self._connection.close()
        self._connection.connect()

    def send(self, request: Request) -> bytes:
        """Send a request and return its answer; raises ``ServerError`` for one that failed."""
        body = request.body.replace(b"#", str(next(_numbers)).encode()) or None
        self._connection.request(request.method, request.path, body, request.headers)
        response = self._connection.getresponse()
        found = response.read()
        if response.status >= 400 or b'"errors"' in found[:2000]:
            raise servers.ServerError(f"{request.title} failed: {found[:500].decode()}")
        return found


if __name__ == "__main__":
    sys.exit(main())
