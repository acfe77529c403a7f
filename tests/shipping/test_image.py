"""The image: what goes into it, who runs in it, and its steps, which a proof executes."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import yaml
from sqlalchemy.engine import make_url
from starlette.applications import Starlette

from deskgraph.app import create_app
from deskgraph.settings import PREFIX
from tests.shipping.dockerfile import is_sent, sent_files, stages
from tests.shipping.scratch import Scratch
from tests.support.paths import ROOT
from tests.support.processes.launcher import DEADLINE_SECONDS, child, run
from tests.support.processes.local_server import serving_in_a_thread
from tests.support.settings import settings_for

STAGES = stages()
IMAGE = STAGES[-1]
PORT = "8000"
PASSWORD = "a password for nina, long enough"


def test_it_runs_as_a_user_without_rights() -> None:
    user, group = IMAGE.one("USER").text.split(":")
    assert user.isdigit()
    assert int(user) == int(group) > 1000
    after = IMAGE.instructions[IMAGE.instructions.index(IMAGE.one("USER")) :]
    assert not {one.name for one in after} & {"RUN", "COPY", "ADD"}
    assert IMAGE.environment["DESKGRAPH_ENVIRONMENT"] == "production"


def test_what_it_installs_is_pinned() -> None:
    for stage in STAGES:
        image, _, tag = stage.base.partition(":")
        assert image in ("node", "python")
        assert re.fullmatch(r"[0-9.]+(-slim)?-bookworm(-slim)?", tag)
        for one in stage.named("RUN"):
            if "pip install" in one.text:
                assert "--no-deps" in one.text
                pinned = re.search(r'--require-hashes -r ("\$REQUIREMENTS"|requirements)', one.text)
                assert pinned or "--no-index" in one.text
            assert not re.search(r"npm (install|i)\b|\b(curl|wget|apt-get|ADD)\b", one.text)
    # What builds stays behind.
    assert [one.flags for one in IMAGE.named("COPY")] == [{"from": "build"}]


def pins(name: str) -> set[str]:
    """Return the packages of a lock with their versions."""
    return set(re.findall(r"^([\w.-]+==[\w.]+) \\", (ROOT / name).read_text("utf-8"), re.M))


def test_it_has_the_packages_of_traces_only_where_they_are_wanted() -> None:
    build = STAGES[-2]
    assert build.one("ARG").text == "REQUIREMENTS=requirements.lock"
    (other,) = {name for name in build.named("COPY")[0].words if "otel" in name}
    more = pins(other) - pins("requirements.lock")
    assert pins("requirements.lock") < pins(other) < pins("requirements-dev.lock")
    assert {one.partition("==")[0] for one in more} >= {
        "opentelemetry-sdk",
        "opentelemetry-exporter-otlp-proto-http",
    }
    text = (ROOT / "compose.yaml").read_text("utf-8")
    assert yaml.safe_load(text)["services"]["server"]["build"]["args"] == {
        "REQUIREMENTS": "${REQUIREMENTS:-requirements.lock}"
    }
    assert f"Set to {other} for traces." in text


def test_what_builds_the_wheel_is_that_of_the_tests() -> None:
    assert {pin.partition("==")[0] for pin in pins("requirements-build.lock")} >= {"hatchling"}
    assert pins("requirements-build.lock") <= pins("requirements-dev.lock")


def test_what_is_copied_is_there_and_nothing_else_is_sent() -> None:
    names = [
        name
        for stage in STAGES
        for one in stage.named("COPY")
        if "from" not in one.flags
        for name in one.words[:-1]
    ]
    for name in names:
        assert sent_files(name), name
    tracked = run(["git", "ls-files"], cwd=ROOT).stdout.splitlines()
    for name in tracked or names:
        wanted = any((ROOT / name).is_relative_to(ROOT / other) for other in names)
        assert is_sent(ROOT / name) == wanted, name
    for name in (".env", "var/secret.key", "deskgraph/console/dist/console.js", ".git/config"):
        assert not is_sent(ROOT / name)
    assert not is_sent(ROOT / "models" / "__pycache__" / "base.cpython-311.pyc")


def test_one_port_is_listened_on_exposed_and_looked_at() -> None:
    command = IMAGE.one("CMD").words
    assert command[command.index("--host") + 1] == "0.0.0.0"
    assert command[command.index("--port") + 1] == IMAGE.one("EXPOSE").text == PORT
    assert f"'127.0.0.1', {PORT}, " in IMAGE.health_check[-1]


def checks(port: int, **environment: str) -> int:
    """Run the health check on a port; return its status."""
    name, *arguments = (part.replace(PORT, str(port)) for part in IMAGE.health_check)
    assert name == "python"
    return run([sys.executable, *arguments], env=environment).returncode


def test_the_health_check_tells_whether_the_server_works(sqlite_url: str, tmp_path: Path) -> None:
    elsewhere = {"http_proxy": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
    app = create_app(settings_for(sqlite_url, tmp_path))
    with serving_in_a_thread(app, log_level="error") as running:
        assert checks(running.port, **elsewhere) == 0
        port = running.port
    assert checks(port) == 1
    with serving_in_a_thread(Starlette(), log_level="error") as other:
        assert checks(other.port) == 1


def test_secrets_are_made_once(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    found = []
    for _ in range(2):
        made = run(["sh", ROOT / "examples/compose/make-secrets.sh", folder])
        assert (made.returncode, made.stdout, made.stderr) == (0, "", "")
        found.append({path.name: path.read_text() for path in folder.iterdir()})
    assert found[0] == found[1]
    assert folder.stat().st_mode & 0o777 == 0o700
    named = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))["secrets"]
    assert found[0].keys() == named.keys()
    url = make_url(found[0]["database_url"].strip())
    assert (url.password, url.host) == (found[0]["database_password"].strip(), "database")
    assert len(found[0]["secret_key"]) > 64
    # What is lost is made again, and the rest stays.
    (folder / "secret_key").unlink()
    run(["sh", ROOT / "examples/compose/make-secrets.sh", folder])
    assert (folder / "database_url").read_text() == found[0]["database_url"]
    assert (folder / "secret_key").read_text() != found[0]["secret_key"]


@pytest.fixture
def scratch() -> Iterator[Scratch]:
    """Give a folder for the stages that the image's user may enter."""
    user = int(IMAGE.one("USER").text.partition(":")[0])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield Scratch(folder, user if os.geteuid() == 0 else None)


