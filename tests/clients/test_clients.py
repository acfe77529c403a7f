"""The clients of front ends work with the running server, and so does what their tools make.

The suite runs one of each kind: over HTTP, and live.
"""

import hashlib
import json
from pathlib import Path

import pytest
from graphql import build_schema, parse, validate

from schema import sdl
from tests.clients.conftest import HERE, Run, RunningServer

# What the tools make of the documents, and where a copy of it is committed.
MANIFESTS = {
    "app/generated/persisted-documents.json": "app/persisted-documents.json",
    "relay/__generated__/persisted_queries.json": "relay/persisted_queries.json",
}


@pytest.fixture(scope="module")
def built(run: Run) -> None:
    """Generate code for Relay and for TypeScript, which checks it, strictly."""
    run("npm", "run", "--silent", "build")


IN_SUITE = ["apollo", "live/graphql_ws"]
OTHERS = ["urql", "live/graphql_sse", "live/expiry"]
SCRIPTS = [
    *IN_SUITE,
    *(pytest.param(script, marks=pytest.mark.proof) for script in OTHERS),
]


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_client_works(run: Run, server: RunningServer, script: str) -> None:
    path = f"{script}/run.mjs" if (HERE / script).is_dir() else f"{script}.mjs"
    run("node", path, **server.environment)


@pytest.mark.proof
@pytest.mark.usefixtures("built")
@pytest.mark.parametrize("script", ["app/run.mjs", "relay/run.mjs"])
def test_what_was_generated_works(run: Run, server: RunningServer, script: str) -> None:
    run("node", script, **server.environment)


@pytest.mark.proof
@pytest.mark.usefixtures("built")
@pytest.mark.parametrize(("made", "committed"), MANIFESTS.items())
def test_the_committed_manifest_is_the_generated_one(made: str, committed: str) -> None:
    assert _read(HERE / committed) == _read(HERE / made), "run: npm run manifests"


@pytest.mark.parametrize("committed", MANIFESTS.values())
def test_each_text_of_a_manifest_is_valid_and_has_its_hash(committed: str) -> None:
    texts = _read(HERE / committed)
    assert texts
    for digest, text in texts.items():
        assert hashlib.sha256(text.encode()).hexdigest() == digest
        assert validate(build_schema(sdl()), parse(text)) == []


def _read(path: Path) -> dict[str, str]:
    texts: dict[str, str] = json.loads(path.read_text("utf-8"))
    return texts
