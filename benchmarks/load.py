"""The load on a server: wrk where it is installed, a Python client where it is not."""

import asyncio
import contextlib
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import orjson

from benchmarks.requests import Request

CONNECTIONS = 16
_SCRIPT = """
wrk.method = {method}
wrk.headers["Content-Type"] = "application/json"
wrk.body = {body}
function done(summary, latency, requests)
  local errors = summary.errors
  local bad = errors.status + errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format("\\nresult %d %d %d %d %d\\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), bad))
end
"""


class LoadError(Exception):
    """A server answered with an error, or not at all, while it was measured."""


@dataclass(frozen=True)
class Sample:
    """One round: requests a second, and times in milliseconds that half and 99 % stay below."""

    rate: float
    p50: float
    p99: float


def median_of(samples: Sequence[Sample]) -> Sample:
    """Return the median of each figure."""
    return Sample(
        median(sample.rate for sample in samples),
        median(sample.p50 for sample in samples),
        median(sample.p99 for sample in samples),
    )


def generator() -> str:
    """Return what makes the load, in words."""
    tool = "wrk, 1 thread" if shutil.which("wrk") else "a Python client, which takes a core itself"
    return f"{tool}, {CONNECTIONS} connections"


def measure(request: Request, port: int, seconds: float) -> Sample:
    """Load a server for some seconds; raises ``LoadError``."""
    if shutil.which("wrk"):
        return _wrk(request, port, seconds)
    return asyncio.run(_python(request, port, seconds))


def _wrk(request: Request, port: int, seconds: float) -> Sample:
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        # A JSON string of plain ASCII is a Lua string as well.
        method, body = (
            orjson.dumps(part).decode() for part in (request.method, request.body.decode())
        )
        script.write(_SCRIPT.format(method=method, body=body))
        script.flush()
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{max(1, round(seconds))}s"]
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
    return Sample(requests / duration * 1e6, p50 / 1000, p99 / 1000)


async def _python(request: Request, port: int, seconds: float) -> Sample:
    times: list[float] = []
    started = time.perf_counter()
    until = started + seconds
    await asyncio.gather(*(_ask(request, port, until, times) for _ in range(CONNECTIONS)))
    took = time.perf_counter() - started
    ordered = sorted(times)
    rank = min(len(ordered) - 1, len(ordered) * 99 // 100)
    return Sample(len(ordered) / took, median(ordered) * 1000, ordered[rank] * 1000)


async def _ask(request: Request, port: int, until: float, times: list[float]) -> None:
    """Send the request over one connection, again and again."""
    lines = [f"{request.method} {request.path} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in request.headers.items()]
    lines += [f"Content-Length: {len(request.body)}", "", ""]
    sent = "\r\n".join(lines).encode() + request.body
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        while True:
            before = time.perf_counter()
            writer.write(sent)
            head = await reader.readuntil(b"\r\n\r\n")
            if b" 200 " not in head.split(b"\r\n", 1)[0]:
                raise LoadError(f"A request for {request.title} failed.")
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