def can_trace(scratch: Scratch) -> bool:
    """Whether the Python of the image finds what traces need."""
    python = str(scratch.root / "opt/deskgraph/bin/python")
    scratch.execute([python, "-c", "import starlette"], {})
    wanted = "import opentelemetry.sdk, opentelemetry.exporter.otlp.proto.http"
    return scratch.execute([python, "-c", wanted], {}, may_fail=True).returncode == 0


@pytest.mark.proof
def test_an_image_that_is_built_for_traces_has_their_packages(scratch: Scratch) -> None:
    build = STAGES[-2]
    installed = build.instructions.index(build.one("ARG")) + 2
    scratch.arguments["REQUIREMENTS"] = "requirements-otel.lock"
    scratch.build([replace(build, instructions=build.instructions[:installed])])
    assert can_trace(scratch)


@pytest.mark.proof
def test_its_steps_make_a_server_that_works(
    scratch: Scratch, blank_postgres_url: Callable[[], str]
) -> None:
    """Run each step, and then what compose.yaml starts, as the user of the image."""
    scratch.build(STAGES)
    environment = {name: scratch.inside(text) for name, text in IMAGE.environment.items()}
    (server,) = scratch.root.glob("opt/deskgraph/lib/python*/site-packages/deskgraph")
    assert (server / "console/dist/manifest.json").is_file()
    assert not can_trace(scratch)
    entry = [str(scratch.root / "opt/deskgraph/bin/deskgraph")]

    refused = scratch.execute([*entry, *IMAGE.one("CMD").words], environment, may_fail=True)
    assert refused.returncode == 1
    assert f"{PREFIX}SECRET_KEY is not set" in refused.stderr

    secrets = scratch.root / "run/secrets"
    run(["sh", ROOT / "examples/compose/make-secrets.sh", secrets])
    # Docker brings each file by itself, and the folder around it can be entered.
    secrets.chmod(0o755)
    (secrets / "database_url").chmod(0o644)
    (secrets / "database_url").write_text(blank_postgres_url())
    services = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))["services"]
    given = services["server"]["environment"]
    environment |= {name: scratch.inside(given[name]) for name in given if name.endswith("_FILE")}
    environment[f"{PREFIX}COMPRESSION"] = "on"
    for _ in range(2):
        scratch.execute([*entry, *services["migrate"]["command"]], environment)
    added = scratch.execute(
        [*entry, "user", "add", "--username", "nina", "--role", "Admin", "--password-stdin"],
        environment,
        input=PASSWORD,
    )
    assert added.stdout == "Added nina (Admin).\n"

    command = [part.replace(PORT, "0") for part in services["server"]["command"]]
    log = scratch.folder / "server.log"
    with (
        log.open("w") as errors,
        child(
            [*entry, *command],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            **scratch.process(environment),
        ) as process,
    ):
        assert process.stdout is not None
        base = process.stdout.readline().split()[-1].removesuffix("/graphql")
        port = httpx.URL(base).port
        check = [part.replace(PORT, str(port)) for part in IMAGE.health_check]
        check[0] = str(scratch.root / "opt/deskgraph/bin/python")
        # As Docker does, until the workers serve.
        until = time.monotonic() + DEADLINE_SECONDS
        while scratch.execute(check, environment, may_fail=True).returncode != 0:
            assert time.monotonic() < until, log.read_text()
        if scratch.user is not None:
            assert (
                f"\nUid:\t{scratch.user}\t{scratch.user}\t"
                in Path(f"/proc/{process.pid}/status").read_text()
            )
        with httpx.Client(base_url=base, verify=False, timeout=30) as client:
            assert client.get("/readyz").json() == {"status": "ready"}
            (style,) = re.findall('"(docs/swagger-ui/.*css)"', client.get("/api/v1/docs").text)
            assert client.get(f"/api/v1/{style}").status_code == 200
            sent = {"username": "nina", "password": PASSWORD}
            access = client.post("/api/v1/auth/login/", json=sent).json()["access"]
            me = client.get("/api/v1/auth/me/", headers={"Authorization": f"Bearer {access}"})
            assert me.json()["username"] == "nina"
        process.send_signal(signal.Signals[IMAGE.one("STOPSIGNAL").text])
        assert process.wait(60) == 0
    assert "Traceback" not in log.read_text()
