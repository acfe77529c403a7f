"""The same API behind a real server: connections, streams and headers as clients get them."""

import json
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import uvicorn

from deskgraph.app import create_app
from deskgraph.settings import Settings
from tests.support.clock import Clock
from tests.support.named_rows import PASSWORD
from tests.support.processes.launcher import DEADLINE_SECONDS
from tests.support.processes.local_server import serving_in_a_thread
from tests.support.rest_client import RestClient
from tests.support.rows import file_key


@dataclass
class Served:
    """A running server, and the address that it has."""

    base: str
    server: uvicorn.Server

    def wait_for_requests(self, count: int) -> None:
        """Wait until it works on so many requests."""
        until = time.monotonic() + DEADLINE_SECONDS
        while len(self.server.server_state.tasks) != count:
            assert time.monotonic() < until, "a request was not begun, or not given up"
            time.sleep(0.005)


@pytest.fixture
async def api(own_api: RestClient) -> RestClient:
    return own_api


@pytest.fixture
def served(settings: Settings, clock: Clock, api: RestClient) -> Iterator[Served]:
    """Give a server over the world that ``api`` has filled."""
    with serving_in_a_thread(create_app(settings, clock=clock), log_level="error") as running:
        yield Served(running.base, running.server)


@pytest.fixture
def base(served: Served) -> str:
    """Give the address of the server."""
    return served.base


def test_a_clients_day(base: str) -> None:
    with httpx.Client(base_url=base + "/api/v1/") as client:
        sent = {"username": "keith", "password": PASSWORD}
        login = client.post("auth/login/", json=sent)
        client.headers["Authorization"] = f"Bearer {login.json()['access']}"

        page = client.get("tickets/?limit=1").json()
        assert page["next"] == f"{base}/api/v1/tickets/?limit=1&offset=1"
        assert client.get(page["next"]).json()["previous"] == f"{base}/api/v1/tickets/?limit=1"
        head = client.head("tickets/")
        assert (head.status_code, head.content) == (200, b"")
        assert int(head.headers["content-length"]) == len(client.get("tickets/").content)
        redirect = client.get("tickets?status=new")
        assert (redirect.status_code, redirect.headers["location"]) == (
            301,
            "/api/v1/tickets/?status=new",
        )

        ticket = page["results"][0]["id"]
        content = bytes(range(256)) * 4000
        files = {"file": ('Zoné "1".bin', content)}
        added = client.post("ticket-attachments/", data={"ticket": ticket}, files=files)
        assert added.status_code == 201
        file = client.get(base + added.json()["file"])
        assert file.content == content
        assert file.headers["content-length"] == str(len(content))
        assert (
            client.head(base + added.json()["file"]).headers["x-content-type-options"] == "nosniff"
        )
        assert client.delete(f"tickets/{ticket}/").status_code == 204


def test_refusals_leave_the_connection_usable(base: str) -> None:
    with httpx.Client(base_url=base + "/api/v1/") as client:
        large = b"x" * 3_000_000
        for _ in range(3):
            stranger = client.post("tickets/", content=large)
            assert stranger.status_code == 401
        assert client.post("auth/login/", content=large).status_code == 413
        assert client.post("auth/login/", content=large[:1000]).status_code == 415
        login = client.post("auth/login/", json={"username": "keith", "password": "x"})
        assert login.json() == {"non_field_errors": ["Invalid credentials"]}


def test_a_client_that_hangs_up_stores_nothing(served: Served, settings: Settings) -> None:
    base = served.base
    with httpx.Client(base_url=base + "/api/v1/") as client:
        sent = {"username": "keith", "password": PASSWORD}
        token = client.post("auth/login/", json=sent).json()["access"]
        client.headers["Authorization"] = f"Bearer {token}"
        ticket = client.get("tickets/").json()["results"][0]["id"]
        body = (
            f'--b\r\nContent-Disposition: form-data; name="ticket"\r\n\r\n{ticket}\r\n'
            '--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        )
        host, port = base.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as raw:
            head = (
                f"POST /api/v1/ticket-attachments/ HTTP/1.1\r\nHost: {host}\r\n"
                f"Authorization: Bearer {token}\r\nContent-Length: 500000\r\n"
                "Content-Type: multipart/form-data; boundary=b\r\n\r\n"
            )
            raw.sendall((head + body).encode() + b"x" * 100_000)
            served.wait_for_requests(1)
        served.wait_for_requests(0)
        assert client.get("ticket-attachments/").json()["count"] == 3
    folder = Path(settings.files_url.removeprefix("file://"))
    stored = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert stored == {file_key(name) for name in ("photo", "scan", "receipt")}


def test_garbage_is_answered(base: str) -> None:
    host, port = base.removeprefix("http://").split(":")
    for line in (
        b"GET /api/v1/tickets/?search=\xff\xfe&page=%ff HTTP/1.1",
        b"GET /api/v1/tickets/%ff%fe/ HTTP/1.1",
        b"POST /api/v1/auth/login/ HTTP/1.0",
        b"PROPFIND /api/v1/tickets/ HTTP/1.1",
        b"GET /media/%00%ff HTTP/1.1",
    ):
        with socket.create_connection((host, int(port))) as raw:
            raw.sendall(line + b"\r\nConnection: close\r\nHost: \xff\r\nContent-Length: 0\r\n\r\n")
            answer = b""
            while piece := raw.recv(65536):
                answer += piece
        status, body = int(answer.split(b" ", 2)[1]), answer.partition(b"\r\n\r\n")[2]
        assert 400 <= status < 500, answer
        if b"application/json" in answer:
            json.loads(body)
