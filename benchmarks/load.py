"""The load on a server: wrk where it is installed, a Python client where it is not."""

import asyncio
import contextlib
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from statistics import median

import orjson

from benchmarks.requests import ID_MARK, NUMBER_MARK, Request, next_numbers

CONNECTIONS = 16
_SCRIPT = """
wrk.method = {method}
wrk.headers["Content-Type"] = "application/json"
wrk.body = {body}
{varied}
function done(summary, latency, requests)
  local errors = summary.errors
  local bad = errors.status + errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format("\\nresult %d %d %d %d %d\\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), bad))
end
"""


# Each request has another number, and the next one of the ids.
_VARIED = """
local path, ids, number = {path}, {ids}, {first}
local body = wrk.body
local function filled(text)
  return (text:gsub("{id_mark}", ids[number % #ids + 1]):gsub("{number_mark}", number))
end
function request()
  number = number + 1
  return wrk.format(nil, filled(path), nil, filled(body))
end
"""


class LoadError(Exception):
    """A server answered with an error, or not at all, while it was measured."""


@dataclass(frozen=True)
class Sample:
    """One round: requests a second, and times in milliseconds that half and 99 % stay below.

    ``requests`` is how many there were.
    """

    rate: float
    p50: float
    p99: float
    requests: int = 0


def median_of(samples: Sequence[Sample]) -> Sample:
    """Return the median of each figure."""
    return Sample(
        median(sample.rate for sample in samples),
        median(sample.p50 for sample in samples),
        median(sample.p99 for sample in samples),
    )


def tool() -> str:
    """Return what makes the load, in words."""
    return "wrk, 1 thread" if shutil.which("wrk") else "a Python client, which takes a core itself"


def generator() -> str:
    """Return what makes the load, and over how many connections."""
    return f"{tool()}, {CONNECTIONS} connections"


def measure(request: Request, port: int, seconds: float, connections: int = CONNECTIONS) -> Sample:
    """Load a server for some seconds; raises ``LoadError``."""
    if shutil.which("wrk"):
        return _wrk(request, port, seconds, connections)
    return asyncio.run(_python(request, port, seconds, connections))


def _lua(value: str) -> str:
    """Return a text as Lua writes it: a JSON string of plain ASCII is one."""
    return orjson.dumps(value).decode()


def _varied(request: Request) -> str:
    if not request.ids:
        return ""
    ids = ", ".join(map(_lua, request.ids))
    return _VARIED.format(
        path=_lua(request.path),
        ids=f"{{{ids}}}",
        first=next_numbers(),
        id_mark=ID_MARK,
        number_mark=NUMBER_MARK,
    )


def _wrk(request: Request, port: int, seconds: float, connections: int) -> Sample:
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        method, body = _lua(request.method), _lua(request.body.decode())
        script.write(_SCRIPT.format(method=method, body=body, varied=_varied(request)))
        script.flush()
        command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s"]
        command += ["-s", script.name]
        for name, value in request.headers.items():
            command += ["-H", f"{name}: {value}"]
        command.append(f"http://127.0.0.1:{port}{request.path}")
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = [line.split() for line in done.stdout.splitlines() if line.startswith("result ")]
    if not found:
        raise LoadError(f"wrk did not work: {done.stdout}{done.stderr}")
    requests, duration, p50, p99, bad = map(int, found[0][1:])
    if bad or not requests:
        raise LoadError(f"{bad} of {requests} requests for {request.title} failed.")
    return Sample(requests / duration * 1e6, p50 / 1000, p99 / 1000, requests)


async def _python(request: Request, port: int, seconds: float, connections: int) -> Sample:
    times: list[float] = []
    started = time.perf_counter()
    until = started + seconds
    numbers = count(next_numbers())
    await asyncio.gather(*(_ask(request, port, until, times, numbers) for _ in range(connections)))
    took = time.perf_counter() - started
    ordered = sorted(times)
    rank = min(len(ordered) - 1, len(ordered) * 99 // 100)
    return Sample(len(ordered) / took, median(ordered) * 1000, ordered[rank] * 1000, len(ordered))


def _sent(request: Request) -> bytes:
    lines = [f"{request.method} {request.path} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in request.headers.items()]
    lines += [f"Content-Length: {len(request.body)}", "", ""]
    return "\r\n".join(lines).encode() + request.body


async def _ask(
    request: Request, port: int, until: float, times: list[float], numbers: Iterator[int]
) -> None:
    """Send the request over one connection, again and again."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        while True:
            sent = _sent(request.numbered(next(numbers)))
            before = time.perf_counter()
            writer.write(sent)
            head = await reader.readuntil(b"\r\n\r\n")
            status = head.split(b" ", 2)[1]
            if status not in (b"200", b"201", b"304"):
                raise LoadError(f"A request for {request.title} failed.")
            if status != b"304":
                await reader.readexactly(_length(head))
            now = time.perf_counter()
            times.append(now - before)
            if now >= until:
                return
    except asyncio.IncompleteReadError:
        raise LoadError(f"The server broke off while asked for {request.title}.") from None
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    raise LoadError("An answer came without its length.")
