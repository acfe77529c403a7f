"""Delivery of events to many subscribers, timed: ``python -m benchmarks.live``.

One server process, one client process, and the database, all on the same machine. Each write is
timed from the moment it is sent until the last of all subscribers has the event, so the times
include the write itself.
"""

import argparse
import asyncio
import json
import secrets
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from benchmarks import chart as bars
from benchmarks import databases, servers
from benchmarks.data import make_rows, viewer_id

DOCS = Path(__file__).parents[1] / "docs"
SUBSCRIBERS = (1, 100, 1000)
# Subscribers to whom nothing happens, and how many connect at the same time.
IDLE, AT_ONCE = 10_000, 100
EVENTS, PAUSE = 60, 0.05
QUERY = """subscription {
  ticketEvents { cursor type at actor { fullName } ticketId
    ticket { ticketNumber subject status priority company { name } assignedTo { fullName } } }
}"""


@dataclass(frozen=True)
class Result:
    """One measurement: milliseconds to the last delivery, statements an event, kB a subscriber."""

    database: str
    subscribers: int
    p50: float
    p99: float
    statements: float
    memory: float


@dataclass(frozen=True)
class IdleResult:
    """Subscribers without events: seconds until all are connected, and kB a subscriber."""

    database: str
    subscribers: int
    seconds: float
    memory: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and with ``--write`` keep the table and the chart."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.live", description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgres", "both"], default="both")
    parser.add_argument("--write", action="store_true", help="keep table and chart in docs/")
    options = parser.parse_args(arguments)
    kinds = ["sqlite", "postgres"] if options.database == "both" else [options.database]
    results: list[Result] = []
    idle: list[IdleResult] = []
    for kind in kinds:
        if kind == "postgres" and (missing := asyncio.run(databases.why_no_postgres())):
            print(f"{missing}: it is left out.", file=sys.stderr)
            continue
        results += asyncio.run(measure_on(kind))
        idle.append(asyncio.run(measure_idle(kind)))
    text = "\n".join([table(results), *map(idle_line, idle)]) + "\n"
    print(text, end="")
    if options.write:
        (DOCS / "live-benchmark.txt").write_text(text, "utf-8")
        (DOCS / "live-benchmark.svg").write_text(chart(results), "utf-8")
    return 0


async def measure_on(
    kind: str, subscribers: Sequence[int] = SUBSCRIBERS, events: int = EVENTS
) -> list[Result]:
    """Measure one kind of database."""
    rows = make_rows(100)
    key = secrets.token_urlsafe(48)
    access = servers.token(key, viewer_id(rows))
    ticket = str(rows.tickets[0]["id"])
    name = await databases.version(kind)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        async with databases.scratch(kind, folder, rows) as url:
            with servers.alone(["benchmarks.live_server"], url, key, folder) as port:
                return [
                    await _measure(name, port, access, ticket, count, events)
                    for count in subscribers
                ]


async def measure_idle(kind: str, subscribers: int = IDLE) -> IdleResult:
    """Connect subscribers to whom nothing happens, and measure what they take."""
    rows = make_rows(100)
    key = secrets.token_urlsafe(48)
    authorization = f"Bearer {servers.token(key, viewer_id(rows))}"
    name = await databases.version(kind)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        async with databases.scratch(kind, folder, rows) as url:
            with servers.alone(["benchmarks.live_server"], url, key, folder) as port:
                return await _connect_all(name, port, authorization, subscribers)


async def _connect_all(name: str, port: int, authorization: str, subscribers: int) -> IdleResult:
    url = f"ws://127.0.0.1:{port}/graphql"
    sockets: list[ClientConnection] = []

    async def follow() -> None:
        sockets.append(await _connection(url))
        await _subscribe(sockets[-1], authorization)

    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        # What happens once only, such as the plan, is the first one's.
        await follow()
        before = await _once_followed(client, 1)
        started = time.perf_counter()
        for start in range(0, subscribers, AT_ONCE):
            some = range(start, min(start + AT_ONCE, subscribers))
            await asyncio.gather(*(follow() for _ in some))
        after = await _once_followed(client, subscribers + 1)
        seconds = time.perf_counter() - started
    for socket in sockets:
        # Closing handshakes would take as long again.
        socket.transport.abort()
        await socket.wait_closed()
    return IdleResult(
        name, subscribers, seconds, (after["memory"] - before["memory"]) / subscribers / 1024
    )


