"""Requests that are made to be slow, timed: ``python -m benchmarks.attacks``.

Each is refused at once, and others do not notice. Each figure is the best of several tries against
a server in a process of its own.
"""

import argparse
import asyncio
import secrets
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson

from benchmarks import databases, servers
from benchmarks.data import make_rows

TRIES, ROUNDS, ASKED = 12, 5, 60
# How often attacks come while others ask, and for how long these wait in between, in seconds.
EVERY, PAUSE = 0.1, 0.002


def asked(query: str, variables: Any = None) -> bytes:
    """Return the body of a request."""
    return orjson.dumps({"query": query, "variables": variables})


def bomb(leaf: str) -> str:
    """Return a document whose fragments double thirty times."""
    parts = " ".join(f"fragment F{i} on User {{ ...F{i + 1} ...F{i + 1} }}" for i in range(30))
    return f"{{ viewer {{ ...F0 }} }} {parts} fragment F30 on User {{ {leaf} }}"


FILTER = "query($filter: TicketFilter) { tickets(filter: $filter) { totalCount } }"
NODES = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"
DEAR = """companies(first: 100) {
  nodes { tickets(first: 100) { nodes { comments { nodes { id } } } } }
}"""
# Bodies, each with words of its refusal.
ATTACKS = {
    "a fragment bomb": (asked(bomb("id")), "fields and fragments"),
    "a bomb of objects": (asked(bomb("company { id }")), "fields and fragments"),
    "a thousand aliases": (
        asked(f"{{ viewer {{ {' '.join(f'a{i}: id' for i in range(1000))} }} }}"),
        "2000 tokens",
    ),
    "a few hundred aliases": (
        asked(f"{{ viewer {{ {' '.join(f'a{i}: id' for i in range(600))} }} }}"),
        "30 aliases",
    ),
    "5,000 levels": (asked("{a" * 5000 + "}" * 5000), "nested too deeply"),
    "5,000 lists": (asked(f"{{ nodes(ids: {'[' * 5000}{']' * 5000}) }}"), "nested too deeply"),
    "150 levels": (asked("{a" * 150 + "}" * 150), "12 fields deep"),
    "10,000 root fields": (asked("{" + " a" * 9999 + "}"), "2000 tokens"),
    "1,500 root fields": (asked("{" + " a" * 1500 + "}"), "20 root fields"),
    "the same field again and again": (
        asked("{ viewer {" + " id" * 1900 + "} }"),
        "too often to compare",
    ),
    "the same object again and again": (
        asked("{ viewer {" + " company{id}" * 450 + "} }"),
        "too often to compare",
    ),
    "100 kB of blanks": (asked("{ __typename }".ljust(10**5)), "20000 bytes"),
    "deep variables": (
        asked(FILTER, {"filter": orjson.Fragment('{"not":' * 500 + "{}" + "}" * 500)}),
        "at most 100 values",
    ),
    "a flood of directives": (
        asked("{ viewer { id" + " @skip(if: false)" * 250 + "} }"),
        "50 directives",
    ),
    "a huge list of variables": (asked(NODES, {"ids": ["x"] * 20_000}), "at most 2000 values"),
    "an expensive operation": (asked(f"{{ {DEAR} }}"), "40000 points"),
    "names that nearly exist": (
        asked("{ viewer {" + "".join(f" usernam{i}" for i in range(1000)) + "} }"),
        "Did you mean",
    ),
}
# Refused as no request at all.
OTHERS = {
    "a batch of expensive ones": b"[" + b",".join([asked(f"{{ {DEAR} }}")] * 50) + b"]",
    "100 kB of blanks": asked(" " * 10**5),
    "JSON of 50,000 levels": b'{"query": "{ a }", "variables": ' + b"[" * 50_000 + b"]" * 50_000,
}


@dataclass(frozen=True)
class Result:
    """Milliseconds to each refusal, and how much longer others take while attacks come."""

    refusals: dict[str, float]
    ratio: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    argparse.ArgumentParser(prog="python -m benchmarks.attacks", description=__doc__).parse_args(
        arguments
    )
    print(table(asyncio.run(measure())))
    return 0


async def measure(tries: int = TRIES, rounds: int = ROUNDS, asked: int = ASKED) -> Result:
    """Attack a server on SQLite."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        async with databases.scratch("sqlite", folder, make_rows(100)) as url:
            key = secrets.token_urlsafe(48)
            with servers.alone(["deskgraph.cli", "serve"], url, key, folder) as port:
                base = f"http://127.0.0.1:{port}"
                return await asyncio.to_thread(_measure, base, tries, rounds, asked)


def _measure(base: str, tries: int, rounds: int, count: int) -> Result:
    bodies = {name: body for name, (body, _) in ATTACKS.items()} | OTHERS
    with _client(base) as client:
        refusals = {name: _best_of(client, body, tries) for name, body in bodies.items()}
    return Result(refusals, min(_ratio(base, list(bodies.values()), count) for _ in range(rounds)))


def _client(base: str) -> httpx.Client:
    return httpx.Client(base_url=base, headers={"Content-Type": "application/json"}, timeout=60)


def _best_of(client: httpx.Client, body: bytes, tries: int) -> float:
    best = float("inf")
    for number in range(tries):
        # Told apart by a blank, so that no answer is remembered.
        sent = body.replace(b'"query":"', b'"query":"' + b" " * number, 1)
        started = time.perf_counter()
        answer = client.post("/graphql", content=sent)
        best = min(best, (time.perf_counter() - started) * 1000)
        assert "errors" in answer.json(), answer.text
    return best


def _median(base: str, count: int) -> float:
    spent = []
    with _client(base) as client:
        for _ in range(count):
            started = time.perf_counter()
            answer = client.post("/graphql", content=asked("{ viewer { id } }")).json()
            assert answer["data"] == {"viewer": None}
            spent.append(time.perf_counter() - started)
            time.sleep(PAUSE)
    return statistics.median(spent)


def _ratio(base: str, bodies: list[bytes], count: int) -> float:
    """Return another client's median while attacks come one after the other, by that without."""
    stopped = threading.Event()

    def attack() -> None:
        with _client(base) as client:
            number = 0
            while not stopped.wait(EVERY):
                client.post("/graphql", content=bodies[number % len(bodies)])
                number += 1

    alone = _median(base, count)
    attacker = threading.Thread(target=attack)
    attacker.start()
    try:
        return _median(base, count) / alone
    finally:
        stopped.set()
        attacker.join(60)


def table(result: Result) -> str:
    """Return the figures as lines."""
    width = max(map(len, result.refusals))
    lines = [f"{name:{width}}  {spent:6.1f} ms" for name, spent in result.refusals.items()]
    return "\n".join([*lines, f"{'others meanwhile':{width}}  {result.ratio:6.2f} times as long"])


if __name__ == "__main__":
    raise SystemExit(main())
