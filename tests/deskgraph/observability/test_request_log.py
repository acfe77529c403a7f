"""Each request leaves one line in the log of a real server."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from deskgraph.demo.logins import PASSWORD
from tests.deskgraph.conftest import banner
from tests.deskgraph.observability.conftest import Line, Logged, Serve, drop, is_request
from tests.support.processes.environment import child_environment
from tests.support.processes.launcher import child

FIELDS = {
    *("timestamp", "level", "logger", "event", "method", "route", "operation", "user_id"),
    *("address", "request_id", "status", "duration_ms", "sql_ms", "bytes", "cost"),
    "pid",
}


def viewer_id(logged: Logged) -> str:
    return str(logged.client.get("/api/v1/auth/me/").json()["id"])


def graphql(logged: Logged, query: str, **more: Any) -> httpx.Response:
    return logged.client.post("/graphql", json={"query": query, **more})


def test_a_line_of_rest(logged: Logged) -> None:
    before = datetime.now(UTC)
    answer = logged.client.get("/api/v1/tickets/", params={"search": "zone"})
    line = logged.line_of(answer)

    assert set(line) == FIELDS
    assert list(line)[:5] == ["timestamp", "level", "logger", "event", "pid"]
    assert line["pid"] == logged.process.pid
    assert line["timestamp"].endswith("Z")
    assert before <= datetime.fromisoformat(line["timestamp"]) <= datetime.now(UTC)
    assert (line["level"], line["logger"]) == ("info", "deskgraph.requests")
    assert (line["method"], line["route"], line["status"]) == ("GET", "/api/v1/tickets/", 200)
    assert line["bytes"] == len(answer.content)
    assert 0 < line["sql_ms"] < line["duration_ms"]
    assert line["cost"] > 0
    assert (line["address"], line["operation"]) == ("127.0.0.1", None)
    assert line["user_id"] == viewer_id(logged)


def test_the_cost_is_that_of_the_answer(logged: Logged) -> None:
    query = "query Known { tickets(first: 3) { nodes { id } } }"
    answers = [graphql(logged, query), graphql(logged, query)]
    costs = [answer.json()["extensions"]["cost"] for answer in answers]
    # The first one is also charged for its new document and statement.
    assert "preparation" in costs[0]
    assert "preparation" not in costs[1]
    for answer, cost in zip(answers, costs, strict=True):
        logged_cost = logged.line_of(answer)["cost"]
        assert logged_cost == cost["actual"] + cost.get("preparation", 0)


def test_the_route_is_a_template_without_values(logged: Logged) -> None:
    ticket = logged.client.get("/api/v1/tickets/").json()["results"][0]["id"]
    calls = {
        f"/api/v1/tickets/{ticket}/": "/api/v1/tickets/{id}/",
        f"/api/v1/tickets/{ticket}": "/api/v1/tickets/{id}",
        "/api/v1/none/": "/api/v1/{rest}",
        "/media/none": "/media/{key}",
        "/graphql/static/0123/none": "/graphql/static/{version}",
        "/nowhere": None,
    }
    found = {path: logged.line_of(logged.client.get(path))["route"] for path in calls}
    assert found == calls


def test_operations_are_named(logged: Logged) -> None:
    two = "query A { viewer { id } } query B { viewer { id } }"
    batch = [{"query": two, "operationName": name} for name in ("A", "B", "A")]
    found = [
        logged.line_of(answer)["operation"]
        for answer in (
            graphql(logged, two, operationName="B"),
            graphql(logged, "{ viewer { id } }"),
            graphql(logged, "query Wrong { nothing }"),
            graphql(logged, f"query {'x' * 100} {{ viewer {{ id }} }}"),
            logged.client.post("/graphql", json=batch),
        )
    ]
    assert found == ["B", None, None, "x" * 64, "A,B"]


@pytest.mark.parametrize("write", ["rest", "graphql", "session"])
def test_sql_of_writes_is_timed(logged: Logged, write: str) -> None:
    ticket = logged.client.get("/api/v1/tickets/").json()["results"][0]["id"]
    if write == "rest":
        answer = logged.client.patch(f"/api/v1/tickets/{ticket}/", json={"subject": "New"})
    elif write == "graphql":
        given = {"i": {"id": ticket, "subject": "Newer"}}
        change = "mutation($i: UpdateTicketInput!) { updateTicket(input: $i) { ticket { id } } }"
        answer = graphql(logged, change, variables=given)
    else:
        answer = graphql(logged, "mutation { logoutEverywhere { ok } }")
        logged.log_in()
    line = logged.line_of(answer)
    assert line["status"] == 200
    assert 0 < line["sql_ms"] < line["duration_ms"]


def test_a_socket_has_a_line_when_it_ends(logged: Logged) -> None:
    url = str(logged.client.base_url).replace("http", "ws") + "/graphql?token=planted"
    protocol = Subprotocol("graphql-transport-ws")
    with connect(url, subprotocols=[protocol], additional_headers={"X-Request-Id": "ws-1"}) as one:
        assert one.response is not None
        assert one.response.headers["X-Request-Id"] == "ws-1"
        token = logged.client.headers["Authorization"]
        one.send(json.dumps({"type": "connection_init", "payload": {"authorization": token}}))
        query = {"query": "query Socket { viewer { id } }"}
        one.send(json.dumps({"type": "subscribe", "id": "1", "payload": query}))
        assert [json.loads(one.recv())["type"] for _ in range(3)][-1] == "complete"
    line = logged.wait_for(lambda line: is_request(line) and line["request_id"] == "ws-1")
    assert set(line) == FIELDS
    assert (line["method"], line["route"], line["status"]) == ("WEBSOCKET", "/graphql", 1000)
    assert (line["operation"], line["user_id"]) == ("Socket", viewer_id(logged))
    assert "planted" not in logged.log.read_text()


def test_health_is_logged_for_debugging_only(serve: Serve) -> None:
    for level in ("info", "debug"):
        with serve(LOG_LEVEL=level) as server:
            server.client.get("/healthz")
            server.client.get("/readyz")
            server.line_of(server.client.get("/nowhere"))
            lines = [(line["route"], line["level"]) for line in filter(is_request, server.lines())]
            folder = server.log.parent
        folder.rename(folder.with_name(level))
        health = [("/healthz", "debug"), ("/readyz", "debug")] if level == "debug" else []
        assert lines == [*health, (None, "info")]


@pytest.mark.proof
def test_a_higher_level_leaves_out_requests(serve: Serve) -> None:
    with serve(LOG_LEVEL="warning") as server:
        server.client.get("/nowhere")
        asked = {"username": "admin", "password": "wrong"}
        answer = server.client.post("/api/v1/auth/login/", json=asked)
        [line] = server.lines()
    assert line["event"] == "login failed"
    assert line["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("username", "shown"),
    [
        ("admin", "admin"),
        ("n" * 40, "n" * 32),
        ("a name", None),
        ("a\nb", None),
        ("", None),
        ("пароль", None),
        ("n" * 151, None),
    ],
)
def test_a_failed_login_is_logged_without_its_password(
    logged: Logged, username: str, shown: str | None
) -> None:
    password = "of-nobody-9Zk"
    query = "mutation($i: LoginInput!) { login(input: $i) { errors { code } } }"
    given = {"i": {"username": username, "password": password}}
    answers = [
        *([] if not username else [logged.client.post("/api/v1/auth/login/", json=given["i"])]),
        graphql(logged, query, variables=given),
    ]
    for answer in answers:
        [line] = logged.others_of(answer)
        assert (line["event"], line["level"]) == ("login failed", "warning")
        assert (line["username"], line["address"]) == (shown, "127.0.0.1")
    assert password not in logged.log.read_text()


def test_a_login_is_logged_with_its_user(logged: Logged) -> None:
    asked = {"username": "keith", "password": PASSWORD}
    answer = logged.client.post("/api/v1/auth/login/", json=asked)
    assert logged.line_of(answer)["user_id"] == answer.json()["user"]["id"]
    assert logged.others_of(answer) == []


def test_a_refusal_for_rate_is_logged(serve: Serve) -> None:
    with serve(RATE_LIMIT="1", MAX_COST="1") as server:
        # A refused document is charged, and fits into an empty bucket only.
        server.client.post("/graphql", json={"query": "{ nothing }"})
        answer = server.client.post("/graphql", json={"query": "{ nothing }"})
        [line] = server.others_of(answer)
        answered = server.line_of(answer)
    assert "THROTTLED" in answer.text
    assert (line["event"], line["level"]) == ("refused for rate", "info")
    assert (line["bucket"], line["route"]) == ("address", "/graphql")
    assert line["retry_after"] > 0
    assert answered["cost"] is None


@pytest.mark.parametrize("status", [400, 431])
def test_what_is_refused_unread_is_logged(logged: Logged, status: int) -> None:
    header = b"no header" if status == 400 else b"x-long: " + b"x" * 40_000
    url = logged.client.base_url
    with socket.create_connection((url.host, url.port)) as one:
        one.sendall(b"GET /healthz HTTP/1.1\r\nhost: desk\r\n" + header + b"\r\n\r\n")
        head = one.makefile("rb").read().decode()
    assert head.startswith(f"HTTP/1.1 {status} ")
    [request_id] = re.findall(r"x-request-id: (\w+)", head)
    line = logged.wait_for(lambda line: line.get("request_id") == request_id)
    assert (line["event"], line["level"]) == ("refused unread", "info")
    assert (line["status"], line["address"]) == (status, "127.0.0.1")
    assert not any("Invalid HTTP" in line["event"] for line in logged.lines())


@pytest.mark.proof
def test_the_start_and_the_end_are_logged(serve: Serve, postgres_url: str) -> None:
    url = postgres_url.replace("postgres@", "postgres:planted-1@") + "?application_name=planted-2"
    options = ("--prepare", "--workers", "2")
    old = {"SECRET_KEY_OLD": "planted-3" * 4, "SECRET_KEY_OLD_UNTIL": "2020-01-31T12:00:00Z"}
    with serve(*options, DATABASE_URL=url, FILES_URL="file://var/files", **old) as server:
        server.wait_until(lambda lines: len(started(lines)) == 2)
        text = server.stop()
    lines = server.lines()
    assert lines[0]["event"] == "starting"
    assert lines[0]["version"]
    assert lines[0]["database"].startswith("postgresql://127.0.0.1")
    assert (lines[0]["environment"], lines[0]["workers"]) == ("development", 2)
    assert lines[0]["files"] == "file://var/files"
    assert lines[1]["event"].startswith(
        "DESKGRAPH_SECRET_KEY_OLD is not accepted any more since 2020"
    )
    assert lines[1]["level"] == "warning"
    assert len([line for line in lines if line["event"].startswith("draining")]) == 2
    assert "planted" not in text


def started(lines: list[Line]) -> list[Line]:
    return [line for line in lines if line["event"] == "Application startup complete."]


def test_text_has_one_line_for_each_request_and_no_colours_in_a_file(serve: Serve) -> None:
    with serve(LOG_FORMAT="text") as server:
        asked = {"username": "a\nb", "password": "wrong"}
        request_id = server.client.post("/api/v1/auth/login/", json=asked).headers["x-request-id"]
        text = server.stop()
    assert "\x1b" not in text
    lines = [line for line in text.splitlines() if request_id in line]
    pid = server.process.pid
    failed = f" warning deskgraph.logins[{pid}]: login failed username=None address=127.0.0.1"
    assert failed in lines[0]
    assert f" info deskgraph.requests[{pid}]: request method=POST route=/api/v1/auth/lo" in lines[1]
    assert len(lines) == 2


def test_text_has_colours_on_a_terminal(demo_template: Path, tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    url = f"sqlite:///{shutil.copy(demo_template, tmp_path / 'demo.db')}"
    command = [sys.executable, "-m", "deskgraph.cli", "serve", "--port", "0"]
    options = {"cwd": tmp_path, "stdout": subprocess.PIPE, "stderr": theirs, "text": True}
    environment = child_environment(DATABASE_URL=url, LOG_FORMAT="text")
    shown = b""
    with child(command, env=environment, **options) as process:
        os.close(theirs)
        base, _ = banner(process, 3)
        httpx.get(f"{base}/nowhere", headers={"X-Request-Id": "on-a-terminal"})
        while b"on-a-terminal" not in shown:
            shown += os.read(ours, 4096)
    os.close(ours)
    line = shown.splitlines()[-1].decode()
    plain = re.sub(r"\x1b\[[0-9;]*m", "", line)
    assert plain != line
    assert re.search(r"request +.*method=GET .*request_id=on-a-terminal", plain)


def test_an_unexpected_error_is_one_event_with_one_stack(serve: Serve, tmp_path: Path) -> None:
    with serve() as server:
        server.log_in()
        me = viewer_id(server)
        ticket = server.client.get("/api/v1/tickets/").json()["results"][0]["id"]
        drop(tmp_path, "DROP TABLE comments")
        answers = [
            server.client.get(f"/api/v1/ticket-comments/{ticket}/"),
            graphql(server, "query Broken { tickets { nodes { comments { totalCount } } } }"),
        ]
        for answer, route, operation in zip(
            answers,
            ["/api/v1/ticket-comments/{id}/", "/graphql"],
            [None, "Broken"],
            strict=True,
        ):
            request_id = answer.headers["x-request-id"]
            assert request_id in answer.text
            [event] = server.others_of(answer)
            assert event["level"] == "error"
            assert (event["method"], event["route"]) == (answer.request.method, route)
            assert (event["operation"], event["user_id"]) == (operation, me)
            assert event["exception"].count("Traceback") == 1
            assert "no such table" in event["exception"]
        assert server.line_of(answers[0])["status"] == 500
