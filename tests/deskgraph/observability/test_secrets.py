"""What clients send is in no line of the log of a real server, whatever becomes of the request."""

import json
import secrets
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from tests.deskgraph.conftest import change
from tests.deskgraph.observability.conftest import Logged, Serve
from tests.support.processes.launcher import DEADLINE_SECONDS

CREATE = "mutation($i: CreateTicketInput!) { createTicket(input: $i) { ticket { id } } }"
LOGIN = "mutation($i: LoginInput!) { login(input: $i) { accessToken } }"
HOOK = "mutation($i: CreateWebhookInput!) { createWebhook(input: $i) { secret webhook { id } } }"
PASSWORD = "mutation($i: ChangePasswordInput!) { changePassword(input: $i) { accessToken } }"


class Planted:
    """Values that are sent, each of them once; ``kept`` are those that the server made."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    def new(self, name: str) -> str:
        """Return a value that is sent nowhere else."""
        value = f"planted-{name}-{secrets.token_hex(8)}"
        self.values[name] = value
        return value

    def keep(self, name: str, value: str) -> None:
        assert len(value) > 15
        self.values[name] = value

    def found_in(self, text: str) -> list[str]:
        return [name for name, value in self.values.items() if value in text]


@pytest.mark.parametrize(("backend", "log_format"), [("sqlite", "json"), ("postgres", "text")])
def test_no_secret_is_logged(
    serve: Serve, backend: str, log_format: str, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue(f"{backend}_url")
    planted = Planted()
    settings = {"MEDIA_LINKS": "signed", "WEBHOOK_PRIVATE_ADDRESSES": "allow"}
    with serve(
        "--prepare", DATABASE_URL=url, LOG_FORMAT=log_format, LOG_LEVEL="debug", **settings
    ) as server:
        send_all(server, planted)
        # The same requests once more, on a database in which they fail unexpectedly.
        for table in ("attachments", "webhooks", "comments"):
            change(url, f"ALTER TABLE {table} RENAME TO {table}_away")
        statuses = send_all(server, planted)
        for table in ("attachments", "webhooks", "comments"):
            change(url, f"ALTER TABLE {table}_away RENAME TO {table}")
        text = server.stop()

    assert 500 in statuses
    assert "unexpected error" in text
    assert text.count("deskgraph.requests") > len(statuses)
    assert planted.found_in(text) == []


def send_all(server: Logged, planted: Planted) -> list[int]:
    """Send requests of all kinds; return the statuses of the answers."""
    tokens = server.log_in()
    planted.keep("access token", tokens["access"].rsplit(".", 1)[-1])
    planted.keep("refresh token", tokens["refresh"].rsplit(".", 1)[-1])
    return [*rest(server, planted), *graphql(server, planted), *sockets(server, planted)]


def rest(server: Logged, planted: Planted) -> Iterator[int]:
    new, client = planted.new, server.client
    tickets = client.get("/api/v1/tickets/").json().get("results") or [{"id": "none"}]
    ticket, company = tickets[0]["id"], tickets[0].get("company")
    one = f"/api/v1/tickets/{ticket}/"
    calls: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "/api/v1/auth/login/", {"json": {"username": "admin", "password": new("pw")}}),
        ("POST", "/api/v1/auth/login/", {"json": {"username": new("no name") + " x"}}),
        ("POST", "/api/v1/auth/login/", {"content": new("broken body")}),
        ("POST", "/api/v1/auth/refresh/", {"json": {"refresh": new("refresh")}}),
        ("POST", "/api/v1/jwt/token/verify/", {"data": {"token": new("form")}}),
        ("PATCH", one, {"json": {"subject": new("subject"), "description": new("text")}}),
        ("PATCH", one, {"json": {"priority": new("choice"), "company": new("id")}}),
        ("POST", f"{one}add_comment/", {"json": {"content": new("comment")}}),
        (
            "POST",
            "/api/v1/tickets/",
            {"json": {"subject": new("s"), "description": new("d"), "company": company}},
        ),
        ("GET", "/api/v1/tickets/", {"params": {"search": new("search")}}),
        ("GET", "/api/v1/tickets/", {"params": {"cursor": new("cursor"), "token": new("query")}}),
        ("GET", f"/api/v1/tickets/{new('path')}/", {}),
        ("GET", f"/{new('nowhere')}", {"params": {"signature": new("signature")}}),
        ("GET", "/readyz", {"params": {"token": new("health")}}),
        ("GET", one, {"headers": {"Authorization": f"Bearer {new('bearer')}"}}),
        ("GET", one, {"headers": {"Cookie": new("cookie"), "X-Request-Id": f"a {new('id')}"}}),
        ("GET", one, {"headers": {"User-Agent": new("agent"), "Referer": new("referer")}}),
        ("GET", one, {"headers": {"X-Long": new("long") * 1000}}),
        (new("method")[:20], one, {}),
    ]
    for method, path, more in calls:
        yield client.request(method, path, **more).status_code
    yield from files(server, planted, ticket)


def files(server: Logged, planted: Planted, ticket: str) -> Iterator[int]:
    name, content = planted.new("file name"), planted.new("content")
    uploaded = server.client.post(
        "/api/v1/ticket-attachments/",
        data={"ticket": ticket},
        files={"file": (name, content.encode())},
    )
    yield uploaded.status_code
    link = uploaded.json().get("file")
    if link is not None:
        planted.keep("signed link", link.split("signature=")[-1])
        for path in (link, link[:-1]):
            yield server.client.get(path, headers={"Authorization": ""}).status_code


def graphql(server: Logged, planted: Planted) -> Iterator[int]:
    new = planted.new
    ticket = {"subject": new("s"), "description": new("d"), "companyId": new("company")}
    asked: list[Any] = [
        {"query": LOGIN, "variables": {"i": {"username": "admin", "password": new("pw")}}},
        {"query": LOGIN, "variables": {"i": {"username": "admin", "password": [new("type")]}}},
        {"query": CREATE, "variables": {"i": ticket}},
        {"query": CREATE, "variables": {"i": new("variable")}},
        {"query": PASSWORD, "variables": {"i": {"oldPassword": new("o"), "newPassword": new("n")}}},
        {"query": f'{{ tickets(search: "{new("literal")}") {{ totalCount }} }}'},
        {"query": f'{{ node(id: "{new("literal id")}") {{ id }} }}'},
        {"query": f"{{ {new('field').replace('-', '_')} }}"},
        {"query": f"{{ {new('syntax')} "},
        {"query": "query A { viewer { id } }", "operationName": new("operation")},
        {"query": HOOK, "variables": {"i": {"url": f"http://127.0.0.1:9/{new('hook')}"}}},
        {"query": "{ tickets(first: 1) { nodes { comments { totalCount } } } }"},
        [{"query": f'{{ tickets(search: "{new("batch")}") {{ totalCount }} }}'}],
    ]
    for one in asked:
        answer = server.client.post("/graphql", json=one)
        yield answer.status_code
        if "whsec_" in answer.text:
            planted.keep("webhook's secret", answer.text.split("whsec_")[1].split('"')[0])
    query = f'{{ tickets(search: "{new("by GET")}") {{ totalCount }} }}'
    yield server.client.get("/graphql", params={"query": query}).status_code
    yield server.client.post("/graphql", content=new("no JSON")).status_code


def sockets(server: Logged, planted: Planted) -> Iterator[int]:
    new = planted.new
    url = str(server.client.base_url).replace("http", "ws")
    token = server.client.headers["Authorization"]
    query = f'{{ tickets(search: "{new("socket")}") {{ totalCount }} }}'
    for init in ({"authorization": token}, {"authorization": f"Bearer {new('init')}"}):
        address = f"{url}/graphql?token={new('socket-query')}"
        with (
            suppress(ConnectionClosed),
            connect(address, subprotocols=[Subprotocol("graphql-transport-ws")]) as socket,
        ):
            socket.send(json.dumps({"type": "connection_init", "payload": init}))
            subscribe = {"type": "subscribe", "id": new("key"), "payload": {"query": query}}
            socket.send(json.dumps(subscribe))
            ends = {"complete", "error"}
            while json.loads(socket.recv(DEADLINE_SECONDS))["type"] not in ends:
                pass
            yield 101


def test_a_subject_that_is_logged_would_be_found(serve: Serve) -> None:
    """The search above looks where the names of operations, which are logged, are found."""
    with serve("--prepare", LOG_FORMAT="text") as server:
        server.client.post("/graphql", json={"query": "query Planted1 { viewer { id } }"})
        text = server.stop()
    planted = Planted()
    planted.keep("operation", "operation=Planted1")
    assert planted.found_in(text) == ["operation"]
