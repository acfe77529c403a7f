"""Whatever is sent to the REST API, the answer is one that its API document tells of.

The suite makes a few requests to a few paths, ``make proofs`` some to every path, and
``make fuzz-api`` goes on for long.
"""

from pathlib import Path

import pytest

from tests.fuzz.api import run
from tests.support import proofs

# With many requests for each path, every phase is run on all paths.
EXAMPLES = proofs.EXAMPLES or 1
MANY = EXAMPLES >= 10
# A few paths of each kind: what has to be refused is tried for one field after another.
PATHS = "ticket-comments|auth/refresh|auth/me" if proofs.LONG else "auth/refresh|auth/me"
SOME = ["--include-path-regex", f"^/api/v1/({PATHS})/"]


def check(url: str, folder: Path, *arguments: str) -> None:
    # Few requests are always the same: what one run finds is to be found by the next one, too.
    how = ["--generation-database", "none"] if MANY else ["--generation-deterministic"]
    done = run(url, folder, [*arguments, *how])
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


@proofs.on("sqlite")
def test_requests_of_every_kind_are_answered_as_told(database_url: str, tmp_path: Path) -> None:
    phases = "examples,fuzzing,stateful" if MANY else "fuzzing,stateful"
    if not proofs.LONG:
        phases = "coverage,fuzzing"
    some = [] if proofs.LONG else SOME
    check(database_url, tmp_path, "--phases", phases, "--max-examples", str(EXAMPLES), *some)


@pytest.mark.proof
def test_what_is_wrong_is_refused_field_by_field(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    for kind in ["sqlite", "postgres"] if MANY else ["sqlite"]:
        url = request.getfixturevalue(f"{kind}_url")
        folder = tmp_path / kind
        folder.mkdir()
        check(url, folder, "--phases", "coverage", *([] if MANY else SOME))
