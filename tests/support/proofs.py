"""Long proofs: ``make proofs`` runs them at full size; the suite runs small versions of most.

``@pytest.mark.proof`` marks a test that only ``make proofs`` runs: the suite deselects it. With
``small=True`` the suite runs it as well, at the size that the test gives for it.
"""

import os

import pytest
from hypothesis import HealthCheck, settings

LONG = os.environ.get("DESKGRAPH_PROOFS") == "1"
# How many random examples to try, others each time: the targets for fuzzing give it.
EXAMPLES = int(os.environ.get("DESKGRAPH_PROOFS_EXAMPLES", "0"))
# The suite runs these on SQLite: they are many, and what they ask is asked of PostgreSQL elsewhere.
ON_SQLITE = (
    "tests/viewers/test_matrix.py",
    "tests/viewers/test_equivalents.py",
    "tests/viewers/test_reference.py",
    "tests/rest_compat/http/test_bodies.py",
    "tests/rest_compat/http/test_http.py",
    "tests/rest_compat/http/test_rules.py",
    "tests/deskgraph/importer/test_histories.py",
    "tests/deskgraph/importer/test_media.py",
    "tests/deskgraph/importer/test_rejects.py",
)


def on(small: str) -> pytest.MarkDecorator:
    """Run a proof on one kind of database in the suite, and on both in the long run."""
    kinds = [
        pytest.param(kind, marks=pytest.mark.proof(small=kind == small))
        for kind in ("sqlite", "postgres")
    ]
    return pytest.mark.parametrize("backend", kinds, indirect=True)


def examples(small: int, long: int, *, share: int = 1) -> settings:
    """Return the settings of a random test, of which there are ``share`` for each example."""
    return settings(
        max_examples=max(EXAMPLES // share, 1) if EXAMPLES else long if LONG else small,
        derandomize=not EXAMPLES,
        database=None,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )


def in_suite(item: pytest.Item) -> bool:
    """Whether the suite runs a test."""
    proof = item.get_closest_marker("proof")
    return proof is None or bool(proof.kwargs.get("small"))


def mark(item: pytest.Item) -> None:
    """Make a proof of a test that the suite runs on SQLite only."""
    if item.nodeid.startswith(ON_SQLITE) and "[postgres" in item.nodeid:
        item.add_marker("proof")
