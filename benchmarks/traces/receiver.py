"""A collector that counts the requests with spans and forgets them: POST takes, GET tells."""

import argparse
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count


class Receiver(BaseHTTPRequestHandler):
    """Answers OTLP over HTTP; connections stay open, as those of a real collector do."""

    protocol_version = "HTTP/1.1"
    received = count()
    so_far = 0

    def do_POST(self) -> None:
        """Take spans."""
        self.rfile.read(int(self.headers["Content-Length"]))
        Receiver.so_far = next(self.received) + 1
        self._answer(b"", "application/x-protobuf")

    def do_GET(self) -> None:
        """Tell how many requests had spans."""
        self._answer(b'{"received": %d}' % self.so_far, "application/json")

    def _answer(self, body: bytes, kind: str) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.traces.receiver")
    parser.add_argument("--port", type=int, required=True)
    ThreadingHTTPServer(("127.0.0.1", parser.parse_args().port), Receiver).serve_forever()
