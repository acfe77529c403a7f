"""``serve`` finds out early what keeps it from serving, and says where it is."""

import json
import re
import socket
from collections.abc import Callable
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from deskgraph.demo.logins import PASSWORD
from tests.deskgraph.conftest import Run, Start, assert_refused, banner, change, rows, stop
from tests.support.processes.launcher import DEADLINE_SECONDS

pytestmark = pytest.mark.usefixtures("_in_an_empty_folder")


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6], ids=["v4", "v6"])
def test_a_port_in_use_is_noticed_before_anything_starts(
    run: Run, sqlite_url: str, environment: Callable[..., None], family: socket.AddressFamily
) -> None:
    environment(database_url=sqlite_url)
    host = "127.0.0.1" if family == socket.AF_INET else "::1"
    with socket.socket(family) as other:
        try:
            other.bind((host, 0))
        except OSError:
            pytest.skip(f"this machine has no {host}")
        other.listen()
        port = str(other.getsockname()[1])

        assert_refused(run("serve", "--host", host, "--port", port), f"Port {port}", "in use")


@pytest.mark.parametrize("same", [True, False])
def test_a_port_of_the_metrics_in_use_is_noticed_too(
    run: Run, sqlite_url: str, environment: Callable[..., None], same: bool
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        environment(database_url=sqlite_url, metrics="on", metrics_port=port)
        if not same:
            assert_refused(
                run("serve", "--port", "0"), f"Port {port}", "in use", "DESKGRAPH_METRICS_PORT"
            )
    if same:
        environment(metrics_host="::1")
        assert_refused(run("serve", "--port", port), "is the port of all other requests")


@pytest.mark.parametrize(
    ("host", "said"),
    [("nowhere.invalid", "unknown"), ("192.0.2.1", "no address of this machine"), ("a" * 70, "")],
)
def test_a_host_that_is_not_ours_is_refused(run: Run, host: str, said: str) -> None:
    assert_refused(run("serve", "--host", host, "--port", "0"), host, said)


def test_production_without_a_key_does_not_start(
    run: Run, services: str, environment: Callable[..., None]
) -> None:
    environment(environment="production")
    assert_refused(run("serve", "--port", "0"), "DESKGRAPH_SECRET_KEY is not set")


def test_a_manifest_that_is_none_is_said_before_anything_starts(
    run: Run, services: str, environment: Callable[..., None]
) -> None:
    environment(graphql_manifest="none.json")
    assert_refused(
        run("serve", "--port", "0"), "DESKGRAPH_GRAPHQL_MANIFEST: none.json cannot be read"
    )


DOCUMENTS = {
    "max_depth": "{ viewer { company { id } } }",
    "max_aliases": "{ a: viewer { b: id c: role } }",
    "max_root_fields": "{ viewer { id } tickets { totalCount } rateLimit { maximum } }",
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents_of_manifests_have_the_limits_of_the_settings(
    run: Run, sqlite_url: str, environment: Callable[..., None], tmp_path: Path, name: str
) -> None:
    manifest = tmp_path / "manifest.json"
    manifest.write_text(json.dumps({"mine": DOCUMENTS[name]}))
    environment(database_url=sqlite_url, graphql_manifest=str(manifest), **{name: "2"})
    assert_refused(run("serve", "--port", "0"), "the document 'mine': An operation may")
    environment(graphql_manifest=str(manifest), **{name: "3"})
    # It gets as far as the address.
    assert_refused(run("serve", "--host", "nowhere.invalid", "--port", "0"), "unknown")


def status(url: str) -> int:
    """Ask for a page; a server that is still starting lets us wait."""
    try:
        with urlopen(url, timeout=60) as answer:
            return int(answer.status)
    except HTTPError as error:
        with error:
            return error.code


@pytest.mark.parametrize(
    ("workers", "prepared"),
    [("1", False), pytest.param("2", True, marks=pytest.mark.proof)],
)
def test_serve_prepares_a_desk_says_where_it_is_and_answers(
    start: Start, request: pytest.FixtureRequest, workers: str, prepared: bool
) -> None:
    if prepared:
        # There is nothing left to do, which takes less time.
        request.getfixturevalue("sqlite_desk")
    process = start("serve", "--prepare", "--port", "0", "--workers", workers)
    base, said = banner(process, 3)

    assert f"GraphiQL  {base}/graphql\nREST      {base}/api/v1/\n" in said
    assert "admin (an admin), keith (a technician), customer (a customer)" in said
    assert PASSWORD in said
    assert status(f"{base}/api/v1/tickets/") == 401
    err = stop(process)
    assert err.count(" route=/api/v1/tickets/ ") == 1
    assert "\x1b" not in err


def test_production_shows_no_login_and_loads_no_demo(
    start: Start, services: str, environment: Callable[..., None]
) -> None:
    environment(environment="production", secret_key="k" * 32)
    process = start("serve", "--prepare", "--port", "0", "--host", "localhost")
    base, said = banner(process, 2)

    assert base.startswith("http://localhost:")
    assert status(f"{base}/api/v1/tickets/") == 401
    stop(process)
    assert "GraphiQL" not in said
    assert "Log in" not in said
    assert rows(services, "SELECT count(*) FROM users") == [(0,)]


@pytest.mark.parametrize("host", [None, "127.0.0.1"])
def test_serve_says_where_the_metrics_are(
    start: Start, sqlite_desk: str, environment: Callable[..., None], host: str | None
) -> None:
    own = {}
    if host is not None:
        with socket.create_server((host, 0)) as found:
            own = {"metrics_host": host, "metrics_port": str(found.getsockname()[1])}
    environment(metrics="on", **own)
    process = start("serve", "--port", "0")
    base, said = banner(process, 3)

    [at] = re.findall(r"^Metrics   (.*)$", said, re.MULTILINE)
    assert (at == f"{base}/metrics") is (host is None)
    assert b"deskgraph_build_info" in urlopen(at, timeout=DEADLINE_SECONDS).read()
    stop(process)


@pytest.mark.parametrize("left", ["admin", "ploy"])
def test_production_does_not_start_with_the_password_of_the_demo(
    run: Run, sqlite_desk: str, environment: Callable[..., None], left: str
) -> None:
    change(sqlite_desk, f"UPDATE users SET is_active = false WHERE username <> '{left}'")
    environment(environment="production", secret_key="k" * 32)
    assert_refused(run("serve", "--port", "0"), "demo's password", left)
