"""GraphQL over HTTP as graphql-http audits it, against the running server."""

import json

import pytest

from tests.clients.conftest import Run, RunningServer

pytestmark = pytest.mark.proof

AUDITS = 61


def test_every_audit_is_passed(run: Run, server: RunningServer) -> None:
    results = json.loads(run("node", "audit.mjs", **server.environment))
    assert [result for result in results if result["status"] != "ok"] == []
    assert len(results) == len({result["id"] for result in results}) == AUDITS