async def _once_followed(client: httpx.AsyncClient, subscribers: int) -> dict[str, int]:
    """Wait until there are so many subscribers, and return what the server then tells."""
    while True:
        told: dict[str, int] = (await client.get("/told")).json()
        if told["followers"] >= subscribers:
            return told
        await asyncio.sleep(PAUSE)


async def _measure(
    name: str, port: int, access: str, ticket: str, count: int, events: int
) -> Result:
    headers = {"Authorization": f"Bearer {access}"}
    base = f"http://127.0.0.1:{port}"
    async with (
        httpx.AsyncClient(base_url=base, headers=headers) as client,
        AsyncExitStack() as all_,
    ):
        path = f"/api/v1/tickets/{ticket}/"
        await client.patch(path, json={"subject": f"Before {count}"})
        before = (await client.get("/told")).json()
        url = f"ws://127.0.0.1:{port}/graphql"
        opened = [await all_.enter_async_context(_connection(url)) for _ in range(count)]
        for socket in opened:
            await _subscribe(socket, headers["Authorization"])
        # What happens before they follow is none of their concern.
        await _once_followed(client, count)
        await client.patch(path, json={"subject": f"First {count}"})
        await asyncio.gather(*(socket.recv() for socket in opened))
        during = (await client.get("/told")).json()
        spent = []
        for number in range(events):
            await asyncio.sleep(PAUSE)
            started = time.perf_counter()
            last = asyncio.gather(*(socket.recv() for socket in opened))
            response = await client.patch(path, json={"subject": f"{count}: {number}"})
            assert response.status_code == 200, response.text
            for message in await last:
                assert f"{count}: {number}" in str(message)
            spent.append(1000 * (time.perf_counter() - started))
        after = (await client.get("/told")).json()
    spent.sort()
    return Result(
        name,
        count,
        spent[len(spent) // 2],
        spent[int(0.99 * len(spent))],
        (after["statements"] - during["statements"]) / events,
        (during["memory"] - before["memory"]) / count / 1024,
    )


def _connection(url: str) -> Any:
    return connect(url, subprotocols=[Subprotocol("graphql-transport-ws")], compression=None)


async def _subscribe(socket: ClientConnection, authorization: str) -> None:
    init = {"type": "connection_init", "payload": {"authorization": authorization}}
    await socket.send(json.dumps(init))
    await socket.recv()
    asked = {"type": "subscribe", "id": "1", "payload": {"query": QUERY}}
    await socket.send(json.dumps(asked))


def table(results: Sequence[Result]) -> str:
    """Return the results as lines of text."""
    lines = ["subscribers   p50 ms   p99 ms  statements/event  kB/subscriber"]
    for result in results:
        if result is results[0] or result.subscribers == results[0].subscribers:
            lines.append(result.database)
        lines.append(
            f"{result.subscribers:>11,} {result.p50:8.1f} {result.p99:8.1f}"
            f" {result.statements:17.1f} {result.memory:14.0f}"
        )
    return "\n".join(lines)


def idle_line(result: IdleResult) -> str:
    """Return what idle subscribers took, as a line of text."""
    return (
        f"{result.database}: {result.subscribers:,} idle subscribers connected in "
        f"{result.seconds:.1f} s, {result.memory:.0f} kB each"
    )


def chart(results: Sequence[Result]) -> str:
    """Return a bar chart: the milliseconds until all subscribers have an event."""
    groups = [
        bars.Group(
            f"{result.subscribers:,} subscribers, {result.database}",
            [
                bars.Bar("half of the events", "ours", result.p50, f"{result.p50:,.1f} ms"),
                bars.Bar("99 %", "baseline", result.p99, f"{result.p99:,.1f} ms"),
            ],
        )
        for result in results
    ]
    return bars.draw(
        "Events: milliseconds to the last subscriber",
        "Milliseconds from sending a write to the last delivery; shorter is better",
        "One server process; the clients and the database are on the same machine",
        groups,
    )


if __name__ == "__main__":
    sys.exit(main())
