"""A process that is told to stop finishes what it has accepted, and says in time that it goes."""

import http.client
import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from deskgraph.demo.logins import PASSWORD
from tests.deskgraph.conftest import Start, banner, rows
from tests.support.processes.launcher import DEADLINE_SECONDS

pytestmark = pytest.mark.usefixtures("_in_an_empty_folder")


@contextmanager
def connected(base: str) -> Iterator[http.client.HTTPConnection]:
    parts = urlsplit(base)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, DEADLINE_SECONDS)
    try:
        yield connection
    finally:
        connection.close()


def answered(connection: http.client.HTTPConnection) -> tuple[int, str]:
    response = connection.getresponse()
    return response.status, response.read().decode()


def log_in(base: str) -> str:
    with connected(base) as connection:
        body = json.dumps({"username": "keith", "password": PASSWORD})
        head = {"Content-Type": "application/json"}
        connection.request("POST", "/api/v1/auth/login/", body, head)
        return f"Bearer {json.loads(answered(connection)[1])['access']}"


def begin_upload(connection: http.client.HTTPConnection, token: str, ticket: str) -> bytes:
    """Send the first half of an upload, and return the other one."""
    body = (
        f'--b\r\nContent-Disposition: form-data; name="ticket"\r\n\r\n{ticket}\r\n'
        '--b\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n'
    ).encode() + bytes(2_000_000)
    rest = bytes(2_000_000) + b"\r\n--b--\r\n"
    connection.putrequest("POST", "/api/v1/ticket-attachments/")
    connection.putheader("Authorization", token)
    connection.putheader("Content-Type", "multipart/form-data; boundary=b")
    connection.putheader("Content-Length", str(len(body) + len(rest)))
    connection.endheaders(body)
    return rest


def a_ticket(url: str) -> str:
    return str(rows(url, "SELECT id FROM tickets LIMIT 1")[0][0])


def wait_for_file(folder: Path) -> None:
    """Wait until the server has begun to store the upload."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not any("#" in path.name for path in folder.rglob("*")):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def wait_for_line(process: "subprocess.Popen[str]", words: str) -> None:
    assert process.stderr is not None
    while words not in (line := process.stderr.readline()):
        assert line, "the process has ended"


def assert_ends(process: "subprocess.Popen[str]") -> None:
    _, err = process.communicate(timeout=DEADLINE_SECONDS)
    assert "Traceback" not in err
    assert process.returncode in (0, -signal.SIGTERM), err


@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_upload_that_has_begun_is_finished(start: Start, sqlite_desk: str, workers: str) -> None:
    process = start("serve", "--port", "0", "--workers", workers)
    base, _ = banner(process, 3)
    token = log_in(base)
    with connected(base) as connection:
        rest = begin_upload(connection, token, a_ticket(sqlite_desk))
        wait_for_file(Path("var/media"))
        process.send_signal(signal.SIGTERM)
        # Those that have nothing to do end at once.
        wait_for_line(process, "Waiting for connections to close")
        connection.send(rest)
        status, body = answered(connection)
    assert status == 201, body
    assert_ends(process)
    assert rows(sqlite_desk, "SELECT size FROM attachments WHERE name = 'a.bin'") == [(4_000_000,)]


def test_the_time_of_requests_has_an_end(
    start: Start, sqlite_desk: str, environment: Callable[..., None]
) -> None:
    environment(shutdown_seconds="1")
    process = start("serve", "--port", "0")
    base, _ = banner(process, 3)
    token = log_in(base)
    with connected(base) as connection:
        begin_upload(connection, token, a_ticket(sqlite_desk))
        wait_for_file(Path("var/media"))
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=DEADLINE_SECONDS)
    assert "graceful shutdown exceeded" in err
    assert rows(sqlite_desk, "SELECT * FROM attachments WHERE name = 'a.bin'") == []
    assert [path for path in Path("var/media").rglob("*") if path.is_file()] == []


def test_a_drain_goes_on_accepting_while_it_says_that_it_ends(
    start: Start, sqlite_desk: str, environment: Callable[..., None]
) -> None:
    environment(drain_seconds="3600")
    process = start("serve", "--port", "0")
    base, _ = banner(process, 3)
    token = log_in(base)

    process.send_signal(signal.SIGTERM)
    while ready(base) == 200:
        pass
    # As systemd does, and the supervisor of several workers.
    process.send_signal(signal.SIGTERM)
    # A server that stops takes no connection after a tenth of a second.
    assert {ready(base) for _ in range(200)} == {503}
    with connected(base) as connection:
        connection.request("GET", "/api/v1/tickets/", headers={"Authorization": token})
        assert answered(connection)[0] == 200

    # Whoever sits at a terminal need not wait.
    process.send_signal(signal.SIGINT)
    assert_ends(process)


def ready(base: str) -> int:
    with connected(base) as connection:
        connection.request("GET", "/readyz")
        return answered(connection)[0]
