"""A real receiver: an HTTP server in a thread that keeps what it got and answers as it is told."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.processes.launcher import DEADLINE_SECONDS

Answer = tuple[int, dict[str, str], bytes]


@dataclass(frozen=True)
class Received:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def message(self) -> Any:
        return json.loads(self.body)

    @property
    def sequence(self) -> int:
        sequence: int = self.message["data"]["event"]["sequence"]
        return sequence


def ok(_received: Received) -> Answer:
    return 204, {}, b""


@dataclass
class Receiver:
    """What arrived; ``answer`` says what to answer, and may block."""

    url: str
    received: list[Received] = field(default_factory=list)
    answer: Callable[[Received], Answer] = ok
    arrived: threading.Event = field(default_factory=threading.Event)

    def answers(self, status: int, body: bytes = b"", **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answer = lambda _received: (status, named, body)

    @property
    def types(self) -> list[str]:
        return [one.message["type"] for one in self.received]

    @property
    def sequences(self) -> list[int]:
        return [one.sequence for one in self.received]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Run a receiver on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            one = Received(self.path, headers, body)
            receiver.received.append(one)
            receiver.arrived.set()
            status, more, answer = receiver.answer(one)
            try:
                self.send_response(status)
                for name, value in more.items():
                    self.send_header(name, value)
                if status != 204:
                    self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)
            except OSError:
                self.close_connection = True  # The sender has given up.

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver = Receiver(f"http://127.0.0.1:{server.server_address[1]}/hook")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join(DEADLINE_SECONDS)
