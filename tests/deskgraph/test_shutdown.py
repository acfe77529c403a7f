"""A server that is stopped does not wait for ever for those who follow events."""

import json
from contextlib import suppress
from typing import Any
from urllib.request import Request, urlopen

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from deskgraph.demo.logins import PASSWORD
from tests.deskgraph.conftest import Start, banner, stop

pytestmark = pytest.mark.usefixtures("_in_an_empty_folder")

FOLLOW = 'subscription { ticketEvents(after: "") { cursor } }'


def post(url: str, body: object, **headers: str) -> Any:
    sent = {"Content-Type": "application/json", **headers}
    return urlopen(Request(url, json.dumps(body).encode(), sent), timeout=60)


def test_a_stream_and_a_socket_end_with_the_server(start: Start, sqlite_desk: str) -> None:
    process = start("serve", "--port", "0")
    base, _ = banner(process, 3)
    with post(f"{base}/api/v1/auth/login/", {"username": "keith", "password": PASSWORD}) as login:
        token = f"Bearer {json.load(login)['access']}"
    headers = {"Accept": "text/event-stream", "Authorization": token}
    url = base.replace("http", "ws") + "/graphql"
    with (
        post(f"{base}/graphql", {"query": FOLLOW}, **headers) as stream,
        connect(url, subprotocols=[Subprotocol("graphql-transport-ws")]) as socket,
    ):
        assert stream.readline().startswith(b"id: ")
        init = {"type": "connection_init", "payload": {"authorization": token}}
        socket.send(json.dumps(init))
        asked = {"type": "subscribe", "id": "1", "payload": {"query": FOLLOW}}
        socket.send(json.dumps(asked))
        assert "connection_ack" in str(socket.recv())
        assert "next" in str(socket.recv())
        stop(process)
        # Broken off, not complete: a client that finds this out connects again.
        assert b"event: complete" not in stream.read()
        messages = []
        with suppress(ConnectionClosed):
            while True:
                messages.append(str(socket.recv()))
        assert not any("complete" in message for message in messages)
        assert socket.close_code == 1012
