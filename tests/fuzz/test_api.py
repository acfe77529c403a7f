"""Whatever is sent to the REST face, the answer is one that its API document tells of.

``make fuzz-api`` does this for long; the suite makes a few requests to every path.
"""

import os
from pathlib import Path

import pytest

from tests.fuzz.api import run

# How many requests are tried for each path; beyond the suite's, every phase is run on all paths.
EXAMPLES = int(os.environ.get("DESKGRAPH_FUZZ_EXAMPLES", "1"))
IN_SUITE = EXAMPLES < 10
# A few paths of each kind: what has to be refused is tried for one field after another.
SOME = ["--include-path-regex", "^/api/v1/(ticket-comments|auth/refresh|auth/me)/"]


def check(url: str, folder: Path, *arguments: str) -> None:
    # In the suite always the same requests: what it finds is to be found by the next run, too.
    how = ["--generation-deterministic"] if IN_SUITE else ["--generation-database", "none"]
    done = run(url, folder, [*arguments, *how])
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


def test_requests_of_every_kind_are_answered_as_told(database_url: str, tmp_path: Path) -> None:
    phases = "fuzzing,stateful" if IN_SUITE else "examples,fuzzing,stateful"
    check(database_url, tmp_path, "--phases", phases, "--max-examples", str(EXAMPLES))


def test_what_is_wrong_is_refused_field_by_field(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    for kind in ["sqlite"] if IN_SUITE else ["sqlite", "postgres"]:
        url = request.getfixturevalue(f"{kind}_url")
        folder = tmp_path / kind
        folder.mkdir()
        check(url, folder, "--phases", "coverage", *(SOME if IN_SUITE else []))
