"""What the wheel has: the five packages and their data, and nothing of a developer's."""

import sys
from pathlib import Path
from zipfile import ZipFile

from tests.layers.test_layers import FILES, PRODUCT
from tests.support.paths import ROOT
from tests.support.processes.launcher import run

DATA = {
    "deskgraph/console/plain.html",
    "deskgraph/demo/data.toml",
    "deskgraph/pages/static/bar.js",
    "rest_compat/openapi.json",
    "schema/snapshots/schema.graphql",
}


def test_the_wheel_has_the_packages_with_their_data(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    built = run(command, cwd=ROOT)
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}

    modules = {str(path.relative_to(ROOT)) for path in FILES}
    assert {name for name in names if name.endswith(".py")} == modules
    assert names >= DATA | {f"{package}/py.typed" for package in PRODUCT}
    assert {name.split("/")[0] for name in names} == set(PRODUCT)
    assert not {name for name in names if "released" in name or "recorded" in name}
