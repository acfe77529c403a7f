"""A process that is told to stop finishes what it has accepted, and says in time that it goes."""

import asyncio
import http.client
import json
import re
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from deskgraph.demo.logins import PASSWORD
from tests.deskgraph.conftest import Start, banner, rows
from tests.support import proofs
from tests.support.processes.launcher import DEADLINE_SECONDS

pytestmark = pytest.mark.usefixtures("_in_an_empty_folder")

GRAPHQL_TRANSPORT_WS = Subprotocol("graphql-transport-ws")
# How many ask the same all the time.
CLIENTS = 4
FOLLOW = 'subscription { ticketEvents(after: "") { cursor } }'
READ = {"query": "{ tickets(first: 5) { nodes { subject } } }"}
RENAME = """mutation($input: UpdateTicketInput!) {
  updateTicket(input: $input) { errors { message } }
}"""


def address_of(base: str) -> tuple[str, int]:
    parts = urlsplit(base)
    return str(parts.hostname), parts.port or 80


@contextmanager
def connected(base: str) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection(*address_of(base), DEADLINE_SECONDS)
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


def wait_for_files(folder: Path, count: int = 1) -> None:
    """Wait until the server has begun to store the uploads."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while sum("#" in path.name for path in folder.rglob("*")) < count:
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


@pytest.mark.parametrize("workers", ["1", pytest.param("2", marks=pytest.mark.proof)])
def test_an_upload_that_has_begun_is_finished(start: Start, sqlite_desk: str, workers: str) -> None:
    process = start("serve", "--port", "0", "--workers", workers)
    base, _ = banner(process, 3)
    token = log_in(base)
    with connected(base) as connection:
        rest = begin_upload(connection, token, a_ticket(sqlite_desk))
        wait_for_files(Path("var/media"))
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
        wait_for_files(Path("var/media"))
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
        response = connection.getresponse()
        assert response.status == 200
        # The next request of this client would meet the end of the server.
        assert response.headers["Connection"] == "close"

    # A user at a terminal need not wait.
    process.send_signal(signal.SIGINT)
    assert_ends(process)


def ready(base: str) -> int:
    with connected(base) as connection:
        connection.request("GET", "/readyz")
        return answered(connection)[0]


def a_change(connection: http.client.HTTPConnection, token: str, ticket: str, number: int) -> None:
    """Send a request that changes a ticket, and leave its answer for later."""
    head = {"Authorization": token, "Content-Type": "application/json"}
    body = json.dumps({"subject": f"Number {number}"})
    connection.request("PATCH", f"/api/v1/tickets/{ticket}/", body, head)


def half_a_head(connection: http.client.HTTPConnection, token: str) -> bytes:
    """Send the first part of a request's head, and return the rest."""
    connection.connect()
    connection.sock.sendall(b"GET /api/v1/tickets/?page_size=1 HTTP/1.1\r\nHost: desk\r\n")
    return f"Authorization: {token}\r\n\r\n".encode()


@pytest.mark.proof(small=True)
def test_every_request_that_was_accepted_is_answered_in_full(
    start: Start, sqlite_desk: str, environment: Callable[..., None]
) -> None:
    count, uploads = (150, 20) if proofs.LONG else (10, 2)
    environment(head_seconds="3600", body_seconds="3600", rate_limit="off", shutdown_seconds="3600")
    process = start("serve", "--port", "0")
    base, _ = banner(process, 3)
    token, ticket = log_in(base), a_ticket(sqlite_desk)
    [(before,)] = rows(sqlite_desk, "SELECT count(*) FROM ticket_events")
    follow = {"Accept": "text/event-stream", "Authorization": token}
    with ExitStack() as stack:
        changing, uploading, beginning, streaming = (
            [stack.enter_context(connected(base)) for _ in range(number)]
            for number in (count, uploads, 2, 1)
        )
        asked = {"Content-Type": "application/json", **follow}
        streaming[0].request("POST", "/graphql", json.dumps({"query": FOLLOW}), asked)
        stream = streaming[0].getresponse()
        assert stream.readline().startswith(b"id: ")
        url = base.replace("http", "ws") + "/graphql"
        socket = stack.enter_context(connect(url, subprotocols=[GRAPHQL_TRANSPORT_WS]))
        init = {"type": "connection_init", "payload": {"authorization": token}}
        socket.send(json.dumps(init))
        assert "connection_ack" in str(socket.recv())
        # Every write waits for this one.
        path = sqlite_desk.removeprefix("sqlite:///")
        other = stack.enter_context(closing(sqlite3.connect(path, isolation_level=None)))
        other.execute("BEGIN IMMEDIATE")
        for number, connection in enumerate(changing):
            a_change(connection, token, ticket, number)
        variables = {"input": {"id": ticket, "subject": "Over a WebSocket"}}
        payload = {"query": RENAME, "variables": variables}
        socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": payload}))
        socket.send(json.dumps({"type": "ping"}))
        assert "pong" in str(socket.recv())
        rests = [(one, begin_upload(one, token, ticket)) for one in uploading]
        rests += [(one, half_a_head(one, token)) for one in beginning]
        # Connections are accepted in their order.
        assert ready(base) == 200

        process.send_signal(signal.SIGTERM)
        wait_for_line(process, "draining")
        wait_for_line(process, "Waiting for connections to close")
        other.execute("ROLLBACK")
        for connection, rest in rests:
            connection.sock.sendall(rest)

        assert {answered(one)[0] for one in changing} == {200}
        assert {answered(one)[0] for one in uploading} == {201}
        for one in beginning:
            with closing(http.client.HTTPResponse(one.sock)) as response:
                response.begin()
                assert response.status == 200
                assert json.loads(response.read())["results"]
        messages = []
        with suppress(ConnectionClosed):
            while True:
                messages.append(json.loads(socket.recv())["type"])
        assert (messages, socket.close_code) == (["next", "complete"], 1012)
        # It goes on elsewhere, after its last cursor.
        assert b"event: complete" not in stream.read()
    assert_ends(process)
    [(after,)] = rows(sqlite_desk, "SELECT count(*) FROM ticket_events")
    assert isinstance(before, int)
    assert after == before + count + uploads + 1


