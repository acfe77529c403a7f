"""What generators make of the documents of both APIs is a client that works.

The suite runs one client that needs no generator's run. `make generated-clients` runs all.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients.conftest import REQUIRED, RunningServer, why_no_packages
from tests.support.paths import ROOT
from tests.support.processes import launcher

HERE = Path(__file__).parent
MADE = HERE / "made"
PYTHON = HERE / ".venv" / "bin"
SECONDS = 240

Step = Callable[..., None]


def run(*command: str, folder: Path = HERE, **environment: str) -> None:
    """Run a program to its end; what it printed is shown where it fails."""
    search = os.pathsep.join([str(PYTHON), str(HERE / "node_modules/.bin"), os.environ["PATH"]])
    given = {**os.environ, "PATH": search, **environment}
    ended = launcher.run(command, seconds=SECONDS, cwd=folder, env=given)
    assert ended.returncode == 0, f"{' '.join(command)}:\n{ended.stdout}{ended.stderr}"


def need(missing: str | None) -> None:
    """Skip a test whose programs are not installed, or fail where they have to be."""
    if missing and REQUIRED:
        pytest.fail(missing)
    if missing:
        pytest.skip(missing)


@pytest.fixture(scope="module")
def python() -> None:
    """Look for the generators that are written in Python."""
    stamp, lock = PYTHON.parent / ".installed", HERE / "python/requirements.lock"
    found = stamp.exists() and stamp.stat().st_mtime >= lock.stat().st_mtime
    need(None if found else "the generators of the lock are not installed: make clients")


@pytest.fixture(scope="module")
def typescript(server: RunningServer) -> None:
    """Generate the clients in TypeScript, check their types, and make programs of them."""
    need(why_no_packages(HERE))
    for script in ("openapi-typescript", "orval", "hey-api", "build"):
        run("npm", "run", "--silent", script, REST_URL=server.rest_url)


def execute(script: str, server: RunningServer, folder: Path) -> None:
    """Run a program that uses a generated client in Python; its warnings are errors."""
    environment = {"PYTHONPATH": str(MADE), "DESK_URL": server.url, "REST_URL": server.rest_url}
    interpreter = str(PYTHON / "python")
    run(interpreter, "-W", "error", str(HERE / "python" / script), folder=folder, **environment)


@pytest.mark.proof
@pytest.mark.usefixtures("python")
def test_openapi_python_client(server: RunningServer, tmp_path: Path) -> None:
    options = "--meta", "none", "--overwrite", "--fail-on-warning"
    document = str(ROOT / "rest_compat/openapi.json")
    target = str(MADE / "deskgraph_rest")
    MADE.mkdir(exist_ok=True)
    run("openapi-python-client", "generate", "--path", document, "--output-path", target, *options)
    execute("every_module.py", server, tmp_path)
    execute("rest.py", server, tmp_path)


@pytest.mark.proof
@pytest.mark.usefixtures("typescript")
@pytest.mark.parametrize("client", ["openapi_fetch", "orval", "hey_api"])
def test_typescript(server: RunningServer, client: str) -> None:
    run("node", f"made/run/{client}.mjs", REST_URL=server.rest_url)


@pytest.mark.usefixtures("python")
def test_gql(server: RunningServer, tmp_path: Path) -> None:
    execute("gql_client.py", server, tmp_path)


@pytest.mark.proof
@pytest.mark.usefixtures("python")
def test_ariadne_codegen(server: RunningServer, tmp_path: Path) -> None:
    MADE.mkdir(exist_ok=True)
    run("ariadne-codegen", "--config", "ariadne.toml", folder=HERE / "python")
    execute("ariadne.py", server, tmp_path)


@pytest.mark.proof
@pytest.mark.usefixtures("python")
def test_sgqlc(server: RunningServer, tmp_path: Path) -> None:
    schema, types = tmp_path / "schema.json", MADE / "deskgraph_sgqlc.py"
    MADE.mkdir(exist_ok=True)
    run(str(PYTHON / "python"), "-m", "sgqlc.introspection", server.url, str(schema))
    run("sgqlc-codegen", "schema", str(schema), str(types))
    execute("sgqlc_client.py", server, tmp_path)
