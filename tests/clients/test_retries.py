"""Clients that send a write again whose answer was lost, as docs/writes.md shows them."""

import json
import sys
from pathlib import Path

import httpx
import pytest

from tests.clients.conftest import HERE, Run, RunningServer
from tests.clients.losing_proxy import LosingProxy, losing_proxy
from tests.support.processes import launcher

FOLDER = HERE / "retries"
IN_JAVASCRIPT = ("apollo", "urql", "axios")


def created(server: RunningServer, subject: str) -> list[str]:
    """Return the ids of the tickets with a subject."""
    query = "query($found: String!) { tickets(filter: {search: $found}) { nodes { id subject } } }"
    answer = httpx.post(
        server.url,
        json={"query": query, "variables": {"found": subject}},
        headers={"Authorization": f"Bearer {server.token}"},
        timeout=30,
    )
    nodes = answer.json()["data"]["tickets"]["nodes"]
    return [node["id"] for node in nodes if node["subject"] == subject]


def environment_of(server: RunningServer, proxy: LosingProxy, subject: str) -> dict[str, str]:
    company = httpx.get(
        f"{server.rest_url}/api/v1/companies/?limit=1",
        headers={"Authorization": f"Bearer {server.token}"},
        timeout=30,
    ).json()["results"][0]["id"]
    ticket = {"subject": subject, "description": "As told."}
    named = {"company": company} if subject.startswith("rest") else {"companyId": company}
    return {
        "DESK_URL": f"{proxy.url}/graphql",
        "DESK_REST": f"{proxy.url}/api/v1",
        "DESK_TOKEN": server.token,
        "DESK_TICKET": json.dumps({**ticket, **named}),
    }


def one_ticket(server: RunningServer, proxy: LosingProxy, subject: str, printed: str) -> None:
    """Look that one request was sent twice, that one ticket is there, and that it was told."""
    assert list(proxy.sent.values()) == [2]
    assert created(server, subject) == [printed.strip()]


@pytest.mark.parametrize("script", IN_JAVASCRIPT)
def test_a_client_in_javascript_makes_one_ticket(
    run: Run, server: RunningServer, script: str
) -> None:
    subject = f"{'rest' if script == 'axios' else 'graphql'} by {script}"
    with losing_proxy(server.rest_url) as proxy:
        given = environment_of(server, proxy, subject)
        printed = run("node", f"retries/{script}.mjs", **given)
        one_ticket(server, proxy, subject, printed)


def test_a_client_in_python_makes_one_ticket(server: RunningServer, tmp_path: Path) -> None:
    subject = "rest by tenacity"
    with losing_proxy(server.rest_url) as proxy:
        given = environment_of(server, proxy, subject)
        command = [sys.executable, str(FOLDER / "tenacity_httpx.py")]
        ended = launcher.run(command, seconds=60, cwd=tmp_path, env=given)
        assert ended.returncode == 0, ended.stderr
        one_ticket(server, proxy, subject, ended.stdout)
