"""Many tickets at once beside one, timed: ``python -m benchmarks.writes.bulk``.

Each figure is the median of requests in turn, one ticket and 100, to a server in a process of its
own: the ratio says how much longer the second ones take.
"""

import argparse
import asyncio
import itertools
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from benchmarks import databases, servers
from benchmarks.data import make_rows, viewer_id
from deskgraph.demo.factory import Rows

MANY, TICKETS, ROUNDS = 100, 20_000, 30
# What 100 tickets may take, in the times of one.
MOST = 10
_RESULT = "changedCount results { ticket { id subject priority tags version } errors { code } }"
_KINDS = {
    "createTickets": "CreateTicketsInput",
    "updateTickets": "UpdateTicketsInput",
    "deleteTickets": "DeleteTicketsInput",
}
Input = dict[str, Any]


@dataclass(frozen=True)
class Result:
    """One kind of write on one database: milliseconds for one ticket and for many."""

    database: str
    title: str
    one: float
    many: float

    @property
    def ratio(self) -> float:
        """How many times as long many take."""
        return self.many / self.one


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.writes.bulk", description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgres", "both"], default="both")
    parser.add_argument("--tickets", type=int, default=TICKETS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args(arguments)
    kinds = ["sqlite", "postgres"] if options.database == "both" else [options.database]
    results: list[Result] = []
    rows = make_rows(options.tickets)
    for kind in kinds:
        if kind == "postgres" and (missing := asyncio.run(databases.why_no_postgres())):
            print(f"{missing}: it is left out.", file=sys.stderr)
            continue
        results += asyncio.run(measure_on(kind, rows, options.rounds))
    print(table(results))
    return 0


async def measure_on(kind: str, rows: Rows, rounds: int) -> list[Result]:
    """Measure each kind of write on one kind of database."""
    shown = await databases.version(kind)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        async with databases.scratch(kind, folder, rows) as url:
            key = secrets.token_urlsafe(48)
            access = servers.token(key, viewer_id(rows))
            with servers.alone(servers.SERVE, url, key, folder) as port:
                found = await asyncio.to_thread(_measure, port, access, rows, rounds)
    return [Result(shown, title, *times) for title, times in found.items()]


def table(results: Sequence[Result]) -> str:
    """Return the results as text."""
    lines = [f"{'':20}{'':16}{'1 ticket':>12}{f'{MANY} tickets':>14}{'ratio':>8}"]
    lines += [
        f"{one.database:20}{one.title:16}{one.one:>9.1f} ms{one.many:>11.1f} ms{one.ratio:>8.1f}"
        for one in results
    ]
    lines.append(f"{MANY} tickets are to take at most {MOST} times as long as one.")
    return "\n".join(lines)


def _measure(port: int, access: str, rows: Rows, rounds: int) -> Mapping[str, tuple[float, float]]:
    headers = {"Authorization": f"Bearer {access}"}
    numbers = itertools.count()
    keys = itertools.cycle(str(row["id"]) for row in rows.tickets)
    company = str(rows.companies[0]["id"])
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as client:
        writes = _writes(client, keys, numbers, company)
        return {title: _medians(write, rounds) for title, write in writes.items()}


def _writes(
    client: httpx.Client, keys: Iterator[str], numbers: Iterator[int], company: str
) -> Mapping[str, Callable[[int], float]]:
    """Return the kinds of writes: each writes so many tickets, and returns its seconds."""

    def ids(count: int) -> list[str]:
        return list(itertools.islice(keys, count))

    def new(count: int) -> list[Input]:
        text = {"subject": "No music", "description": "Since noon", "companyId": company}
        return [text] * count

    def created(count: int) -> list[str]:
        answer, _ = _send(client, "createTickets", {"inputs": new(count)})
        return [one["ticket"]["id"] for one in answer["results"]]

    def update(count: int) -> float:
        priority = ("LOW", "HIGH", "URGENT")[next(numbers) % 3]
        changes = {"priority": priority, "assignedTeam": "TECH", "status": "PENDING"}
        changes["dueDate"] = f"2030-01-01T{next(numbers) % 24:02}:00:00Z"
        return _send(client, "updateTickets", {"ids": ids(count), "changes": changes})[1]

    def rename(count: int) -> float:
        changes = {"subject": f"Changed {next(numbers)}"}
        return _send(client, "updateTickets", {"ids": ids(count), "changes": changes})[1]

    def remark(count: int) -> float:
        number = next(numbers)
        given = {"addTags": [f"t{number}"], "comment": {"text": "Is it still so?"}}
        return _send(client, "updateTickets", {"ids": ids(count), **given})[1]

    def create(count: int) -> float:
        return _send(client, "createTickets", {"inputs": new(count)})[1]

    def delete(count: int) -> float:
        return _send(client, "deleteTickets", {"ids": created(count)})[1]

    return {
        "change": update,
        "subject": rename,
        "tag, comment": remark,
        "create": create,
        "delete": delete,
    }


def _send(client: httpx.Client, name: str, given: Input) -> tuple[Any, float]:
    """Return the payload of a mutation, and how many seconds it took."""
    query = f"mutation($input: {_KINDS[name]}!) {{ {name}(input: $input) {{ {_RESULT} }} }}"
    body = {"query": query, "variables": {"input": given}}
    started = time.perf_counter()
    response = client.post("/graphql", json=body)
    seconds = time.perf_counter() - started
    payload = response.json()["data"][name]
    listed = given.get("ids") or given["inputs"]
    if payload["changedCount"] != len(listed):
        raise servers.ServerError(response.text[:500])
    return payload, seconds


def _medians(write: Callable[[int], float], rounds: int) -> tuple[float, float]:
    """Return the milliseconds for one ticket and for many, after one of each that is not timed."""
    for count in (1, MANY):
        write(count)
    times = [(write(1), write(MANY)) for _ in range(rounds)]
    one, many = (statistics.median(column) * 1000 for column in zip(*times, strict=True))
    return one, many


if __name__ == "__main__":
    sys.exit(main())