def begun(
    base: str, token: str, method: str, path: str, body: dict[str, str]
) -> http.client.HTTPConnection:
    """Send a request, and return once a server has begun to read it."""
    connection = http.client.HTTPConnection(*address_of(base), DEADLINE_SECONDS)
    sent = json.dumps(body).encode()
    connection.putrequest(method, path)
    connection.putheader("Authorization", token)
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", str(len(sent)))
    connection.putheader("Expect", "100-continue")
    connection.endheaders()
    assert connection.sock.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
    connection.send(sent)
    return connection


def follow(base: str, token: str, after: str) -> http.client.HTTPConnection:
    """Ask for a stream of the events after a cursor."""
    connection = http.client.HTTPConnection(*address_of(base), DEADLINE_SECONDS)
    head = {
        "Accept": "text/event-stream",
        "Authorization": token,
        "Content-Type": "application/json",
    }
    query = f'subscription {{ ticketEvents(after: "{after}") {{ cursor type }} }}'
    connection.request("POST", "/graphql", json.dumps({"query": query}), head)
    return connection


def cursors(lines: Iterable[bytes]) -> Iterator[str]:
    """Yield the cursor of each event in a stream."""
    for line in lines:
        if line.startswith(b"id: "):
            yield line.removeprefix(b"id: ").strip().decode()


@contextmanager
def locked(url: str, table: str) -> Iterator[None]:
    """Let nobody read or write a table of PostgreSQL."""
    with asyncio.Runner() as runner:
        connection = runner.run(asyncpg.connect(url))
        runner.run(connection.execute(f"BEGIN; LOCK TABLE {table}"))
        try:
            yield
        finally:
            runner.run(connection.execute("COMMIT"))
            runner.run(connection.close())


@pytest.mark.proof(small=True)
def test_workers_answer_every_request_that_they_have_accepted(
    start: Start, postgres_desk: str, environment: Callable[..., None]
) -> None:
    count, uploads = (100, 20) if proofs.LONG else (6, 2)
    hour = ("body_seconds", "operation_seconds", "shutdown_seconds")
    environment(rate_limit="off", **dict.fromkeys(hour, "3600"))
    process = start("serve", "--port", "0", "--workers", "2")
    base, _ = banner(process, 3)
    # One that is still starting reads tickets.
    for _ in range(2):
        wait_for_line(process, "Application startup complete")
    token, ticket = log_in(base), a_ticket(postgres_desk)
    [(before,)] = rows(postgres_desk, "SELECT count(*) FROM ticket_events")
    with ExitStack() as stack:
        streams = [stack.enter_context(closing(follow(base, token, ""))) for _ in range(4)]
        heard = [cursors(one.getresponse()) for one in streams]
        seen = [[next(one)] for one in heard]
        uploading = [stack.enter_context(connected(base)) for _ in range(uploads)]
        rests = [begin_upload(one, token, ticket) for one in uploading]
        wait_for_files(Path("var/media"), uploads)
        with locked(postgres_desk, "tickets"):
            path, change = f"/api/v1/tickets/{ticket}/", {"subject": "Changed"}
            asked = [("POST", "/graphql", READ), ("PATCH", path, change)]
            reading, changing = (
                [stack.enter_context(closing(begun(base, token, *one))) for _ in range(count)]
                for one in asked
            )
            process.send_signal(signal.SIGTERM)
            for _ in range(2):
                wait_for_line(process, "draining")
        for connection, rest in zip(uploading, rests, strict=True):
            connection.send(rest)

        for connection in reading:
            status, body = answered(connection)
            assert (status, "errors" in body) == (200, False), body
        assert {answered(one)[0] for one in changing} == {200}
        assert {answered(one)[0] for one in uploading} == {201}
        for known, more in zip(seen, heard, strict=True):
            known += more
    assert_ends(process)
    [(after,)] = rows(postgres_desk, "SELECT count(*) FROM ticket_events")
    assert isinstance(before, int)
    # One change, which others repeat.
    assert after == before + uploads + 1
    # Each stream goes on elsewhere, after its last cursor.
    process = start("serve", "--port", "0")
    base, _ = banner(process, 3)
    for known in seen:
        with closing(follow(base, token, known[-1])) as connection:
            missed = cursors(connection.getresponse())
            known += [next(missed) for _ in range(after - len(known))]
    assert all(len({*known}) == after for known in seen)
    process.send_signal(signal.SIGTERM)
    assert_ends(process)


