"""A bulk job of many tickets, timed, and what it does to others: ``benchmarks.writes.bulk_jobs``.

A job changes so many tickets while a client reads a list and changes single tickets at a fixed
rate. The same requests are measured before, without a job.
"""

import argparse
import asyncio
import itertools
import secrets
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from benchmarks import databases, servers
from benchmarks.data import make_rows, viewer_id
from deskgraph.demo.factory import Rows

TICKETS, FEWER, QUIET_SECONDS = 100_000, 10_000, 60.0
# Requests a second: of 600 writes without a job, the 99th percentile leaves 6 out.
READS, WRITES = 40, 10
Operation = tuple[str, dict[str, Any]]
_LIST = """query {
  tickets(first: 20) { nodes { id subject status priority company { name } } }
}"""
_CHANGE = """mutation($input: UpdateTicketInput!) {
  updateTicket(input: $input) { ticket { version } errors { code } }
}"""
_START = """mutation($input: StartBulkUpdateInput!) {
  startBulkUpdate(input: $input) { job { id } errors { message } }
}"""
_UNDO = """mutation($id: ID!) {
  undoBulkJob(input: {id: $id}) { job { id } errors { message } }
}"""
_JOB = "query($id: ID!) { bulkJob(id: $id) { state doneCount changedCount failedCount } }"


@dataclass(frozen=True)
class Latencies:
    """The 99th percentiles of reads and of single writes, in milliseconds."""

    reads: float
    writes: float


@dataclass(frozen=True)
class Result:
    """One job on one database: its seconds, and the most memory of the server in MB."""

    database: str
    kind: str
    tickets: int
    seconds: float
    megabytes: float
    without: Latencies
    beside: Latencies


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.writes.bulk_jobs")
    parser.add_argument("--database", choices=["sqlite", "postgres", "both"], default="both")
    parser.add_argument("--tickets", type=int, default=TICKETS)
    parser.add_argument("--fewer", type=int, default=FEWER)
    parser.add_argument("--quiet", type=float, default=QUIET_SECONDS)
    parser.add_argument("--undo", action="store_true", help="undo each job, too")
    options = parser.parse_args(arguments)
    kinds = ["sqlite", "postgres"] if options.database == "both" else [options.database]
    rows, sizes = make_rows(options.tickets), (options.fewer, options.tickets)
    for kind in kinds:
        if kind == "postgres" and (missing := asyncio.run(databases.why_no_postgres())):
            print(f"{missing}: it is left out.", file=sys.stderr)
            continue
        results = asyncio.run(measure_on(kind, rows, sizes, options.quiet, undo=options.undo))
        print(table(results), flush=True)
    return 0


async def measure_on(
    kind: str, rows: Rows, sizes: Sequence[int], quiet: float, *, undo: bool = False
) -> list[Result]:
    """Measure jobs of these sizes, each with a server of its own."""
    shown = await databases.version(kind)
    found = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        async with databases.scratch(kind, folder, rows) as url:
            key = secrets.token_urlsafe(48)
            access = servers.token(key, viewer_id(rows))
            command = {"server": servers.Command(servers.SERVE)}
            for size in sizes:
                with servers.started(command, url, key, access, folder) as processes:
                    desk = _Desk(processes["server"], access, rows)
                    found += [one async for one in _jobs(desk, shown, size, quiet, undo=undo)]
    return found


def table(results: Sequence[Result]) -> str:
    """Return the results as text."""
    lines = [
        f"{'':18}{'job':8}{'tickets':>9}{'seconds':>9}{'a second':>10}{'MB':>6}"
        f"{'reads p99':>18}{'writes p99':>18}"
    ]
    for one in results:
        reads = f"{one.without.reads:.1f} > {one.beside.reads:.1f} ms"
        writes = f"{one.without.writes:.1f} > {one.beside.writes:.1f} ms"
        rate = one.tickets / one.seconds
        lines.append(
            f"{one.database:18}{one.kind:8}{one.tickets:>9}{one.seconds:>9.1f}{rate:>10.0f}"
            f"{one.megabytes:>6.0f}{reads:>18}{writes:>18}"
        )
    return "\n".join(lines)


