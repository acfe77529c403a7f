"""compose.yaml and the examples for Kubernetes and systemd: valid, and true to the server."""

import configparser
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from deskgraph.settings import IN_FILES, PREFIX, Settings
from tests.docs.markdown import blocks
from tests.shipping.dockerfile import stages
from tests.support.fixtures import MakeClient
from tests.support.paths import ROOT
from tests.support.processes.launcher import run

KUBERNETES = sorted((ROOT / "examples/kubernetes").glob("*.yaml"))
UNITS = sorted((ROOT / "examples/systemd").iterdir())
IMAGE = stages()[-1]
# The oldest version that is still maintained, or was until lately, and the newest that is known.
VERSIONS = ("1.33", "1.37")
BIN = Path(sys.executable).parent
PROGRAM = "/opt/deskgraph/bin/deskgraph"


def loaded(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8"))


def of_kind(kind: str) -> Any:
    """Return the manifest of a kind."""
    (found,) = [one for one in map(loaded, KUBERNETES) if one["kind"] == kind]
    return found


def pod_of(kind: str) -> Any:
    return of_kind(kind)["spec"]["template"]["spec"]


def environment_of(kind: str) -> dict[str, str]:
    (container,) = pod_of(kind)["containers"]
    return {one["name"]: one["value"] for one in container["env"]}


def composed() -> Any:
    """Return the services of compose.yaml."""
    return loaded(ROOT / "compose.yaml")["services"]


def compose_is_valid(path: Path) -> bool:
    command = [f"{BIN}/check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(path)]
    return run(command).returncode == 0


def test_compose_fits_its_schema(tmp_path: Path) -> None:
    assert compose_is_valid(ROOT / "compose.yaml")
    wrong = tmp_path / "compose.yaml"
    wrong.write_text((ROOT / "compose.yaml").read_text().replace("cap_drop", "cap_dropped"))
    assert not compose_is_valid(wrong)


def kubernetes_are_valid(version: str, *paths: Path) -> bool:
    command = [f"{BIN}/kubernetes-validate", "--strict", "-k", version, *map(str, paths)]
    return run(command).returncode == 0


@pytest.mark.parametrize("version", VERSIONS)
def test_manifests_fit_their_schemas(version: str, tmp_path: Path) -> None:
    assert kubernetes_are_valid(version, *KUBERNETES)
    wrong = tmp_path / "wrong.yaml"
    text = (ROOT / "examples/kubernetes/deployment.yaml").read_text("utf-8")
    wrong.write_text(text.replace("failureThreshold", "failuresThreshold"))
    assert not kubernetes_are_valid(version, wrong)


def complaints(unit: Path) -> str:
    """Return what systemd says of a unit; the units that it names lie beside it."""
    return run(["systemd-analyze", "verify", unit]).stderr


def test_units_are_valid(tmp_path: Path) -> None:
    assert {unit.suffix for unit in UNITS} == {".service", ".timer"}
    for unit in UNITS:
        parser = configparser.RawConfigParser(strict=False)
        parser.read(unit)
        assert parser["Unit"]["description"]
        if unit.suffix == ".service":
            assert parser["Service"]["execstart"].split()[0] == PROGRAM
            assert parser["Service"]["user"] == "deskgraph"
        # systemd looks for the program.
        text = unit.read_text("utf-8").replace(PROGRAM, sys.executable)
        (tmp_path / unit.name).write_text(text)
    wrong = tmp_path / "wrong.service"
    wrong.write_text("[Service]\nExecStart=relative/path\n")
    if shutil.which("systemd-analyze"):
        assert complaints(wrong)
        assert [complaints(tmp_path / unit.name) for unit in UNITS] == [""] * len(UNITS)


def test_a_reload_of_the_unit_replaces_workers() -> None:
    parser = configparser.RawConfigParser(strict=False)
    parser.read(ROOT / "examples/systemd/deskgraph.service")
    assert parser["Service"]["execreload"] == "kill -HUP $MAINPID"
    started = parser["Service"]["execstart"].split()
    assert int(started[started.index("--workers") + 1]) >= 2


def test_the_documentation_shows_the_unit() -> None:
    text = (ROOT / "docs/deployment.md").read_text("utf-8")
    shown = [block.text for block in blocks(text) if block.text.startswith("[Unit]")]
    assert shown == [(ROOT / "examples/systemd/deskgraph.service").read_text("utf-8").strip()]


def test_every_setting_that_they_give_exists() -> None:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    known |= {f"{PREFIX}{name.upper()}_FILE" for name in IN_FILES}
    for given in (
        environment_of("Deployment"),
        environment_of("Job"),
        composed()["server"]["environment"],
        IMAGE.environment,
    ):
        ours = {name for name in given if name.startswith(PREFIX)}
        assert ours
        assert ours <= known
    values = environment_of("Deployment").items()
    assert Settings.model_validate(
        {
            name.removeprefix(PREFIX).lower(): value
            for name, value in values
            if name.startswith(PREFIX) and not name.endswith("_FILE")
        }
    )


def test_secrets_are_files() -> None:
    for kind in ("Deployment", "Job"):
        (container,) = pod_of(kind)["containers"]
        places = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
        files = [v for name, v in environment_of(kind).items() if name.endswith("_FILE")]
        assert len(files) == 2
        assert {places[str(Path(file).parent)] for file in files} == {"secrets"}
        assert not set(environment_of(kind)) & {f"{PREFIX}SECRET_KEY", f"{PREFIX}DATABASE_URL"}
    services, named = composed(), loaded(ROOT / "compose.yaml")["secrets"]
    for service in services.values():
        files = [v for name, v in service["environment"].items() if name.endswith("_FILE")]
        assert {Path(file).name for file in files} == set(service["secrets"]) <= set(named)


def test_nothing_runs_with_rights_that_it_does_not_need() -> None:
    user = int(IMAGE.one("USER").text.partition(":")[0])
    for kind in ("Deployment", "Job"):
        pod = pod_of(kind)
        (container,) = pod["containers"]
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] == user
        assert pod["securityContext"]["fsGroup"] == user
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        # What is received and what workers share is written there.
        assert "/tmp" in {mount["mountPath"] for mount in container["volumeMounts"]}
    for name in ("migrate", "server"):
        service = composed()[name]
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
        assert service["tmpfs"] == ["/tmp"]
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_the_database_is_migrated_before_anything_serves() -> None:
    services = composed()
    assert services["migrate"]["command"] == ["migrate"]
    assert services["migrate"]["depends_on"] == {"database": {"condition": "service_healthy"}}
    waits = services["server"]["depends_on"]["migrate"]
    assert waits == {"condition": "service_completed_successfully"}
    assert services["server"]["command"][-2:] == ["--workers", "2"]
    (container,) = pod_of("Job")["containers"]
    assert container["args"] == ["migrate"]
    (serving,) = pod_of("Deployment")["containers"]
    assert container["image"] == serving["image"]


def test_the_command_for_a_plan_makes_a_job_that_only_plans(tmp_path: Path) -> None:
    text = (ROOT / "docs/deployment.md").read_text("utf-8")
    (line,) = re.findall(r"^(sed .*) \| kubectl apply -f -$", text, re.M)
    made = tmp_path / "plan.yaml"
    made.write_text(run(["sh", "-euc", line], cwd=ROOT).stdout)

    job, migration = loaded(made), of_kind("Job")
    assert kubernetes_are_valid(VERSIONS[-1], made)
    assert job["metadata"].pop("name") == "deskgraph-plan" != migration["metadata"].pop("name")
    (planning,) = job["spec"]["template"]["spec"]["containers"]
    (migrating,) = migration["spec"]["template"]["spec"]["containers"]
    assert planning.pop("args") == [*migrating.pop("args"), "--plan"]
    assert job == migration


@pytest.mark.anyio
async def test_probes_ask_for_addresses_that_there_are(make_client: MakeClient) -> None:
    (container,) = pod_of("Deployment")["containers"]
    (port,) = container["ports"]
    paths = {}
    for name in ("startupProbe", "livenessProbe", "readinessProbe"):
        asked = container[name]["httpGet"]
        assert asked["port"] == port["name"]
        paths[name] = asked["path"]
    assert paths == {
        "startupProbe": "/healthz",
        "livenessProbe": "/healthz",
        "readinessProbe": "/readyz",
    }
    assert str(port["containerPort"]) == IMAGE.one("EXPOSE").text
    async with make_client() as client:
        assert (await client.get(paths["livenessProbe"])).status_code == 200
        # It has a database that was not opened.
        assert (await client.get(paths["readinessProbe"])).status_code == 503


def test_they_wait_for_requests_that_have_begun() -> None:
    given = environment_of("Deployment")
    shutdown = int(Settings.model_fields["shutdown_seconds"].default)
    drain = int(given[f"{PREFIX}DRAIN_SECONDS"])
    assert pod_of("Deployment")["terminationGracePeriodSeconds"] >= drain + shutdown + 5
    assert int(composed()["server"]["stop_grace_period"].removesuffix("s")) >= shutdown + 5
    unit = (ROOT / "examples/systemd/deskgraph.service").read_text("utf-8")
    (seconds,) = [line for line in unit.splitlines() if line.startswith("TimeoutStopSec=")]
    assert int(seconds.partition("=")[2]) >= shutdown + 5


def test_what_selects_pods_selects_those_of_the_server() -> None:
    deployment = of_kind("Deployment")["spec"]
    labels = deployment["template"]["metadata"]["labels"]
    selectors = [
        deployment["selector"]["matchLabels"],
        of_kind("Service")["spec"]["selector"],
        of_kind("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
    ]
    for selector in selectors:
        assert selector.items() <= labels.items()
        assert (
            not selector.items() <= of_kind("Job")["spec"]["template"]["metadata"]["labels"].items()
        )
    assert of_kind("PodDisruptionBudget")["spec"]["minAvailable"] < deployment["replicas"]