def test_sighup_stops_a_server_without_workers_as_sigterm_does(
    start: Start, sqlite_desk: str
) -> None:
    process = start("serve", "--port", "0")
    base, _ = banner(process, 3)
    token = log_in(base)
    with connected(base) as connection:
        rest = begin_upload(connection, token, a_ticket(sqlite_desk))
        wait_for_files(Path("var/media"))
        process.send_signal(signal.SIGHUP)
        wait_for_line(process, "draining")
        wait_for_line(process, "Waiting for connections to close")
        # It has been heard.
        process.send_signal(signal.SIGHUP)
        connection.send(rest)
        assert answered(connection)[0] == 201
    assert_ends(process)


@pytest.mark.proof
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_sighup_replaces_workers_one_by_one_by_ones_with_the_settings_of_now(
    start: Start, kind: str, request: pytest.FixtureRequest, environment: Callable[..., None]
) -> None:
    url: str = request.getfixturevalue(f"{kind}_desk")
    environment(rate_limit="off")
    process = start("serve", "--port", "0", "--workers", "2")
    base, _ = banner(process, 3)
    before = started(process, 2)
    assert root_of(base) == "/graphql"
    token, path = log_in(base), f"/api/v1/tickets/{a_ticket(url)}/"
    # What several clients ask all the time, each by new connections, and how it is answered.
    asked = {
        ("GET", "/readyz", None),
        ("GET", "/api/v1/tickets/", None),
        ("POST", "/graphql", json.dumps(READ)),
        ("PATCH", path, json.dumps({"subject": "Changed"})),
    }
    answers: dict[str, set[object]] = {path: set() for _, path, _ in asked}
    ended = threading.Event()

    def ask(method: str, path: str, body: str | None) -> None:
        head = {"Authorization": token, "Content-Type": "application/json"}
        while not ended.wait(0.02):
            try:
                with connected(base) as connection:
                    connection.request(method, path, body, head)
                    answers[path].add(answered(connection)[0])
            except (OSError, http.client.HTTPException) as error:
                answers[path].add(error)

    asking = [threading.Thread(target=ask, args=one) for one in asked for _ in range(CLIENTS)]
    for one in asking:
        one.start()
    try:
        Path(".env").write_text("DESKGRAPH_GRAPHIQL=false\n")
        process.send_signal(signal.SIGHUP)
        after = started(process, 2, ended=before)
    finally:
        ended.set()
        for one in asking:
            one.join()

    assert not {*before} & {*after}
    # A worker that is about to end says so.
    answers["/readyz"].discard(503)
    assert set().union(*answers.values()) == {200}, answers
    assert root_of(base) == "/api/v1/"
    process.send_signal(signal.SIGTERM)
    assert_ends(process)


def started(process: "subprocess.Popen[str]", count: int, ended: Sequence[str] = ()) -> list[str]:
    """Wait until so many servers have started and others have ended; return the ids of the new."""
    assert process.stderr is not None
    found: list[str] = []
    left = {*ended}
    while len(found) < count or left:
        line = process.stderr.readline()
        assert line, "the process has ended"
        found += re.findall(r"Started server process \[(\d+)\]", line)
        left -= {*re.findall(r"Finished server process \[(\d+)\]", line)}
    return found


def root_of(base: str) -> str | None:
    """Return where the root leads."""
    with connected(base) as connection:
        connection.request("GET", "/")
        response = connection.getresponse()
        response.read()
        return response.getheader("location")