class _Desk:
    """A server with data, and a client of it."""

    def __init__(self, server: servers.Server, access: str, rows: Rows) -> None:
        self.server = server
        self.rows = rows
        self.client = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{server.port}",
            headers={"Authorization": f"Bearer {access}"},
            timeout=60,
        )
        self._numbers = itertools.count()

    async def ask(self, operation: Operation) -> Any:
        """Return the data of an answer."""
        query, variables = operation
        body = {"query": query, "variables": variables}
        answer = (await self.client.post("/graphql", json=body)).json()
        if "errors" in answer:
            raise servers.ServerError(str(answer["errors"]))
        return answer["data"]

    def reading(self) -> Operation:
        """Return a read of a list."""
        return _LIST, {}

    def writing(self) -> Operation:
        """Return a change of one ticket."""
        number = next(self._numbers)
        ticket = self.rows.tickets[number * 7919 % len(self.rows.tickets)]
        given = {"id": str(ticket["id"]), "subject": f"Changed {number}"}
        return _CHANGE, {"input": given}

    def megabytes(self) -> float:
        """Return how much memory the server has, without the pages of files that it maps."""
        status = Path(f"/proc/{self.server.process.pid}/status").read_text("ascii")
        (line,) = (line for line in status.splitlines() if line.startswith("RssAnon:"))
        return int(line.split()[1]) / 1024


async def _jobs(
    desk: _Desk, database: str, size: int, quiet: float, *, undo: bool
) -> AsyncIterator[Result]:
    async with desk.client:
        # The first ones connect, and prepare their statements.
        await _latencies(desk, quiet / 4)
        without = await _latencies(desk, quiet)
        since = desk.rows.tickets[-size]["created_at"].isoformat().replace("+00:00", "Z")
        given = {
            "filter": {"createdAt": {"gte": since}},
            "expectedCount": size,
            "changes": {"priority": "URGENT", "assignedTeam": "TECH"},
            "addTags": [f"bulk-{size}"],
        }
        payload = (await desk.ask((_START, {"input": given})))["startBulkUpdate"]
        first = _started(payload)
        yield await _followed(desk, database, "update", size, first, without)
        if undo:
            payload = (await desk.ask((_UNDO, {"id": first})))["undoBulkJob"]
            yield await _followed(desk, database, "undo", size, _started(payload), without)


def _started(payload: Any) -> str:
    if payload["errors"]:
        raise servers.ServerError(str(payload["errors"]))
    return str(payload["job"]["id"])


async def _followed(
    desk: _Desk, database: str, kind: str, size: int, key: str, without: Latencies
) -> Result:
    """Measure others until a job has ended."""
    began = time.perf_counter()
    ended = asyncio.Event()
    beside = asyncio.create_task(_latencies(desk, None, ended))
    megabytes = 0.0
    while True:
        megabytes = max(megabytes, desk.megabytes())
        job = (await desk.ask((_JOB, {"id": key})))["bulkJob"]
        if job["state"] not in ("PENDING", "RUNNING"):
            break
        await asyncio.sleep(0.25)
    seconds = time.perf_counter() - began
    ended.set()
    found = await beside
    if job["state"] != "DONE" or job["doneCount"] != size:
        raise servers.ServerError(f"the job of {size} tickets has ended as {job}")
    result = Result(database, kind, size, seconds, megabytes, without, found)
    print(f"{database}, {kind} of {size}: {seconds:.1f} s", file=sys.stderr, flush=True)
    return result


async def _latencies(
    desk: _Desk, seconds: float | None, ended: asyncio.Event | None = None
) -> Latencies:
    """Measure reads and single writes for some seconds, or until an event."""
    until = ended or asyncio.Event()
    reads = asyncio.create_task(_measured(desk, desk.reading, READS, until))
    writes = asyncio.create_task(_measured(desk, desk.writing, WRITES, until))
    if seconds is not None:
        await asyncio.sleep(seconds)
        until.set()
    return Latencies(_p99(await reads), _p99(await writes))


async def _measured(
    desk: _Desk, operation: Callable[[], Operation], rate: int, until: asyncio.Event
) -> list[float]:
    """Send requests at a rate, whether those before are answered or not; returns their times."""
    times: list[float] = []
    sending: set[asyncio.Task[None]] = set()

    async def send() -> None:
        began = time.perf_counter()
        await desk.ask(operation())
        times.append((time.perf_counter() - began) * 1000)

    for due in _dues(time.perf_counter(), rate):
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        if until.is_set() and times:
            break
        task = asyncio.create_task(send())
        sending.add(task)
        task.add_done_callback(sending.discard)
    await asyncio.gather(*sending)
    return times


def _dues(began: float, rate: int) -> Iterator[float]:
    return (began + number / rate for number in itertools.count())


def _p99(times: Sequence[float]) -> float:
    return sorted(times)[int(len(times) * 0.99)] if times else 0.0


if __name__ == "__main__":
    sys.exit(main())
