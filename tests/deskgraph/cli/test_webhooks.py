"""``webhooks listen`` prints what comes in, and says whether it was signed."""

import base64
import json
import signal
import socket
import subprocess
import time
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from deskgraph.webhooks.signing import signed_headers
from tests.deskgraph.conftest import Run, Start, assert_refused
from tests.support.processes.launcher import DEADLINE_SECONDS

pytestmark = pytest.mark.usefixtures("_in_an_empty_folder")

OLD, NEW = (f"whsec_{base64.b64encode(bytes([i]) * 32).decode()}" for i in range(2))
MESSAGE = {
    "type": "ticket.created",
    "data": {"event": {"ticket_number": "T-20251119-0001", "sequence": 7}},
}
BODY = json.dumps(MESSAGE).encode()


def address(process: "subprocess.Popen[str]") -> str:
    assert process.stderr
    said = process.stderr.readline()
    if not said.startswith("Listening on http://127.0.0.1:"):
        raise AssertionError(said + process.communicate(timeout=DEADLINE_SECONDS)[1])
    assert "DESKGRAPH_WEBHOOK_PRIVATE_ADDRESSES=allow" in process.stderr.readline()
    return said.split()[-1]


def post(url: str, secrets: list[str], body: bytes = BODY) -> int:
    headers = signed_headers(secrets, "message", int(time.time()), body)
    try:
        with urlopen(Request(url, body, headers), timeout=60) as answer:
            return int(answer.status)
    except HTTPError as error:
        with error:
            return error.code


def test_it_verifies_prints_and_knows_repeats(start: Start) -> None:
    process = start("webhooks", "listen", "--port", "0", "--secret", OLD, "--secret", NEW)
    url = address(process)
    assert process.stdout
    shown = f"{json.dumps(MESSAGE, indent=2)}\n".splitlines(keepends=True)
    for secret, rest in ((NEW, ""), (OLD, "  repeat")):
        assert post(f"{url}any/path", [secret]) == 204
        line = process.stdout.readline()
        assert line == f"verified  ticket.created  T-20251119-0001  7{rest}\n"
        assert [process.stdout.readline() for _ in shown] == shown
    assert post(url, [f"whsec_{base64.b64encode(b'other').decode()}"]) == 401
    assert process.stdout.readline() == "REFUSED  no signature is of this secret\n"
    nonsense = json.dumps({"type": "\x1b[31m\nred", "data": {}}).encode()
    assert post(url, [NEW], nonsense) == 204
    assert process.stdout.readline() == "verified  ?[31m?red  repeat\n"
    process.stdout.close()
    process.send_signal(signal.SIGINT)
    assert process.wait(DEADLINE_SECONDS) == 0
    assert process.stderr
    assert process.stderr.read() == ""


def test_without_a_secret_it_says_that_it_did_not_check(start: Start) -> None:
    process = start("webhooks", "listen", "--port", "0")
    url = address(process)
    assert process.stdout
    assert post(url, [NEW], b"no json") == 204
    assert process.stdout.readline() == "not checked  a message of another kind\n"
    process.send_signal(signal.SIGTERM)
    assert process.wait(DEADLINE_SECONDS) in (0, -signal.SIGTERM)


def test_what_is_no_secret_is_refused_without_showing_it(run: Run) -> None:
    ended = run("webhooks", "listen", "--port", "0", "--secret", "hidden-password")
    assert_refused(ended, "--secret", "whsec_")


def test_a_port_in_use_is_said(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        assert_refused(run("webhooks", "listen", "--port", port), f"Port {port}", "in use")
