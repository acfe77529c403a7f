"""Documents and examples name the version of the project, as its wheel and its image have it."""

import re
import tomllib

from tests.support.paths import ROOT

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
NAMED = re.compile(r"\bdeskgraph(?:-([\w.]+)-py3-none-any\.whl|:(\d[\w.]*))")
FILES = ("README.md", "CONTRIBUTING.md", "docs/*.md", "examples/**/*", "compose.yaml", "Dockerfile")


def test_wheels_and_images_are_named_by_the_version_of_the_project() -> None:
    found = {
        (str(path.relative_to(ROOT)), wheel or image)
        for pattern in FILES
        for path in ROOT.glob(pattern)
        if path.is_file()
        for wheel, image in NAMED.findall(path.read_text("utf-8"))
    }
    assert {version for _, version in found} == {VERSION}
    assert {name for name, _ in found} >= {
        "docs/deployment.md",
        "examples/kubernetes/deployment.yaml",
        "examples/kubernetes/migration.yaml",
    }
