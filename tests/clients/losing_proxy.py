"""A proxy that loses the first answer to each write with a key: the server has done it by then."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread

import httpx

KEY_HEADER = "Idempotency-Key"
# Headers that belong to one connection, or that httpx has decoded the body by.
OWN = {"connection", "transfer-encoding", "content-encoding", "content-length", "host"}


class LosingProxy(ThreadingHTTPServer):
    """Where it listens, and how often each key was sent."""

    def __init__(self, target: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.client = httpx.Client(base_url=target, timeout=30)
        self.sent = Counter[str]()
        self.guard = Lock()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"

    def loses(self, key: str | None) -> bool:
        """Whether this is the first request with a key."""
        if key is None:
            return False
        with self.guard:
            self.sent[key] += 1
            return self.sent[key] == 1


class _Handler(BaseHTTPRequestHandler):
    server: LosingProxy
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Pass a request on, and its answer unless that is to be lost."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in OWN}
        answer = self.server.client.post(self.path, content=body, headers=headers)
        if self.server.loses(self.headers.get(KEY_HEADER)):
            self.close_connection = True
            return
        self.send_response(answer.status_code)
        for name, value in answer.headers.items():
            if name.lower() not in OWN:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def losing_proxy(target: str) -> Iterator[LosingProxy]:
    """Run a proxy in a thread."""
    proxy = LosingProxy(target)
    thread = Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield proxy
    finally:
        proxy.shutdown()
        thread.join()
        proxy.server_close()
        proxy.client.close()
