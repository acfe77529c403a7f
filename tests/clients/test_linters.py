"""The linters of schemas find nothing in ours; their settings say which rules do not hold."""

from pathlib import Path

import pytest

from tests.clients.conftest import HERE, Run
from tests.support.paths import ROOT

pytestmark = pytest.mark.proof

LINTERS = {
    "eslint": ("--config", str(HERE / "eslint.config.mjs"), "--max-warnings", "0"),
    "graphql-schema-linter": ("--config-directory", str(HERE)),
}
SCHEMA = "schema/snapshots/schema.graphql"
# Each is against a rule of both.
FLAWS = {
    "  hasNextPage: Boolean!": "  hasNextPage: Boolean",
    "  IN_PROGRESS\n": "  InProgress\n",
}


@pytest.mark.parametrize("linter", LINTERS)
def test_it_finds_nothing(run: Run, linter: str) -> None:
    run(linter, *LINTERS[linter], SCHEMA, folder=ROOT)


@pytest.mark.parametrize("linter", LINTERS)
def test_it_would_find_something(run: Run, linter: str, tmp_path: Path) -> None:
    text = (ROOT / SCHEMA).read_text("utf-8")
    for right, wrong in FLAWS.items():
        text = text.replace(right, wrong)
    (tmp_path / SCHEMA).parent.mkdir(parents=True)
    (tmp_path / SCHEMA).write_text(text, "utf-8")

    with pytest.raises(AssertionError) as found:
        run(linter, *LINTERS[linter], SCHEMA, folder=tmp_path)

    assert "hasNextPage" in str(found.value)
    assert "InProgress" in str(found.value)
