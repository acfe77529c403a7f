"""Long proofs: ``make proofs`` runs them at full size; the suite runs small versions of most.

``@pytest.mark.proof`` marks a test that only ``make proofs`` runs: the suite deselects it. With
``small=True`` the suite runs it as well, at the size that the test gives for it.
"""

import os
import re
from collections.abc import Collection

import pytest
from hypothesis import HealthCheck, settings

LONG = os.environ.get("DESKGRAPH_PROOFS") == "1"
# How many random examples to try, others each time: the targets for fuzzing give it.
EXAMPLES = int(os.environ.get("DESKGRAPH_PROOFS_EXAMPLES", "0"))
# The suite runs these on SQLite. What they state does not depend on the database, and the commands,
# plans and statements below it are those that other tests run on both.
ON_SQLITE = (
    "tests/deskgraph/cli/test_accounts.py",
    "tests/deskgraph/cli/test_checks.py::test_a_store_that_fails_hides_nothing_else",
    "tests/deskgraph/cli/test_checks.py::test_all_is_well",
    "tests/deskgraph/cli/test_checks.py::test_an_import_that_has_not_ended",
    "tests/deskgraph/cli/test_checks.py::test_files_and_rows_that_lack_each_other",
    "tests/deskgraph/cli/test_checks.py::test_webhooks_that_failed",
    "tests/deskgraph/cli/test_commands.py",
    "tests/deskgraph/cli/test_errors.py",
    "tests/deskgraph/importer/test_histories.py",
    "tests/deskgraph/importer/test_import.py",
    "tests/deskgraph/importer/test_media.py",
    "tests/deskgraph/importer/test_rejects.py",
    "tests/deskgraph/importer/test_trouble.py",
    "tests/deskgraph/observability/",
    "tests/deskgraph/storage/test_orphan_cleanup.py",
    "tests/deskgraph/test_app.py",
    "tests/deskgraph/test_demo.py",
    "tests/deskgraph/test_key_rotation.py",
    "tests/live/test_ending.py",
    "tests/live/test_logins.py",
    "tests/live/test_persisted.py",
    "tests/live/test_protocol.py",
    "tests/live/test_redaction.py",
    "tests/live/test_time_limit.py",
    "tests/polling/test_time.py",
    "tests/polling/test_writes.py",
    "tests/rest_compat/http/test_bodies.py",
    "tests/rest_compat/http/test_conflicts.py",
    "tests/rest_compat/http/test_downloads.py",
    "tests/rest_compat/http/test_etags.py",
    "tests/rest_compat/http/test_http.py",
    "tests/rest_compat/http/test_rules.py",
    "tests/rest_compat/http/test_throttle.py",
    "tests/schema/batches/",
    "tests/schema/errors/",
    "tests/schema/execution/test_costs.py",
    "tests/schema/execution/test_persisted_documents.py",
    "tests/schema/execution/test_reservations.py",
    "tests/schema/execution/test_single_field.py",
    "tests/schema/operations/test_mutation_errors.py",
    "tests/schema/operations/test_search_selections.py",
    "tests/schema/operations/test_webhooks.py",
    "tests/schema/projection/test_selection.py",
    "tests/schema/transport/",
    "tests/schema/types/",
    "tests/viewers/test_calls.py",
    "tests/viewers/test_credentials.py",
    "tests/viewers/test_equivalents.py",
    "tests/viewers/test_followed.py",
    "tests/viewers/test_matrix.py",
    "tests/viewers/test_permissions.py",
    "tests/viewers/test_reference.py",
    "tests/webhooks/test_attempts.py",
    "tests/webhooks/test_events.py",
)
_OF_POSTGRES = re.compile(r"[\[-]postgres[\]-]")


def on(small: str) -> pytest.MarkDecorator:
    """Run a proof on one kind of database in the suite, and on both in the long run."""
    kinds = [
        pytest.param(kind, marks=pytest.mark.proof(small=kind == small))
        for kind in ("sqlite", "postgres")
    ]
    return pytest.mark.parametrize("backend", kinds, indirect=True)


def pairs(
    name: str, values: Collection[object], *, small: Collection[tuple[str, object]]
) -> pytest.MarkDecorator:
    """Run a proof with each value on each kind of database, with ``small`` of them in the suite."""
    every = [(kind, value) for kind in ("sqlite", "postgres") for value in values]
    given = [pytest.param(*pair, marks=pytest.mark.proof(small=pair in small)) for pair in every]
    return pytest.mark.parametrize(("backend", name), given, indirect=["backend"])


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
    return all(proof.kwargs.get("small") for proof in item.iter_markers("proof"))


def mark(item: pytest.Item) -> None:
    """Make a proof of a test that the suite runs on SQLite only."""
    if item.nodeid.startswith(ON_SQLITE) and _OF_POSTGRES.search(item.nodeid):
        item.add_marker("proof")
